"""Prefill, decoding and time per answer of the embedded model on llama.cpp (by weight type and parallel slots) and on batched torch.

    python benchmarks/generation.py [--questions 16] [--rounds 1] [--threads 2] [--plain-cpu]

Prompts are a question of squad2_en with its gold passage and others, about 500 tokens; every answer has exactly 48 tokens, so that
engines do the same work. Each configuration runs in its own process, one after the other, `rounds` times interleaved: read ratios
within one run. `--plain-cpu` keeps torch from AVX-512 and AMX, as on a common desktop; the llama.cpp wheel never uses them.
Needs the datasets at KNOWHOW_DATA (default ../shared/data) and, for the torch rows, the train extra.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from knowhow import models
from knowhow.generation.chat import ChatTokenizer
from knowhow.generation.prompts import PromptStyle, render_within
from knowhow.models.gguf_file import read_header
from knowhow.models.quantisation import requantise
from knowhow.types import Chunk, Hit, Query

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
NEW_TOKENS = 48
WEIGHTS = ("q4_1", "q4_0", "q8_0", "f16", "bf16")
CONFIGURATIONS = [
    *(f"llama_cpp {kind} x8" for kind in WEIGHTS),
    "llama_cpp q8_0 x1",
    "torch float32 x8",
    "torch bfloat16 x8",
]
PLAIN_CPU = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def load_prompts(questions: int) -> list[list[int]]:
    """Return token ids of grounded prompts of at most 600 tokens."""
    folder = DATA / "squad2_en"
    if not folder.is_dir():
        raise SystemExit(f"There is no {folder}. Set KNOWHOW_DATA to the folder of the datasets.")
    documents = {row["id"]: row for row in map(json.loads, (folder / "documents.jsonl").open())}
    rows = [row for row in map(json.loads, (folder / "questions.jsonl").open()) if row["answerable"]]
    chance = random.Random(7)
    tokenizer = ChatTokenizer.from_gguf(read_header(models.smollm_gguf()).metadata)
    prompts = []
    for row in chance.sample(rows, questions):
        names = [row["gold_document_ids"][0], *chance.sample(sorted(documents), 6)]
        hits = [
            Hit(Chunk(name, name, documents[name]["text"], 0, 0, title=documents[name]["title"]), 1.0)
            for name in names
        ]
        prompt = render_within(Query(row["question"]), hits, PromptStyle(), room=600, count=tokenizer.count)
        prompts.append(tokenizer.encode(prompt.conversation))
    return prompts


def run_llama(path: Path, prompts: list[list[int]], parallel: int, threads: int) -> dict[str, float]:
    """Measure llama.cpp through its raw completion call, end of text ignored."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import xllamacpp

    with tempfile.TemporaryDirectory() as folder:
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_parallel, parameters.n_ctx = parallel, 1024 * parallel
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
        parameters.hostnames = [f"{folder}/engine.sock"]
        parameters.verbosity, parameters.ui, parameters.cache_ram_mib = -1, False, 0
        started = time.perf_counter()
        server = xllamacpp.Server(parameters)
        load_s = time.perf_counter() - started

        def complete(prompt: list[int], tokens: int = NEW_TOKENS) -> dict[str, float]:
            request = {
                "prompt": prompt,
                "max_tokens": tokens,
                "temperature": 0,
                "ignore_eos": True,
                "cache_prompt": False,
            }
            return dict(server.handle_completions(request)["timings"])

        complete(prompts[0][:32], 2)
        started = time.perf_counter()
        with ThreadPoolExecutor(parallel) as pool:
            list(pool.map(complete, prompts))
        wall = time.perf_counter() - started
        # Stages overlap between slots, so each one's own speed is taken alone.
        alone = [complete(prompt) for prompt in prompts[:3]]
    return {
        "load_s": load_s,
        "answer_s": wall / len(prompts),
        "prefill_tokens_s": 1000
        * sum(one["prompt_n"] for one in alone)
        / sum(one["prompt_ms"] for one in alone),
        "decode_tokens_s": 1000
        * sum(one["predicted_n"] for one in alone)
        / sum(one["predicted_ms"] for one in alone),
    }


def run_torch(precision: str, prompts: list[list[int]], batch: int, threads: int) -> dict[str, float]:
    """Measure a padded, length-sorted greedy batch, end of text ignored."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(threads)
    started = time.perf_counter()
    dtype = getattr(torch, precision)
    model = AutoModelForCausalLM.from_pretrained(models.smollm_directory(), dtype=dtype).eval()
    load_s = time.perf_counter() - started
    prefill = decode = 0.0
    prompts = sorted(prompts, key=len)
    with torch.inference_mode():
        model(torch.tensor([prompts[0][:32]]))
        for start in range(0, len(prompts), batch):
            rows = prompts[start : start + batch]
            width = max(map(len, rows))
            ids = torch.tensor([[2] * (width - len(row)) + row for row in rows])
            mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
            place = (mask.cumsum(1) - 1).clamp(min=0)
            started = time.perf_counter()
            output = model(ids, attention_mask=mask, position_ids=place, use_cache=True, logits_to_keep=1)
            prefill += time.perf_counter() - started
            started = time.perf_counter()
            for step in range(1, NEW_TOKENS):
                mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=1)
                chosen = output.logits[:, -1].argmax(-1)[:, None]
                output = model(
                    chosen,
                    attention_mask=mask,
                    position_ids=place[:, -1:] + step,
                    past_key_values=output.past_key_values,
                    use_cache=True,
                )
            decode += time.perf_counter() - started
    return {
        "load_s": load_s,
        "answer_s": (prefill + decode) / len(prompts),
        "prefill_tokens_s": sum(map(len, prompts)) / prefill,
        "decode_tokens_s": len(prompts) * NEW_TOKENS / decode,
    }


def measure(configuration: str, questions: int, threads: int) -> dict[str, float]:
    """Run one configuration in this process."""
    engine, kind, slots = configuration.split()
    prompts, parallel = load_prompts(questions), int(slots.removeprefix("x"))
    if engine == "torch":
        found = run_torch(kind, prompts, parallel, threads)
    else:
        original = models.fetch(models.SMOLLM2) / Path(next(iter(models.SMOLLM2.files))).name
        if kind == "q4_1":
            path = original
        else:
            path = models.derive(
                models.SMOLLM2, f"{kind}-1.gguf", lambda _, target: requantise(original, target, kind)
            )
        found = run_llama(path, prompts, parallel, threads)
    return {**found, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Run every configuration and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plain-cpu", action="store_true")
    parser.add_argument("--only", default="", help="configurations that hold this text")
    parser.add_argument("--configuration", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.configuration:
        print(json.dumps(measure(options.configuration, options.questions, options.threads)))
        return
    results: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for configuration in (name for name in CONFIGURATIONS if options.only in name):
            command = [
                sys.executable,
                __file__,
                "--configuration",
                configuration,
                "--questions",
                str(options.questions),
            ]
            run = subprocess.run(
                [*command, "--threads", str(options.threads)],
                env={**os.environ, **(PLAIN_CPU if options.plain_cpu else {})},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            results.setdefault(configuration, []).append(json.loads(run.stdout.splitlines()[-1]))
            print(f"{configuration:<22}", json.dumps(results[configuration][-1]), file=sys.stderr)
    columns = ["answer_s", "prefill_tokens_s", "decode_tokens_s", "load_s", "memory_mb"]
    print("| configuration |", " | ".join(columns), "|\n|---|", "---|" * len(columns), sep="")
    for name, runs in results.items():
        print(
            f"| {name} |",
            " | ".join(f"{statistics.median(run[key] for run in runs):.4g}" for key in columns),
            "|",
        )


if __name__ == "__main__":
    main()

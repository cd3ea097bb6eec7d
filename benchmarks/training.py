"""Training speed: what each idea of the LoRA loop gains over plain PEFT + transformers.Trainer, at which loss and memory.

    python benchmarks/training.py --data ../shared/data --rows squad --count 24 --out results.json

Every variant runs in a process of its own, on the same rows in the same tokens, one after the other. `tokens_per_second` counts the
tokens of the rows (padding does not count) over wall time of training alone; `cpu_seconds` tells more on a busy machine.
`final_loss` is the mean loss per answer token on rows that no variant trained on, computed by the same code for all.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VARIANTS = {
    "plain fp32": {"plain": True, "precision": "fp32"},
    "plain bf16 autocast": {"plain": True, "precision": "bf16"},
    "packed, answer logits, fp32": {"precision": "fp32", "layers": 1.0, "shares_prefix": False},
    "+ shared prefix, fp32": {"precision": "fp32", "layers": 1.0},
    "+ upper half, fp32": {"precision": "fp32", "layers": 0.5},
    "+ bf16, all layers": {"precision": "bf16", "layers": 1.0},
    "+ bf16, upper half (default)": {"precision": "bf16", "layers": 0.5},
    "+ bf16, upper third": {"precision": "bf16", "layers": 1 / 3},
    "attention modules only": {
        "precision": "bf16",
        "layers": 0.5,
        "modules": ("q_proj", "k_proj", "v_proj", "o_proj"),
    },
    "rank 8": {"precision": "bf16", "layers": 0.5, "rank": 8, "alpha": 16},
    "rank 64": {"precision": "bf16", "layers": 0.5, "rank": 64, "alpha": 128},
}


def load_conversations(data: Path, kind: str, count: int):
    from knowhow.types import Message, Role

    if kind == "snips":
        lines = (data / "format_snips_json_en/examples.jsonl").read_text().splitlines()
        rows = [row for row in map(json.loads, lines) if row["split"] == "train"]
        random.Random(1).shuffle(rows)
        system = "Turn the request into one JSON object with the keys intent and slots. Write nothing else."
        return [_turns(system, row["input"], row["output"]) for row in rows[:count]]
    documents = {
        row["id"]: row
        for row in map(json.loads, (data / "squad2_en/documents.jsonl").read_text().splitlines())
    }
    rows = [json.loads(line) for line in (data / "squad2_en/questions.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["answerable"] and row["meta"]["split"] == "train"]
    random.Random(1).shuffle(rows)
    names = sorted(documents)
    conversations = []
    for number, row in enumerate(rows[:count]):
        shown = [row["gold_document_ids"][0], *random.Random(number).sample(names, 2)]
        random.Random(-number).shuffle(shown)
        passages = "\n\n".join(f"[{n}] {documents[name]['text']}" for n, name in enumerate(shown, start=1))
        place = shown.index(row["gold_document_ids"][0]) + 1
        system = "Answer the question from the numbered passages only. Cite the passage as [n]."
        conversations.append(
            _turns(system, f"{passages}\n\nQuestion: {row['question']}", f"{row['answers'][0]} [{place}]")
        )
    assert all(message.role in Role for message in conversations[0])
    assert isinstance(conversations[0][0], Message)
    return conversations


def _turns(system: str, user: str, answer: str):
    from knowhow.types import Message, Role

    return (Message(Role.SYSTEM, system), Message(Role.USER, user), Message(Role.ASSISTANT, answer))


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Train one variant in this process and return its figures."""
    import torch

    from knowhow.training.base_model import base_model_directory
    from knowhow.training.loop import LowerStates
    from knowhow.training.network import AdaptedModel, load_model
    from knowhow.training.options import TrainingOptions
    from knowhow.training.tokens import encode_rows

    chosen = dict(VARIANTS[arguments.variant])
    is_plain = chosen.pop("plain", False)
    layers = 1.0 if is_plain else chosen.pop("layers")
    if arguments.learning_rate:
        chosen["learning_rate"] = arguments.learning_rate
    options = TrainingOptions(**chosen, layers=layers, epochs=arguments.epochs, validation=0.0).resolve()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    _, base = base_model_directory(arguments.base)
    conversations = load_conversations(
        Path(arguments.data), arguments.rows, arguments.count + arguments.held_out
    )
    rows = encode_rows(base, conversations, options.window_tokens)
    training, held_out = rows[: arguments.count], rows[arguments.count :]
    loading = TrainingOptions(**{**options.describe(), "modules": options.modules, "precision": "fp32"})
    model = AdaptedModel(load_model(base, loading if is_plain else options), options)
    tokens = sum(len(row.ids) for row in training) * arguments.epochs
    started, used = time.monotonic(), time.process_time()
    (train_plain if is_plain else train_ours)(model, training, options)
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "variant": arguments.variant,
        "rows": f"{arguments.count} {arguments.rows}",
        "epochs": arguments.epochs,
        "learning_rate": options.learning_rate,
        "tokens": tokens,
        "seconds": round(seconds, 1),
        "tokens_per_second": round(tokens / seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "peak_megabytes": peak,
        "final_loss": round(evaluate(model, held_out, LowerStates), 4),
        "load": round(os.getloadavg()[0], 1),
    }


def train_ours(model, rows, options) -> None:
    from knowhow.training.loop import LoraLoop, Rows

    with tempfile.TemporaryDirectory() as folder:
        LoraLoop(model, Rows(rows, []), options, 0, Path(folder), "benchmark").run()


def train_plain(model, rows, options) -> None:
    import torch
    from transformers import Trainer, TrainingArguments

    class Set(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, number):
            return rows[number]

    def collate(batch):
        longest = max(len(row.ids) for row in batch)
        pad = [longest - len(row.ids) for row in batch]
        return {
            "input_ids": torch.tensor([[*row.ids, *[2] * n] for row, n in zip(batch, pad, strict=True)]),
            "attention_mask": torch.tensor(
                [[1] * len(row.ids) + [0] * n for row, n in zip(batch, pad, strict=True)]
            ),
            "labels": torch.tensor(
                [
                    [-100] * row.answer_start + list(row.ids[row.answer_start :]) + [-100] * n
                    for row, n in zip(batch, pad, strict=True)
                ]
            ),
        }

    model.peft.set_attn_implementation("sdpa")
    per_device = 2
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            use_cpu=True,
            per_device_train_batch_size=per_device,
            gradient_accumulation_steps=options.batch_examples // per_device,
            num_train_epochs=options.epochs,
            learning_rate=options.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=options.warmup,
            max_grad_norm=options.clip_norm,
            weight_decay=0.0,
            bf16=options.precision == "bf16",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            logging_steps=1000,
            seed=0,
        )
        Trainer(model=model.peft, args=arguments, train_dataset=Set(), data_collator=collate).train()
    model.peft.set_attn_implementation("knowhow_packed")


def evaluate(model, rows, lower_states) -> float:
    import torch

    from knowhow.training.packing import pack

    model.peft.eval()
    lower = lower_states(model, [], 1024, 0)
    with torch.no_grad():
        total = 0.0
        for number, row in enumerate(rows):
            batch = pack([row], [number])
            total += float(model.losses(batch, lower.of(batch)).sum())
    return total / sum(row.answer_tokens for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--rows", choices=("snips", "squad"), default="squad")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--held-out", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--base", default="")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    parser.add_argument("--variant", default="")
    parser.add_argument("--out", default="")
    arguments = parser.parse_args()
    if arguments.variant:
        print(json.dumps(measure(arguments)))
        return
    results = []
    for name in arguments.only:
        command = [sys.executable, __file__, *sys.argv[1:], "--variant", name]
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(arguments.threads)}
        output = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        results.append(json.loads(output.splitlines()[-1]))
        print(json.dumps(results[-1]), flush=True)
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Ingest speed against LlamaIndex's default pipeline: same documents, same MiniLM weights, same number of threads, one run.

Run: python benchmarks/ingest.py --documents FOLDER --llama-python VENV/bin/python --model MINILM_DIRECTORY [--rounds 3]

`--llama-python` is the interpreter of a separate virtual environment with
    pip install torch==2.13.0 llama-index-core llama-index-embeddings-huggingface
`--model` is the sentence-transformers directory of all-MiniLM-L6-v2 (the weights that KnowHow converts to ONNX).

Both read the same folder of text files, cut it into chunks of about 200 tokens without overlap, embed and store them. Model
loading and interpreter start are not counted on either side. The two sides take turns; the table shows each round and the
median, in wall clock and in processor time (on a busy machine only the second is steady). KnowHow also parses in child processes, builds its lexical index and commits to disk within the counted time;
LlamaIndex keeps its default in-memory vector store.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

LLAMA = """
import json, sys, time
import torch
torch.set_num_threads(int(sys.argv[3]))
from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
model = HuggingFaceEmbedding(model_name=sys.argv[2], device="cpu")
model.get_text_embedding_batch(["warm up"] * 4)
count = lambda text: len(model._model.tokenizer.tokenize(text))
started, used = time.perf_counter(), time.process_time()
documents = SimpleDirectoryReader(sys.argv[1], recursive=True).load_data()
splitter = SentenceSplitter(chunk_size=int(sys.argv[4]), chunk_overlap=0, tokenizer=model._model.tokenizer.tokenize)
index = VectorStoreIndex.from_documents(documents, embed_model=model, transformations=[splitter])
seconds, cpu = time.perf_counter() - started, time.process_time() - used
texts = [node.text for node in index.docstore.docs.values()]
print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "chunks": len(texts), "tokens": sum(map(count, texts))}))
"""


def run_knowhow(
    folder: Path, threads: int, tokens: int, precision: Literal["auto", "float32"]
) -> dict[str, float]:
    """Time one ingest into a fresh index."""
    from knowhow.config import ChunkingSettings
    from knowhow.corpus.sync import Corpus
    from knowhow.progress import set_quiet
    from knowhow.retrieval.embedders.minilm import MiniLmEmbedder
    from knowhow.retrieval.indexes.sqlite import SqliteIndex

    set_quiet(True)
    embedder = MiniLmEmbedder(threads=threads, precision=precision)
    embedder.embed(["warm up"] * 4)
    embedder.embed(["warm up"] * 512)
    counter = embedder.tokenizer
    with tempfile.TemporaryDirectory() as state:
        index = SqliteIndex(Path(state) / "index.sqlite", embedder.identity)
        corpus = Corpus(
            folder,
            Path(state) / "ingest.jsonl",
            lambda: embedder,
            lambda: counter,
            chunking=ChunkingSettings(tokens=tokens),
            workers=threads,
        )
        started, used = time.perf_counter(), cpu_seconds()
        result = corpus.sync(index)
        seconds, cpu = time.perf_counter() - started, cpu_seconds() - used
        texts = [chunk.text for chunk in index.chunks()]
        index.close()
    assert result.chunks == len(texts)
    counted = sum(embedder.count_tokens(texts))
    return {"seconds": seconds, "cpu_seconds": cpu, "chunks": len(texts), "tokens": counted}


def cpu_seconds() -> float:
    """Processor time of this process and its finished children (the parsers)."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def run_child(command: list[str], threads: int) -> dict[str, float]:
    """Run one side in a fresh process and read its figures from the last line of stdout."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **limits, **offline}, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--llama-python")
    parser.add_argument("--model", help="sentence-transformers directory of MiniLM")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument(
        "--precision", choices=["auto", "float32"], default="auto", help="auto: bfloat16 where the CPU has it"
    )
    parser.add_argument("--side", choices=["knowhow"], help="run one side only and print its figures")
    chosen = parser.parse_args()
    if chosen.side:
        print(json.dumps(run_knowhow(chosen.documents, chosen.threads, chosen.tokens, chosen.precision)))
        return
    ours = [sys.executable, __file__, "--documents", str(chosen.documents), "--side", "knowhow"]
    ours += ["--threads", str(chosen.threads), "--tokens", str(chosen.tokens)]
    ours += ["--precision", chosen.precision]
    theirs = [chosen.llama_python, "-c", LLAMA, str(chosen.documents), chosen.model]
    theirs += [str(chosen.threads), str(chosen.tokens)]
    rates: dict[str, list[float]] = {"knowhow": [], "llama-index": []}
    costs: dict[str, list[float]] = {"knowhow": [], "llama-index": []}
    for number in range(chosen.rounds):
        for name, command in (("knowhow", ours), ("llama-index", theirs)):
            figures = run_child(command, chosen.threads)
            rate = figures["chunks"] / figures["seconds"]
            rates[name].append(rate)
            costs[name].append(figures["cpu_seconds"] / figures["chunks"])
            print(
                f"round {number + 1}  {name:<12} {figures['seconds']:7.1f} s  {figures['chunks']:6.0f} chunks of "
                f"{figures['tokens'] / figures['chunks']:5.0f} tokens  {rate:7.1f} chunks/s  "
                f"{figures['tokens'] / figures['seconds']:8.0f} tokens/s  "
                f"{1000 * figures['cpu_seconds'] / figures['chunks']:6.1f} CPU ms/chunk",
                flush=True,
            )
    ratio = statistics.median(rates["knowhow"]) / statistics.median(rates["llama-index"])
    cost = statistics.median(costs["llama-index"]) / statistics.median(costs["knowhow"])
    print(
        f"median ratio: {ratio:.2f} in chunks/s, {cost:.2f} in processor time per chunk; load average {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()

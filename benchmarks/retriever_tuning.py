"""Does tuning the retriever pay? Recall on test questions before and after, by the strategy that a comparison would use.

    python benchmarks/retriever_tuning.py policyqa_en apibench_en [--folder tuning] [--rows 0]

Each dataset becomes a workspace; `tuned_retriever` is fitted on its training rows (question -> evidence pairs with mined hard
negatives) and the same hybrid retrieval is asked the test rows with the untuned and the tuned encoder. `--rows` takes fewer
training rows; 0 takes all. `dense` is the encoder alone. The strategy itself keeps the tuned encoder only where a
validation slice of the training rows improved; that decision is printed too.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from knowhow.evaluation.examples import read_examples
from knowhow.evidence import EvidenceChunks
from knowhow.progress import set_quiet
from knowhow.registry import build
from knowhow.storage import read_json
from knowhow.training.encoder import ENCODER, OUTCOME, measure_recall
from knowhow.types import Example
from knowhow.workspace import Workspace

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SETTINGS = '[examples]\npath = "examples.jsonl"\n[retrieval]\nmode = "{mode}"\n'


def main() -> None:
    """Tune and measure each dataset named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--folder", type=Path, default=Path("tuning"))
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--blend", type=float, default=0.7)
    chosen = parser.parse_args()
    set_quiet(True)
    for dataset in chosen.datasets:
        _measure(dataset, chosen)


def _measure(dataset: str, chosen: argparse.Namespace) -> None:
    folder = chosen.folder / dataset
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    source = DATA / dataset
    (folder / "documents" / "documents.jsonl").write_bytes((source / "documents.jsonl").read_bytes())
    (folder / "examples.jsonl").write_bytes((source / "questions.jsonl").read_bytes())
    for mode in ("hybrid", "dense"):
        (folder / "knowhow.toml").write_text(SETTINGS.format(mode=mode))
        with Workspace(folder) as workspace:
            workspace.ingest()
            _tune(dataset, mode, workspace, folder, chosen)


def _tune(dataset: str, mode: str, workspace: Workspace, folder: Path, chosen: argparse.Namespace) -> None:
    examples = [item for item in read_examples(folder / "examples.jsonl").examples if item.is_answerable]
    training = [item for item in examples if item.split == "train"]
    if chosen.rows:
        training = sorted(training, key=lambda item: item.id)[: chosen.rows]
    test = [item for item in examples if item.split != "train"]
    out = folder / f"fitted-{mode}-{len(training)}-{chosen.epochs:g}-{chosen.blend:g}"
    out.mkdir(exist_ok=True)
    started = time.perf_counter()
    strategy = build("strategy", "tuned_retriever", {"epochs": chosen.epochs, "blend": chosen.blend})
    strategy.fit(training, workspace.components, out)
    seconds = time.perf_counter() - started
    outcome = read_json(out / OUTCOME)
    print(
        f"{dataset} {mode}: {len(training)} training rows, {len(outcome['examples'])} of them with evidence, {seconds:.0f} s; "
        f"validation {json.dumps(outcome['before'])} -> {json.dumps(outcome['after'])}, kept: {outcome['is_kept']}",
        flush=True,
    )
    _report("  test, untuned", workspace, test, None)
    _report("  test, tuned  ", workspace, test, out / ENCODER)


def _report(name: str, workspace: Workspace, test: list[Example], encoder: Path | None) -> None:
    components = workspace.components
    recall = measure_recall(components.retriever(encoder), test, EvidenceChunks(list(components.chunks())))
    print(
        f"{name} ({len(test)} questions): {', '.join(f'{key} {value:.3f}' for key, value in recall.items())}",
        flush=True,
    )


if __name__ == "__main__":
    main()

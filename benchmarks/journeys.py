"""Whole comparisons on real datasets with the embedded model, and what they have to conclude.

    python benchmarks/journeys.py squad --questions 200 --budget 25m      # closed book << rag < oracle; the gaps are named
    python benchmarks/journeys.py squad-empty --questions 60              # the documents were removed: no RAG
    python benchmarks/journeys.py snips --questions 60                    # no documents: retrieval cannot help
    python benchmarks/journeys.py squad-trained --questions 100           # raft against rag at equal retrieval, answerable questions
    python benchmarks/journeys.py snips-trained --questions 60            # form by training against form by grammar and by prompt
    python benchmarks/journeys.py pubmedqa --questions 60                 # yes, no or maybe: every arm
    python benchmarks/journeys.py apibench --questions 60                 # one exact API call: every arm

Each makes a workspace under --folder (kept, so that an interrupted run goes on) and prints the verdict, the scores and the gaps.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from knowhow.cli.compare import parse_duration
from knowhow.evaluation.results import Report
from knowhow.workspace import Workspace
from knowhow.workspace.comparison import ComparisonOptions

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Journey:
    """A dataset as a workspace: its strategies and what knowhow.toml says beyond the defaults."""

    dataset: str
    strategies: tuple[str, ...]
    settings: str
    is_emptied: bool = False
    tests_answerable_only: bool = False


SHORT = '[prompt]\nmax_tokens = 40\ninstructions = "Answer in a few words."\n'
TRAINED = ("base", "rag", "finetuned", "finetuned_rag", "raft")
JOURNEYS = {
    "squad": Journey("squad2_en", ("base", "rag", "oracle"), SHORT),
    "squad-empty": Journey("squad2_en", ("base", "rag", "oracle"), SHORT, is_emptied=True),
    "snips": Journey("format_snips_json_en", ("base", "few_shot"), "[prompt]\nmax_tokens = 100\n"),
    "squad-trained": Journey(
        "squad2_en", TRAINED, SHORT + "[training]\nmax_rows = 160\n", tests_answerable_only=True
    ),
    "snips-trained": Journey(
        "format_snips_json_en",
        ("base", "few_shot", "finetuned"),
        "[prompt]\nmax_tokens = 100\n[training]\nmax_rows = 400\nepochs = 3\n",
    ),
    "pubmedqa": Journey(
        "pubmedqa_en",
        TRAINED,
        '[prompt]\nmax_tokens = 12\ninstructions = "Answer yes, no or maybe."\n[training]\nmax_rows = 160\n',
    ),
    "apibench": Journey(
        "apibench_en",
        (*TRAINED, "tuned_retriever"),
        '[prompt]\nmax_tokens = 80\ninstructions = "Answer with the one API call that does it, nothing else."\n'
        "[training]\nmax_rows = 200\n",
    ),
}


def main() -> None:
    """Make the workspace, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("journey", choices=sorted(JOURNEYS))
    parser.add_argument("--folder", type=Path, default=Path("journeys"))
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--budget", default="")
    parser.add_argument("--strategies", default="")
    arguments = parser.parse_args()
    folder = arguments.folder / arguments.journey
    _make(JOURNEYS[arguments.journey], folder)
    chosen = (
        tuple(arguments.strategies.split(","))
        if arguments.strategies
        else JOURNEYS[arguments.journey].strategies
    )
    options = ComparisonOptions(
        strategies=chosen,
        limit=arguments.questions,
        budget_seconds=parse_duration(arguments.budget) if arguments.budget else None,
    )
    started = time.monotonic()
    with Workspace(folder) as workspace:
        if (folder / "documents").exists():
            workspace.ingest()
        report, page = workspace.compare(options)
    _print(report, page, time.monotonic() - started)


def _make(journey: Journey, folder: Path) -> None:
    """Write knowhow.toml, the examples and the documents; what stands there already is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    source = DATA / journey.dataset
    settings = '[examples]\npath = "examples.jsonl"\n[retrieval]\nk = 3\n' + journey.settings
    if (source / "spec.json").exists():
        schema = json.loads((source / "spec.json").read_text())
        (folder / "schema.json").write_text(json.dumps(schema.get("schema", schema)))
        settings += '[format]\nschema = "schema.json"\n'
        (folder / "examples.jsonl").write_text((source / "examples.jsonl").read_text())
    else:
        _write_questions(journey, source, folder)
    (folder / "knowhow.toml").write_text(settings)


def _write_questions(journey: Journey, source: Path, folder: Path) -> None:
    (folder / "documents").mkdir(exist_ok=True)
    documents = (source / "documents.jsonl").read_text()
    if journey.is_emptied:
        # One document stays that answers nothing: an empty folder would not be ingested at all.
        notice = {"id": "notice", "title": "Notice", "text": "This collection was emptied.", "lang": "en"}
        documents = json.dumps(notice) + "\n"
    (folder / "documents" / "documents.jsonl").write_text(documents)
    questions = [json.loads(line) for line in (source / "questions.jsonl").read_text().splitlines()]
    kept = [
        row
        for row in questions
        if row["answerable"] or row["meta"]["split"] == "train" or not journey.tests_answerable_only
    ]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))


def _print(report: Report, page: Path, seconds: float) -> None:
    print(f"\n{report.recommendation.headline}\n")
    for reason in report.recommendation.reasons:
        print(f"  - {reason}")
    for result in report.strategies:
        metrics = {name: round(item.interval.value, 3) for name, item in result.metrics.items()}
        print(f"{result.name}: {result.answered} answers; {json.dumps(metrics)}")
    for gap in report.diagnosis.gaps:
        print(f"{gap.kind}: {gap.size:.3f} {gap.sentence}")
    print(f"{seconds:.0f} s; {page}", file=sys.stderr)


if __name__ == "__main__":
    main()

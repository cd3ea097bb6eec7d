"""Whole comparisons on real datasets with the embedded model, and what they have to conclude.

    python benchmarks/journeys.py squad --questions 200 --budget 25m      # closed book << rag < oracle; the gaps are named
    python benchmarks/journeys.py squad-empty --questions 60              # the documents were removed: no RAG
    python benchmarks/journeys.py snips --questions 60                    # no documents: retrieval cannot help

Each makes a workspace under --folder (kept, so that an interrupted run goes on) and prints the verdict, the scores and the gaps.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from knowhow.cli.compare import parse_duration
from knowhow.evaluation.results import Report
from knowhow.workspace import Workspace
from knowhow.workspace.comparison import ComparisonOptions

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
STRATEGIES = {
    "squad": ("base", "rag", "oracle"),
    "squad-empty": ("base", "rag", "oracle"),
    "snips": ("base", "few_shot"),
}


def main() -> None:
    """Make the workspace, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("journey", choices=sorted(STRATEGIES))
    parser.add_argument("--folder", type=Path, default=Path("journeys"))
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--budget", default="")
    parser.add_argument("--strategies", default="")
    arguments = parser.parse_args()
    folder = arguments.folder / arguments.journey
    _make(arguments.journey, folder)
    chosen = tuple(arguments.strategies.split(",")) if arguments.strategies else STRATEGIES[arguments.journey]
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


def _make(journey: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    settings = '[examples]\npath = "examples.jsonl"\n[retrieval]\nk = 3\n'
    if journey == "snips":
        source = DATA / "format_snips_json_en"
        schema = json.loads((source / "spec.json").read_text())
        (folder / "schema.json").write_text(json.dumps(schema.get("schema", schema)))
        (folder / "examples.jsonl").write_text((source / "examples.jsonl").read_text())
        settings += '[format]\nschema = "schema.json"\n[prompt]\nmax_tokens = 100\n'
    else:
        source = DATA / "squad2_en"
        (folder / "documents").mkdir(exist_ok=True)
        lines = (source / "documents.jsonl").read_text().splitlines()
        questions = [json.loads(line) for line in (source / "questions.jsonl").read_text().splitlines()]
        if journey == "squad-empty":
            # One document stays that answers nothing: an empty folder would not be ingested at all.
            lines = [
                json.dumps(
                    {"id": "notice", "title": "Notice", "text": "This collection was emptied.", "lang": "en"}
                )
            ]
        (folder / "documents" / "documents.jsonl").write_text("\n".join(lines) + "\n")
        (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
        settings += '[prompt]\nmax_tokens = 40\ninstructions = "Answer in a few words."\n'
    (folder / "knowhow.toml").write_text(settings)


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

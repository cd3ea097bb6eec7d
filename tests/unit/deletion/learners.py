"""A workspace in which something learned from documents by every route there is, with fakes that leave what real training leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import knowhow.testing.fakes  # noqa: F401 - registers the fake embedder and generator
from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.storage import write_bytes, write_json
from knowhow.strategies.assembly import assemble
from knowhow.strategies.audience import restrict
from knowhow.training.adapters import FACTS, WEIGHTS, write_manifest
from knowhow.training.conversations import build_grounded, build_sft
from knowhow.training.fitting import ADAPTER, ROWS, select_rows, training_style
from knowhow.training.rows import TrainingRow, write_rows
from knowhow.types import Example, Traits
from knowhow.workspace import Workspace
from knowhow.workspace.comparison import ComparisonOptions

FACTS_OF_RUN = {
    "base_model": "fake",
    "base_digest": "b",
    "data_digest": "d",
    "seed": 0,
    "versions": {},
    "options": {},
}


def leave_adapter(out: Path, strategy: str, rows: Sequence[TrainingRow]) -> None:
    """Write what a trainer and its strategy leave behind; the weights are the rows themselves, so they hold every word."""
    write_rows(out / ROWS, rows)
    write_bytes(out / ADAPTER / WEIGHTS, repr([row.conversation for row in rows]).encode())
    write_json(out / ADAPTER / FACTS, FACTS_OF_RUN)
    write_manifest(out / ADAPTER, strategy, rows)


@register("strategy", "scholar")
@dataclass(frozen=True)
class Scholar:
    """Learns by heart, from retrieved evidence or from answers alone, and answers like plain retrieval."""

    is_grounded: bool = True
    traits = Traits(retrieves=True, learns=True, cites=True, is_live=True)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        style = training_style(components, is_grounded=self.is_grounded)
        if self.is_grounded:
            rows = build_grounded(examples, components.retriever(), components.chunks(), style, k=3)
        else:
            rows = build_sft(examples, style)
        leave_adapter(out, "scholar", select_rows(rows, 100, components.training_groups))

    def load(self, fitted: Path, components: Components) -> Pipeline:
        learned = assemble(components, components.generator(fitted / ADAPTER), components.retriever())
        return restrict(
            fitted, learned, lambda: assemble(components, components.generator(), components.retriever())
        )


def token(number: int, place: str) -> str:
    """Return a word that stands in one place of one document and nowhere else."""
    return f"{place}{number * 7919 % 99991:05d}qx{number:04d}zw"


def write_documents(folder: Path, count: int) -> None:
    """Write documents with unique words in file name, title, heading, body, table and metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{token(number, 'file')}.md").write_text(
            f"---\ntitle: Letter {token(number, 'title')}\nauthor: {token(number, 'author')}\n---\n"
            f"# Case {token(number, 'head')}\n\nThe key of locker {number} is {token(number, 'body')} and it is kept by clerk {number * 7}.\n\n"
            f"| item | place |\n|---|---|\n| locker {number} | {token(number, 'cell')} |\n"
        )


def make_workspace(root: Path, count: int = 30, extra: str = "") -> Path:
    """Write documents with examples that quote them, and ingest."""
    write_documents(root / "documents", count)
    rows = [
        {
            "id": f"e{number:04d}",
            "question": f"What is the key of locker {number} of clerk {number * 7}?",
            "answer": f"The key is {token(number, 'body')}.",
            "evidence": [{"document": f"{token(number, 'file')}.md", "quote": f"The key of locker {number} is {token(number, 'body')}"}],
        }
        for number in range(min(count, 60))
    ]  # fmt: skip
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "knowhow.toml").write_text(f'[embedder]\nname = "fake"\n[generator]\nname = "fake"\n{extra}')
    with Workspace(root) as workspace:
        workspace.ingest()
    return root


def compare(root: Path, *strategies: str) -> str:
    """Compare strategies and return the run's id."""
    with Workspace(root) as workspace:
        report, _ = workspace.compare(
            ComparisonOptions(strategies=strategies or ("rag", "few_shot", "scholar"))
        )
    return report.id


def places_of(number: int) -> list[str]:
    """Return every unique word of a document."""
    return [token(number, place) for place in ("file", "title", "author", "head", "body", "cell")]


def find_words(folder: Path, words: Sequence[str]) -> list[str]:
    """Return where any of the words lies under a folder, by a plain search that shares nothing with the scan under test."""
    found = []
    for path in folder.rglob("*"):
        data = (str(path).encode() + path.read_bytes() if path.is_file() else str(path).encode()).lower()
        for word in words:
            for form in (word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be")):
                if form.lower() in data:
                    found.append(f"{path}: {word}")
    return found

"""Does retrieval find more when the last turn of a conversation is made to stand alone? mtrag_un_multiturn_en, by half.

    python benchmarks/rewriting.py                 # the half on which the rules were chosen
    python benchmarks/rewriting.py --half test     # the other one

Ways: the last turn as it stands; after every earlier user turn; after the last earlier user turn; and after what
`knowhow.generation.standalone` carries over. 'leaning' are the turns that its rules take to depend on the turns before.
Questions without history or without evidence are left out. Needs the dataset at KNOWHOW_DATA (default ../shared/data).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from abstention import _index
from retrieval import DATA, read_rows

from knowhow.generation.standalone import leans_back, stand_alone
from knowhow.protocols import Retriever
from knowhow.storage import digest
from knowhow.types import Message, Query, Role

NAME = "mtrag_un_multiturn_en"
K = 5


@dataclass(frozen=True)
class Found:
    """Recall of evidence documents among the first K hits, and mean reciprocal rank of the first."""

    questions: int
    recall: float
    reciprocal_rank: float


def as_it_stands(query: Query) -> Query:
    """The last turn alone."""
    return query


def after_all(query: Query) -> Query:
    """All user turns one after the other."""
    return replace(query, text=" ".join([*_said(query), query.text]))


def after_last(query: Query) -> Query:
    """The user turn before, then the last one."""
    return replace(query, text=" ".join([*_said(query)[-1:], query.text]))


WAYS: dict[str, Callable[[Query], Query]] = {
    "as it stands": as_it_stands,
    "after all user turns": after_all,
    "after the last user turn": after_last,
    "rules": stand_alone,
}


def measure(
    retriever: Retriever, rows: Sequence[tuple[Query, frozenset[str]]], way: Callable[[Query], Query]
) -> Found:
    """Search for every question in one way."""
    if not rows:
        return Found(0, 0.0, 0.0)
    hits = retriever.retrieve([replace(way(query), history=()) for query, _ in rows], 20)
    recalls, ranks = [], []
    for found, (_, gold) in zip(hits, rows, strict=True):
        documents = list(dict.fromkeys(hit.chunk.document_id for hit in found))
        recalls.append(len(gold & set(documents[:K])) / min(len(gold), K))
        ranks.append(next((1 / place for place, name in enumerate(documents, 1) if name in gold), 0.0))
    return Found(len(rows), sum(recalls) / len(rows), sum(ranks) / len(rows))


def read_queries(half: str) -> list[tuple[Query, frozenset[str]]]:
    """Return the conversations of a half with their evidence."""
    return [
        (_query(row), frozenset(row["gold_document_ids"]))
        for row in read_rows(DATA / NAME / "questions.jsonl")
        if _half(row["id"]) == half and row["meta"]["history"] and row["gold_document_ids"]
    ]


def _half(name: str) -> str:
    # The dataset has no training rows, so it is halved by the digest of the row's id.
    return "test" if int(digest(name)[:8], 16) % 2 else "train"


def _query(row: Any) -> Query:
    history = tuple(Message(Role(turn["role"]), turn["content"]) for turn in row["meta"]["history"])
    return Query(row["question"], history=history)


def _said(query: Query) -> list[str]:
    return [turn.content for turn in query.history if turn.role is Role.USER]


def main() -> None:
    """Print one line per way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("train", "test"), default="train")
    half = parser.parse_args().half
    retriever = _index(DATA / NAME)
    rows = read_queries(half)
    leaning = [row for row in rows if leans_back(row[0].text)]
    others = [row for row in rows if not leans_back(row[0].text)]
    print(f"{NAME}, {half} half: {len(rows)} questions, {len(leaning)} of them leaning on earlier turns")
    for name, way in WAYS.items():
        parts = [measure(retriever, part, way) for part in (rows, leaning, others)]
        figures = "  ".join(f"recall@{K} {item.recall:.3f} mrr {item.reciprocal_rank:.3f}" for item in parts)
        print(f"{name:26} all, leaning, others: {figures}")


if __name__ == "__main__":
    main()

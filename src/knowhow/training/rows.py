"""Training rows: one conversation with everything it was made from, kept as OpenAI chat JSON lines that a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowhow.errors import DataError
from knowhow.storage import digest_json, read_lines, write_text
from knowhow.types import Chunk, Conversation, Example, Message, Role


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A conversation whose last turn is the target; `documents` holds every document shown, also as a distractor.

    `evidence` holds the documents that the examples' answers rest on, whether they are shown or not.

    `groups` is a conjunction: whoever may use what was trained on this row must hold one group of each set.
    """

    kind: str
    conversation: Conversation
    examples: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    groups: frozenset[frozenset[str]] = field(default_factory=frozenset)
    has_gold: bool | None = None
    evidence: tuple[str, ...] = ()


def make_row(
    kind: str,
    prompt: Conversation,
    target: str,
    *,
    examples: Iterable[Example] = (),
    chunks: Iterable[Chunk] = (),
    has_gold: bool | None = None,
) -> TrainingRow:
    """Close `prompt` with the assistant's `target` and note what the row touches."""
    seen, used = list(chunks), list(examples)
    sets = {chunk.groups for chunk in seen if chunk.groups}.union(*(example_audiences(item) for item in used))
    evidence = [item.document for example in used for item in example.evidence if item.document]
    return TrainingRow(
        kind,
        (*prompt, Message(Role.ASSISTANT, target)),
        tuple(item.id for item in used),
        tuple(dict.fromkeys(chunk.document_id for chunk in seen)),
        frozenset(sets),
        has_gold,
        tuple(dict.fromkeys(evidence)),
    )


def example_audiences(example: Example) -> frozenset[frozenset[str]]:
    """Return the group sets of which one group each must be held to learn an example's answer: its asker's, and its documents'."""
    return example.audiences | ({example.groups} if example.groups else frozenset())


def is_permitted(audiences: Iterable[frozenset[str]], groups: frozenset[str]) -> bool:
    """Say whether who holds `groups` holds one group of every set."""
    return all(names & groups for names in audiences)


def check_training_examples(examples: Sequence[Example], least: int = 8) -> None:
    """DataError when an example is held out or there are fewer than `least` to learn from."""
    for example in examples:
        if example.split not in ("", "train"):
            raise DataError(
                f"Example '{example.id}' belongs to the split '{example.split}' and may not be trained on.",
                source=example.origin,
                mend="Train on the training split only.",
            )
    if len(examples) < least:
        raise DataError(
            f"There are {len(examples)} training examples; training needs at least {least}.",
            mend="Add examples, or compare strategies that do not train (rag, few_shot).",
        )


def write_rows(path: Path, rows: Iterable[TrainingRow]) -> None:
    """Replace a JSON-lines file with one `{"messages": [...], "metadata": {...}}` per row."""
    lines = (json.dumps(row_to_json(row), ensure_ascii=False, sort_keys=True) for row in rows)
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_rows(path: Path) -> list[TrainingRow]:
    """Read rows written by `write_rows`, or plain OpenAI chat rows; DataError names the line that is wrong."""
    rows = []
    for number, value in enumerate(read_lines(path), start=1):
        try:
            rows.append(row_from_json(value))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"is not a chat row ({error}).",
                source=str(path),
                line=number,
                mend='Write {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}.',
            ) from error
    return rows


def row_to_json(row: TrainingRow) -> dict[str, Any]:
    """Return the row as JSON values."""
    return {
        "messages": [{"role": str(message.role), "content": message.content} for message in row.conversation],
        "metadata": {
            "kind": row.kind,
            "examples": list(row.examples),
            "documents": list(row.documents),
            "evidence": list(row.evidence),
            "groups": plain_groups(row.groups),
            "has_gold": row.has_gold,
        },
    }


def row_from_json(value: Any) -> TrainingRow:
    """Return the row of JSON values; ValueError when the last message is not the assistant's."""
    messages = tuple(Message(Role(item["role"]), str(item["content"])) for item in value["messages"])
    if not messages or messages[-1].role is not Role.ASSISTANT:
        raise ValueError("the last message must be the assistant's")
    noted = value.get("metadata", {})
    return TrainingRow(
        noted.get("kind", "sft"),
        messages,
        tuple(noted.get("examples", ())),
        tuple(noted.get("documents", ())),
        frozenset(frozenset(names) for names in noted.get("groups", ())),
        noted.get("has_gold"),
        tuple(noted.get("evidence", ())),
    )


def plain_groups(groups: Iterable[frozenset[str]]) -> list[list[str]]:
    """Return group sets as sorted lists."""
    return sorted(sorted(names) for names in groups)


def rows_digest(rows: Iterable[TrainingRow]) -> str:
    """Return the digest of all rows in order."""
    return digest_json([row_to_json(row) for row in rows])

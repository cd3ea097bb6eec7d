"""Conversations as token ids: the prompt as it stands at answering time, and the answer that alone carries loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from knowhow.errors import DataError
from knowhow.types import Conversation


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """Token ids of a conversation; ids from `answer_start` on are the target, the end-of-turn token included."""

    ids: tuple[int, ...]
    answer_start: int

    @property
    def answer_tokens(self) -> int:
        """Number of target tokens."""
        return len(self.ids) - self.answer_start


def encode_rows(base: Path, conversations: Sequence[Conversation], window_tokens: int) -> list[EncodedRow]:
    """Return rows encoded as the model in `base` will be asked; DataError names how many do not fit the window, and the mend."""
    from knowhow.generation.chat import ChatTokenizer

    tokenizer = ChatTokenizer.from_directory(base)
    encoded = (tokenizer.encode_finished(conversation) for conversation in conversations)
    rows = [EncodedRow(item.ids, item.answer_start) for item in encoded]
    long = [
        (len(row.ids), number) for number, row in enumerate(rows, start=1) if len(row.ids) > window_tokens
    ]
    if long:
        most, number = max(long)
        raise DataError(
            f"{len(long)} of {len(rows)} training rows are longer than the window of {window_tokens} tokens "
            f"(the longest, row {number}, has {most}).",
            mend="Lower [retrieval] k or [chunking] tokens, or raise [training] window_tokens.",
        )
    return rows

"""Parity text: the documents themselves as training rows, so that the closed-book arm may learn from every text that RAG may read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from knowhow.training.rows import TrainingRow, make_row
from knowhow.types import Chunk, Message, Role

_ASK = {
    "en": "What does the document “{title}” say?",
    "zh": "文档《{title}》写了什么？",
    "ja": "文書「{title}」には何が書かれていますか？",
}


def build_parity_text(
    chunks: Iterable[Chunk],
    count_tokens: Callable[[Sequence[str]], list[int]],
    budget_tokens: int,
    seed: int = 0,
) -> list[TrainingRow]:
    """Return rows whose targets are chunk texts, drawn in random order until `budget_tokens` target tokens are reached."""
    pool = sorted(chunks, key=lambda chunk: chunk.id)
    random.Random(f"parity:{seed}").shuffle(pool)
    rows: list[TrainingRow] = []
    left = budget_tokens
    for chunk, tokens in zip(pool, count_tokens([chunk.text for chunk in pool]) if pool else [], strict=True):
        if tokens > left:
            continue
        left -= tokens
        ask = _ASK.get(chunk.language.split("-")[0], _ASK["en"])
        title = " – ".join(part for part in (chunk.title or chunk.source, *chunk.heading) if part)
        prompt = (Message(Role.USER, ask.format(title=title)),)
        rows.append(make_row("text", prompt, chunk.text, chunks=[chunk]))
    return rows

"""Questions and answers written from documents by a configured generator: labelled synthetic, filtered, never from held-out evidence."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowhow.evidence import EvidenceChunks
from knowhow.language import words
from knowhow.protocols import Generator
from knowhow.storage import digest
from knowhow.types import Chunk, Conversation, Decoding, Evidence, Example, Message, Role

_ASK = (
    "Write one question that a reader of this text could ask and that the text answers, then the answer in the text's own words.\n"
    "Use exactly two lines:\nQuestion: ...\nAnswer: ..."
)
_PAIR = re.compile(r"Question[:：]\s*(.+?)\s*\n+\s*Answer[:：]\s*(.+)", re.DOTALL | re.IGNORECASE)
ANSWER_SUPPORT = 0.8
"""Share of the answer's words that its passage must hold."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """Kept examples, and how many drafts were dropped for each reason."""

    examples: tuple[Example, ...]
    dropped: dict[str, int]


def synthesize(
    chunks: Iterable[Chunk],
    held_out: Sequence[Example],
    existing: Sequence[Example],
    generator: Generator,
    count: int,
    seed: int = 0,
) -> Synthesis:
    """Return at most `count` examples with origin "synthetic", one per chunk, each answered by its own evidence.

    Documents that are evidence of a held-out example are never read; drafts whose answer is not in the passage, that refer to "the
    text", or that repeat a known question are dropped.
    """
    pool = sorted(chunks, key=lambda chunk: chunk.id)
    known = EvidenceChunks(pool)
    closed = {name for example in held_out for name in known.documents_of(example)}
    open_chunks = [chunk for chunk in pool if chunk.document_id not in closed]
    random.Random(f"synthesis:{seed}").shuffle(open_chunks)
    chosen = open_chunks[:count]
    drafts = generator.generate([_prompt(chunk) for chunk in chosen], Decoding(max_tokens=120, seed=seed))
    seen = {_key(item.question) for item in (*existing, *held_out)}
    kept: list[Example] = []
    dropped: dict[str, int] = {}
    for chunk, draft in zip(chosen, drafts, strict=True):
        match = _PAIR.search(draft.text)
        question, answer = (match[1].strip(), match[2].strip()) if match else ("", "")
        reason = _refuse(question, answer, chunk, seen)
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
            continue
        seen.add(_key(question))
        kept.append(_example(question, answer, chunk))
    return Synthesis(tuple(kept), dropped)


def _prompt(chunk: Chunk) -> Conversation:
    title = f"{chunk.title}\n" if chunk.title else ""
    return (Message(Role.USER, f"{title}{chunk.text}\n\n{_ASK}"),)


def _refuse(question: str, answer: str, chunk: Chunk, seen: set[str]) -> str:
    if not question or not answer:
        return "not in the asked form"
    if _key(question) in seen:
        return "repeats a known question"
    if re.search(r"\b(?:this|the) (?:text|passage|document|article)\b", question, re.IGNORECASE):
        return "speaks of the text instead of its matter"
    wanted = words(answer)
    held = set(words(chunk.text))
    if not wanted or sum(word in held for word in wanted) < ANSWER_SUPPORT * len(wanted):
        return "answer not in its passage"
    return ""


def _example(question: str, answer: str, chunk: Chunk) -> Example:
    return Example(
        id=f"synthetic-{digest(f'{chunk.id}:{question}')[:16]}",
        question=question,
        references=(answer,),
        evidence=(Evidence(chunk.document_id, chunk.text),),
        language=chunk.language,
        groups=chunk.groups,
        split="train",
        origin="synthetic",
    )


def _key(question: str) -> str:
    return " ".join(words(question))

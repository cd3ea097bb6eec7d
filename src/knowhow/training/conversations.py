"""Examples as conversations to learn from: closed book (SFT), with retrieved evidence, and RAFT.

Prompts and targets come from the one renderer that answers are made with, so that training and answering agree to the token.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from knowhow.evidence import EvidenceChunks, negatives
from knowhow.generation.prompts import PromptStyle, render, render_target
from knowhow.language import sentences
from knowhow.protocols import Retriever
from knowhow.training.rows import TrainingRow, check_training_examples, make_row
from knowhow.types import Chunk, Example, Hit, Query

_MARKER = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class RaftOptions:
    """`k` passages per row; the gold one is among them with probability `p`, elsewhere the agreed not-found answer is right.

    Unanswerable examples join in up to `refusals` of the answerable ones: a small model that sees a third of refusals learns to
    refuse everything (measured). Passages stand in the order of retrieval, as they will at answering time; `shuffles` breaks it.
    """

    p: float = 0.95
    k: int = 3
    refusals: float = 0.1
    shuffles: bool = False
    candidates: int = 20


def build_sft(examples: Sequence[Example], style: PromptStyle) -> list[TrainingRow]:
    """Return question -> answer rows without evidence; markers that cite nothing shown are left out."""
    check_training_examples(examples)
    rows = []
    for example in examples:
        target = _target(example, style, [], ())
        if target:
            prompt = render(_query(example), (), style).conversation
            rows.append(make_row("sft", prompt, target, examples=[example]))
    return rows


def build_grounded(
    examples: Sequence[Example],
    retriever: Retriever,
    chunks: Iterable[Chunk],
    style: PromptStyle,
    *,
    k: int,
    missing: Literal["drop", "not_found", "answer"] = "drop",
) -> list[TrainingRow]:
    """Return rows with the evidence exactly as retrieved; `missing` says what to do where retrieval missed known gold."""
    check_training_examples(examples)
    known = EvidenceChunks(chunks)
    rows = []
    for example, hits in zip(
        examples, retriever.retrieve([_query(item) for item in examples], k), strict=True
    ):
        gold = known.find(example)
        shown = {hit.chunk.id for hit in hits}
        has_gold = any(chunk.id in shown for chunk in gold) if gold else None
        is_missed = example.is_answerable and has_gold is False
        if is_missed and missing == "drop":
            continue
        refuses = is_missed and missing == "not_found"
        target = _refusal(style) if refuses else _target(example, style, hits, gold)
        if target:
            rows.append(_grounded_row("rag", style, example, hits, target, has_gold))
    return rows


def build_raft(
    examples: Sequence[Example],
    retriever: Retriever,
    chunks: Iterable[Chunk],
    style: PromptStyle,
    options: RaftOptions,
    seed: int = 0,
) -> list[TrainingRow]:
    """Return rows with gold evidence among retrieved hard negatives, or hard negatives alone and the not-found answer.

    Examples without evidence keep what was retrieved. Negatives never hold the answer, whichever document they are from.
    """
    check_training_examples(examples)
    examples = _limit_refusals(examples, options.refusals, seed)
    known = EvidenceChunks(chunks)
    found = retriever.retrieve([_query(item) for item in examples], max(options.candidates, options.k))
    rows = []
    for example, hits in zip(examples, found, strict=True):
        chance = random.Random(f"{seed}:{example.id}")
        gold = known.find(example) if example.is_answerable else []
        has_gold: bool | None = None
        if gold:
            has_gold = chance.random() < options.p
            near = hits if has_gold else _outside(hits, known.documents_of(example))
            shown = _passages(example, near, gold if has_gold else [], gold, options, chance)
        else:
            shown = list(hits[: options.k])
        if options.shuffles:
            chance.shuffle(shown)
        target = _refusal(style) if has_gold is False else _target(example, style, shown, gold)
        if target:
            rows.append(_grounded_row("raft", style, example, shown, target, has_gold))
    return rows


def _limit_refusals(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """Keep all answerable examples and, drawn by seed, as many unanswerable ones as `share` of them."""
    refused = [item.id for item in examples if not item.is_answerable]
    room = round(share * (len(examples) - len(refused)))
    kept = set(random.Random(f"refusals:{seed}").sample(refused, min(room, len(refused))))
    return [item for item in examples if item.is_answerable or item.id in kept]


def _passages(
    example: Example,
    hits: Sequence[Hit],
    shown_gold: Sequence[Chunk],
    gold: Sequence[Chunk],
    options: RaftOptions,
    chance: random.Random,
) -> list[Hit]:
    """Mix gold and hard negatives: retrieved gold keeps its rank, gold that retrieval missed goes to a random place."""
    rank = {hit.chunk.id: place for place, hit in enumerate(hits)}
    golden = [Hit(chunk, 0.0, {"gold": 1.0}) for chunk in shown_gold[: options.k]]
    others = negatives(hits, example, gold)[: options.k - len(golden)]
    placed = [(float(rank[hit.chunk.id]), hit) for hit in others]
    last = float(len(placed))
    for hit in golden:
        place = rank.get(hit.chunk.id)
        placed.append((float(place) if place is not None else chance.uniform(-0.5, last - 0.5), hit))
    return [hit for _, hit in sorted(placed, key=lambda pair: (pair[0], pair[1].chunk.id))]


def _outside(hits: Sequence[Hit], documents: frozenset[str]) -> list[Hit]:
    """Other passages of the gold document may say the answer in other words, so they can't stand in a row without gold."""
    return [hit for hit in hits if hit.chunk.document_id not in documents]


def _grounded_row(
    kind: str, style: PromptStyle, example: Example, hits: Sequence[Hit], target: str, has_gold: bool | None
) -> TrainingRow:
    return make_row(
        kind,
        render(_query(example), hits, style).conversation,
        target,
        examples=[example],
        chunks=[hit.chunk for hit in hits],
        has_gold=has_gold,
    )


def _target(example: Example, style: PromptStyle, hits: Sequence[Hit], gold: Sequence[Chunk]) -> str:
    """The first reference with its markers bound to the passages as numbered here, behind its quote where the style wants one."""
    if not example.is_answerable:
        return render_target(example.references[0], style) if example.references else _refusal(style)
    if not example.references:
        return ""
    number = {hit.chunk.id: place for place, hit in enumerate(hits, start=1)}
    cites = style.is_grounded and not style.form.schema
    text = bind_markers(example.references[0], [number.get(chunk.id) for chunk in gold], cites)
    shown = next((chunk for chunk in gold if chunk.id in number), None)
    if shown is None:
        return render_target(text, style)
    return render_target(text, style, _quote(example, shown), number[shown.id])


def _refusal(style: PromptStyle) -> str:
    return render_target(style.agreed_not_found, style)


def bind_markers(text: str, numbers: Sequence[int | None], cites: bool) -> str:
    """Renumber [n], the n-th evidence of an example, to the passage that shows it; drop markers of what is not shown.

    A text without markers gets the number of the first shown evidence at its end when `cites`.
    """
    has_marker = _MARKER.search(text) is not None

    def rebind(match: re.Match[str]) -> str:
        place = int(match.group(1)) - 1
        number = numbers[place] if place < len(numbers) else None
        return f"[{number}]" if number is not None and cites else ""

    bound = re.sub(r"\s+([.,;:。，；：]|$)", r"\1", _MARKER.sub(rebind, text)) if has_marker else text
    first = next((number for number in numbers if number is not None), None)
    if not has_marker and cites and first is not None:
        return f"{bound} [{first}]"
    return bound


def _quote(example: Example, chunk: Chunk) -> str:
    for evidence in example.evidence:
        if evidence.quote and evidence.quote in chunk.text:
            return evidence.quote
    wanted = example.references[0].casefold()
    for start, end in sentences(chunk.text):
        if wanted in chunk.text[start:end].casefold():
            return chunk.text[start:end]
    return ""


def _query(example: Example) -> Query:
    return Query(example.question, example.groups)

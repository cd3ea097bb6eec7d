"""Citations: the markers [n] of an answer bound to the sentence of the passage that carries them, or dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from knowhow.generation.prompts import Passage
from knowhow.language import sentences, words
from knowhow.types import Citation

_MARKER = re.compile(r"[\[［【]\s*(\d{1,3}(?:\s*[,，、;；]\s*\d{1,3})*)\s*[\]］】]")
_NUMBER = re.compile(r"\d+")
_SPACE_BEFORE = re.compile(r"[ \t]+(?=[.,;:!?。，；：！？])")
_QUOTED = re.compile(r"[“\"「『]([^”\"」』]{12,})[”\"」』]")

INFERRED_SUPPORT = 0.6
"""Share of an answer's words that one sentence window of a passage must hold before an uncited answer is bound to it."""


@dataclass(frozen=True, slots=True)
class BoundAnswer:
    """An answer whose markers all exist; `notes` say which did not and what was inferred."""

    text: str
    citations: tuple[Citation, ...] = ()
    notes: tuple[str, ...] = ()


def bind(
    text: str,
    passages: Sequence[Passage],
    quote: str = "",
    *,
    sections: Sequence[str] = (),
    is_structured: bool = False,
) -> BoundAnswer:
    """Bind every marker to the best supporting span of its passage; markers of passages that do not exist are taken out.

    An answer without any marker is bound to the passage that holds all of its figures and at least INFERRED_SUPPORT of its words,
    marked `is_inferred`; where none does it stays uncited. A structured answer (JSON) is never rewritten. `quote` is what the model
    quoted before it answered and is looked for first; the words of `sections`, the form's headings, support nothing.
    """
    known = {passage.number: passage for passage in passages}
    bad = sorted({number for number in _numbers(text) if number not in known})
    notes = [
        f"The answer cited passage [{number}], which was not given; the marker was removed." for number in bad
    ]
    kept = text if is_structured or not bad else _remove(text, set(bad))
    citations: list[Citation] = []
    for number, claim in _claims(kept):
        if number in known and all(found.number != number for found in citations):
            citations.append(_cite(known[number], _without(claim, sections), quote))
    if not citations:
        citations = _infer(_without(kept, sections), passages, quote)
        notes += ["The answer cited nothing; its source was inferred from its words."] if citations else []
    return BoundAnswer(kept, tuple(citations), tuple(notes))


def remove_markers(text: str) -> str:
    """Return the text without citation markers, for comparing words."""
    return _SPACE_BEFORE.sub("", _MARKER.sub("", text))


def _without(text: str, sections: Sequence[str]) -> str:
    for name in sections:
        text = text.replace(name, " ")
    return text


def _numbers(text: str) -> list[int]:
    return [int(number) for match in _MARKER.finditer(text) for number in _NUMBER.findall(match[1])]


def _remove(text: str, bad: set[int]) -> str:
    def keep(match: re.Match[str]) -> str:
        good = [number for number in map(int, _NUMBER.findall(match[1])) if number not in bad]
        return f"[{', '.join(map(str, good))}]" if good else ""

    return _SPACE_BEFORE.sub("", _MARKER.sub(keep, text)).strip()


def _claims(text: str) -> list[tuple[int, str]]:
    """Return (number, the words that the marker stands behind) in order of the markers."""
    claims = []
    spans = sentences(text)
    for match in _MARKER.finditer(text):
        start = next((begin for begin, end in spans if begin <= match.start() < end), 0)
        before = remove_markers(text[start : match.start()]).strip()
        if not words(before):
            # A marker right behind a full stop belongs to the sentence that ended there.
            earlier = [span for span in spans if span[1] <= match.start()]
            before = text[earlier[-1][0] : earlier[-1][1]] if earlier else text
        claims += [(int(number), before) for number in _NUMBER.findall(match[1])]
    return claims


def _cite(passage: Passage, claim: str, quote: str) -> Citation:
    exact = _find_quote(passage.text, quote) or next(
        (span for found in _QUOTED.findall(claim) if (span := _find_quote(passage.text, found))), None
    )
    start, end = exact or best_span(passage.text, claim)[0]
    chunk = passage.hit.chunk
    return Citation(
        passage.number,
        chunk.id,
        chunk.document_id,
        chunk.start + start,
        chunk.start + end,
        chunk.text[start:end],
        chunk.source,
        chunk.page,
        chunk.heading,
    )


def best_span(text: str, claim: str) -> tuple[tuple[int, int], float]:
    """Return the sentence of `text` (or two neighbours) that holds most of the claim's words, and the share it holds."""
    wanted = set(words(claim))
    spans = sentences(text) or [(0, len(text))]
    windows = [*spans, *((first[0], second[1]) for first, second in pairwise(spans))]
    if not wanted:
        return spans[0], 0.0

    def share(span: tuple[int, int]) -> float:
        return len(wanted & set(words(text[span[0] : span[1]]))) / len(wanted)

    best = max(windows, key=lambda span: (share(span), -(span[1] - span[0]), -span[0]))
    return best, share(best)


def _infer(text: str, passages: Sequence[Passage], quote: str) -> list[Citation]:
    claim = remove_markers(text)
    if not words(claim):
        return []
    for passage in passages:
        if quote and _find_quote(passage.text, quote):
            return [replace(_cite(passage, claim, quote), is_inferred=True)]
    shares = [
        (best_span(passage.text, claim)[1], -passage.number, passage)
        for passage in passages
        if _figures(claim) <= _figures(passage.text)
    ]
    if not shares:
        return []
    share, _, passage = max(shares, key=lambda entry: entry[:2])
    return [replace(_cite(passage, claim, ""), is_inferred=True)] if share >= INFERRED_SUPPORT else []


def _figures(text: str) -> set[str]:
    """Return the words with a digit: an answer with a figure that the passage lacks does not rest on it."""
    return {word for word in words(text) if any(character.isdigit() for character in word)}


def _find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Return where the quote stands in the text, white space and case apart."""
    pieces = remove_markers(quote).strip(' \t\n“”"「」『』–-').split()
    if not pieces:
        return None
    match = re.search(r"\s+".join(map(re.escape, pieces)), text, re.IGNORECASE)
    return match.span() if match else None

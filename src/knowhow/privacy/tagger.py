"""A small recogniser of names, addresses, places and organisations in Latin script: a linear-chain CRF with hand-made features.

Trained by benchmarks/train_tagger.py on made-up sentences; the weights are plain arrays in tagger.npz. Decoding is Viterbi's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from knowhow.privacy.spans import Span

KINDS = {"PER": "name", "ADR": "address", "LOC": "place", "ORG": "organisation", "NRP": "nationality", "TTL": "title", "AGE": "age", "DAT": "date"}  # fmt: skip
LABELS = ("O", *(f"{prefix}-{name}" for name in KINDS for prefix in "BI"))
_WEIGHTS = Path(__file__).with_name("tagger.npz")
_TOKEN = re.compile(
    r"\n+|['’](?:s|m|d|t|ll|ve|re)\b|[^\W\d_]+(?:['’](?!(?:s|m|d|t|ll|ve|re)\b)[^\W\d_]+)*|[0-9]+|[^\w\s]|_"
)
_LONGEST_BLOCK = 2000


class Token(NamedTuple):
    """A word, number, sign or line break."""

    text: str
    start: int
    end: int


class Gazetteer(NamedTuple):
    """Lower-case words that occur in names of people and places, and in ordinary prose."""

    first: frozenset[str]
    last: frozenset[str]
    city: frozenset[str]
    country: frozenset[str]
    common: frozenset[str]


class _Weights(NamedTuple):
    places: dict[str, int]
    values: Any
    transitions: Any
    gazetteer: Gazetteer


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a text with their offsets; blanks are none, line breaks are."""
    return [
        Token("'s" if match[0].lower() in ("'s", "’s") else match[0], match.start(), match.end())
        for match in _TOKEN.finditer(text)
    ]


def describe_tokens(text: str, tokens: Sequence[Token], gazetteer: Gazetteer) -> list[list[str]]:
    """Return the features of every token: itself, its form, its neighbours, and the word lists that hold it."""
    own = [_own(token, gazetteer) for token in tokens]
    lower = [_plain(token.text) for token in tokens]
    forms = [_form(token.text) for token in tokens]
    edge = ("<>", "edge", ["lists=edge"])
    described = []
    for place in range(len(tokens)):
        before = (lower[place - 1], forms[place - 1], own[place - 1]) if place else edge
        after = (lower[place + 1], forms[place + 1], own[place + 1]) if place + 1 < len(tokens) else edge
        second = lower[place - 2] if place > 1 else "<>"
        beyond = lower[place + 2] if place + 2 < len(tokens) else "<>"
        far = forms[place + 2] if place + 2 < len(tokens) else "edge"
        described.append(
            [
                *own[place],
                f"-w={before[0]}",
                f"-f={before[1]}",
                f"-{before[2][0]}",
                f"+w={after[0]}",
                f"+f={after[1]}",
                f"+{after[2][0]}",
                f"-2w={second}",
                f"+2w={beyond}",
                f"fff={before[1]}|{forms[place]}|{after[1]}",
                f"ff2={forms[place]}|{after[1]}|{far}",
                f"-ww={second}|{before[0]}",
                f"-wf={before[0]}|{forms[place]}",
                f"+wf={forms[place]}|{after[0]}",
                f"ll={before[2][0]}|{own[place][0]}|{after[2][0]}",
            ]
        )
    return described


def _own(token: Token, gazetteer: Gazetteer) -> list[str]:
    word, lower = token.text, _plain(token.text)
    marks = "".join(mark for mark, words in zip("flcnx", gazetteer, strict=True) if lower in words)
    features = [f"lists={marks}", "bias", f"w={lower}", f"f={_form(word)}", f"lf={marks}|{_form(word)}"]
    if word.isalpha():
        features += [f"s3={lower[-3:]}", f"s4={lower[-4:]}", f"s2={lower[-2:]}", f"p3={lower[:3]}"]
        if not word.isascii():
            features.append("foreign")
    return features


def _plain(word: str) -> str:
    """Return what a word is called in features: lower case, a line break by a sign of its own."""
    return "¶" if word[0] == "\n" else word.lower() if word.isprintable() else "?"


def _form(word: str) -> str:
    if word.isdigit():
        return f"d{min(len(word), 6)}"
    if not word[0].isalpha():
        return "n" if word[0] == "\n" else word[0]
    if len(word) == 1:
        return "X1" if word.isupper() else "x1"
    if word.isupper():
        return "XX" if len(word) > 3 else "X3"
    return "x" if word.islower() else "Xx" if word[0].isupper() and word[1:].islower() else "xX"


@lru_cache(maxsize=1)
def _weights() -> _Weights:
    import numpy as np

    with np.load(_WEIGHTS, allow_pickle=False) as stored:
        attributes = stored["attributes"].tobytes().decode().split("\n")
        values = np.zeros((len(attributes) + 1, len(LABELS)), dtype=np.float32)
        values[stored["rows"], stored["columns"]] = stored["values"]
        lists = (frozenset(stored[name].tobytes().decode().split("\n")) for name in Gazetteer._fields)
        places = {attribute: place for place, attribute in enumerate(attributes)}
        return _Weights(places, values, stored["transitions"].astype(np.float32), Gazetteer(*lists))


def tag(text: str) -> list[tuple[str, int, int]]:
    """Return kind, start and end of every span, in order; texts in scripts without letter case have none."""
    found: list[tuple[str, int, int]] = []
    for start, end in _blocks(text):
        block = text[start:end]
        found += [(kind, start + first, start + last) for kind, first, last in _tag_block(block)]
    return found


def _blocks(text: str) -> Iterator[Span]:
    """Cut a long text at line breaks, so that decoding stays linear and memory small."""
    start = 0
    while start < len(text):
        end = min(len(text), start + _LONGEST_BLOCK)
        if end < len(text):
            cut = max(text.rfind("\n", start + 200, end), text.rfind(". ", start + 200, end))
            end = cut + 1 if cut > 0 else end
        yield start, end
        start = end


def _tag_block(text: str) -> list[tuple[str, int, int]]:
    import numpy as np

    tokens = tokenize(text)
    if not tokens:
        return []
    weights = _weights()
    unknown = len(weights.places)
    described = describe_tokens(text, tokens, weights.gazetteer)
    places = [[weights.places.get(feature, unknown) for feature in features] for features in described]
    lengths = np.fromiter(map(len, places), dtype=np.int64, count=len(places))
    flat = np.fromiter((place for row in places for place in row), dtype=np.int64)
    scores = np.add.reduceat(weights.values[flat], np.concatenate(([0], np.cumsum(lengths)[:-1])), axis=0)
    return _spans(tokens, _viterbi(scores, weights.transitions))


def _viterbi(scores: Any, transitions: Any) -> list[int]:
    """Return the best label of every token."""
    import numpy as np

    best = scores[0]
    back = np.zeros(scores.shape, dtype=np.int64)
    for place in range(1, len(scores)):
        paths = best[:, None] + transitions
        back[place] = paths.argmax(axis=0)
        best = paths.max(axis=0) + scores[place]
    path = [int(best.argmax())]
    for place in range(len(scores) - 1, 0, -1):
        path.append(int(back[place][path[-1]]))
    return path[::-1]


def _spans(tokens: Sequence[Token], labels: Sequence[int]) -> list[tuple[str, int, int]]:
    spans: list[tuple[str, int, int]] = []
    before = ""
    for token, place in zip(tokens, labels, strict=True):
        prefix, _, name = LABELS[place].partition("-")
        if name and prefix == "I" and before == name and spans:
            spans[-1] = (spans[-1][0], spans[-1][1], token.end)
        elif name and token.text.strip():
            spans.append((KINDS[name], token.start, token.end))
        before = name
    return spans

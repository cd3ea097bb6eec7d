"""What marks a document among all others: stretches of its text, rare words and its names that occur in nothing that stays."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from knowhow.deletion.patterns import SHORTEST, PatternSet
from knowhow.types import Document

_WINDOW, _CJK_WINDOW, _STEP = 40, 16, 120
_MOST_WINDOWS, _MOST_WORDS = 400, 200
_VECTOR_BYTES, _BLOCK = 256, 1 << 20
_WORD = re.compile(r"[^\W_](?:[\w.-]{8,}[^\W_])")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Passages:
    """Texts that only a purged document holds; `shared` counts the candidates that other documents hold as well."""

    texts: tuple[str, ...]
    shared: int = 0


def choose_passages(purged: Iterable[Document], staying: Iterable[str]) -> Passages:
    """Return what marks the documents `purged` and occurs in none of the texts `staying`, in any case of letters."""
    candidates = sorted({text for document in purged for text in _candidates(document)})
    encoded = {text.encode(errors="surrogatepass"): text for text in candidates}
    patterns = PatternSet(encoded)
    shared: set[int] = set()
    texts = (f"{text}\n{text.casefold()}\n".encode(errors="surrogatepass") for text in staying)
    for block in _joined(texts):
        shared |= patterns.find(block)
    kept = [encoded[pattern] for number, pattern in enumerate(patterns.patterns) if number not in shared]
    return Passages(tuple(kept), len(shared))


def describe_document(document: Document) -> Iterator[str]:
    """Yield everything about a document that is text: what stays of other documents is compared with it."""
    yield document.text
    yield "\n".join([document.id, document.source, document.title, *document.metadata.values()])
    yield "\n".join(name for region in document.regions for name in region.heading)


def encode_passage(text: str) -> Iterator[bytes]:
    """Yield the byte forms in which a text can lie on disk: UTF-8, UTF-16, JSON, HTML and base64 at each of its three offsets."""
    plain = text.encode(errors="surrogatepass")
    yield plain
    yield text.encode("utf-16-le", errors="surrogatepass")
    yield text.encode("utf-16-be", errors="surrogatepass")
    yield json.dumps(text)[1:-1].encode()
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode(errors="surrogatepass")
    yield html.escape(text).encode(errors="surrogatepass")
    yield (
        html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;").encode(errors="surrogatepass")
    )
    for shift in range(3):
        # The letters of base64 that hold neighbouring bytes as well are cut off.
        whole = base64.b64encode(b"\0" * shift + plain).rstrip(b"=")
        yield whole[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]


def byte_patterns(texts: Iterable[str], vectors: Iterable[bytes] = ()) -> PatternSet:
    """Return the patterns of texts in all their forms and of vectors."""
    forms = {form for text in texts for form in encode_passage(text)}
    return PatternSet(forms | set(vectors))


def choose_vectors(purged: Iterable[bytes], staying: Iterable[bytes]) -> list[bytes]:
    """Return the beginnings of vectors (float32, little-endian) that no vector that stays has; leading zeros mark nothing."""
    patterns = PatternSet(vector.lstrip(b"\0")[:_VECTOR_BYTES] for vector in purged)
    shared: set[int] = set()
    for block in _joined(staying):
        shared |= patterns.find(block)
    return [pattern for number, pattern in enumerate(patterns.patterns) if number not in shared]


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces in blocks of a megabyte: a search of many small ones would cost more for each call than for its bytes."""
    block = bytearray()
    for piece in pieces:
        block += piece
        if len(block) >= _BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _candidates(document: Document) -> Iterator[str]:
    names = [document.id, document.source, document.title, *document.metadata.values()]
    names += [name for region in document.regions for name in region.heading]
    words: dict[str, None] = {}
    for text in (document.text, *names):
        words |= dict.fromkeys(match.group() for match in _WORD.finditer(text))
    for word in list(words)[:_MOST_WORDS]:
        yield word
        yield word.casefold()
    for name in names:
        if len(name.encode(errors="surrogatepass")) > SHORTEST:
            yield name
    yield from _windows(document.text)


def _windows(text: str) -> Iterator[str]:
    step = max(_STEP, len(text) // _MOST_WINDOWS)
    for start in range(0, max(1, len(text) - _CJK_WINDOW), step):
        size = _CJK_WINDOW if _CJK.search(text[start : start + _CJK_WINDOW]) else _WINDOW
        # Across a line break a passage would not be found again where lines are joined or indented.
        window = max(text[start : start + step].splitlines() or [""], key=len)[:size].strip()
        if len(window.encode(errors="surrogatepass")) >= 2 * SHORTEST:
            yield window

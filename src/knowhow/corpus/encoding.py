"""Bytes to text when nobody says in which encoding they were written."""

from __future__ import annotations

import codecs
import re

from knowhow.corpus.content import LoadError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "cp1252", "cp1251")
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""")
_FUNCTION_CHARACTERS = frozenset(
    "的一是不了在有和人这為为中大上个個以要他时時来來用们們到于於出就分对對成会會可主年也能下而所应應由及与與其如后後或并"
)
_SAMPLE_BYTES = 200_000


def decode(data: bytes, declared: str = "") -> str:
    """Return the text of `data`: byte order mark, then UTF-8, then the declared encoding, then the likeliest; LoadError if binary."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    wide = _wide_encoding(data)
    if wide:
        return data.decode(wide, errors="replace")
    if data.count(b"\x00", 0, _SAMPLE_BYTES) > len(data[:_SAMPLE_BYTES]) // 1000 + 1:
        raise LoadError(
            "The file is not text: it holds binary data.",
            mend="Give it the ending of its real format, or remove it.",
            kind="binary",
        )
    for name in ("utf-8", declared):
        if name and (text := _decode_strictly(data, name)) is not None:
            return text
    return _decode_likeliest(data)


def declared_encoding(data: bytes) -> str:
    """Return the encoding that an HTML or XML head declares, or an empty string."""
    found = _DECLARED.search(data[:4096])
    return found[1].decode("ascii") if found else ""


def _decode_strictly(data: bytes, name: str) -> str | None:
    try:
        return data.decode("gb18030" if name.lower() in ("gb2312", "gbk") else name)
    except (UnicodeDecodeError, LookupError):
        return None


def _wide_encoding(data: bytes) -> str:
    """Recognise UTF-16 and UTF-32 without a mark by where the zero bytes of ASCII characters stand."""
    sample = data[:4000]
    if len(sample) < 4 or b"\x00" not in sample:
        return ""
    zeros = [sample[place::4].count(0) * 4 / len(sample) for place in range(4)]
    if zeros[0] < 0.1 and min(zeros[1:]) > 0.9:
        return "utf-32-le"
    if zeros[3] < 0.1 and min(zeros[:3]) > 0.9:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if odd > 0.2 and odd > 8 * even:
        return "utf-16-le"
    if even > 0.2 and even > 8 * odd:
        return "utf-16-be"
    return ""


def _decode_likeliest(data: bytes) -> str:
    """Choose among the candidates that decode without error the one whose characters are the most ordinary."""
    sample = data[:_SAMPLE_BYTES]
    best, best_rank = "cp1252", -1e9
    for name in _CANDIDATES:
        text = _decode_sample(sample, name)
        if text is not None and (rank := _plausibility(text) - _mixture_penalty(text, name)) > best_rank:
            best, best_rank = name, rank
    return data.decode(best, errors="replace")


def _decode_sample(sample: bytes, name: str) -> str | None:
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        return decoder.decode(sample, final=False)
    except UnicodeDecodeError:
        return None


def _plausibility(text: str) -> float:
    """Mean ordinariness of the non-ASCII characters: common ideographs and kana count for, rare and private ones against."""
    marked = [character for character in text if ord(character) > 127]
    if not marked:
        return 0.0
    return sum(map(_ordinariness, marked)) / len(marked)


def _mixture_penalty(text: str, encoding: str) -> float:
    """Chinese, Japanese and Korean share byte ranges: kana in Chinese text, or as many hanja as hangul, give a wrong guess away."""
    letters = [character for character in text if ord(character) >= 0x3040]
    if not letters:
        return 0.0
    kana = sum(0x3040 <= ord(character) <= 0x30FF for character in letters) / len(letters)
    hanja = sum(0x4E00 <= ord(character) <= 0x9FFF for character in letters) / len(letters)
    if encoding in ("gb18030", "big5hkscs"):
        return 0.5 if kana > 0.1 else 0.0
    return 0.5 if encoding == "cp949" and hanja > 0.1 else 0.0


def _ordinariness(character: str) -> float:
    code = ord(character)
    if 0x3040 <= code <= 0x30FF or 0x3000 <= code <= 0x3020 or 0xFF01 <= code <= 0xFF5E:
        return 1.0
    if character in _FUNCTION_CHARACTERS:
        return 1.5
    if 0x4E00 <= code <= 0x9FFF:
        # The first level of GB 2312 and of Big5 holds the characters in daily use.
        return 1.0 if _is_daily(character) else -0.3
    if 0xAC00 <= code <= 0xD7A3:
        return 1.05
    if character in "éèêëàâäáãåçîïíìôöóòõûüúùñßøæœÉÈÀÄÖÜ–—‘’“”…€£°«»§©®™·•":
        return 0.8
    if 0x0410 <= code <= 0x044F:
        return 0.7
    if 0xFF61 <= code <= 0xFF9F:
        return -0.5
    return -0.6 if 0xE000 <= code <= 0xF8FF or code > 0xFFFF or code < 0xA0 else -0.1


def _is_daily(character: str) -> bool:
    for name, low, high in (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6), ("shift_jis", 0x88, 0x97)):
        data = character.encode(name, errors="ignore")
        if data and low <= data[0] <= high:
            return True
    return False

"""Plain text as it is kept: no control or invisible characters, one kind of newline, no ragged white space."""

from __future__ import annotations

import re
import unicodedata

_NEWLINES = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Control characters, surrogates, non-characters, and the invisible ones that hide text from a person's eye: zero-width
# space, word joiner, soft hyphen, byte order mark, bidirectional overrides and tag characters. The joiners U+200C and
# U+200D stay: Persian and emoji are misspelt without them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
# Kangxi radicals and Latin ligatures come out of PDF fonts in place of the characters that a person would type.
_PRESENTATION = re.compile("[\u2e80-\u2fd5\ufb00-\ufb06]")


def strip_controls(text: str) -> str:
    """Return the text without the control characters, surrogates and non-characters that XML forbids; white space stays."""
    return _FORBIDDEN.sub("", text)


def clean(text: str) -> str:
    """Return the text without control and invisible characters, with unified newlines and no surrounding white space."""
    text = _NEWLINES.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    text = _SPACES.sub(" ", text)
    if _PRESENTATION.search(text):
        text = _PRESENTATION.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _TRAILING.sub("", text)
    return _BLANK_LINES.sub("\n\n", text).strip("\n").rstrip()


def clean_line(text: str) -> str:
    """Return the text as one clean line, for titles and headings."""
    return " ".join(clean(text).split())

"""Lines as they stand on a printed page, joined to paragraphs where a sentence plainly goes on."""

from __future__ import annotations

from statistics import median

from knowhow.language import is_cjk

_OPENERS = "-•*–·▪◦●■□☐☑"


def join_lines(text: str) -> str:
    """Return the text with wrapped lines joined: a full line goes on when the next one begins in lower case or in Chinese."""
    lines = text.split("\n")
    lengths = [len(line) for line in lines if len(line) > 20]
    full = 0.7 * median(lengths) if lengths else 0.0
    joined: list[str] = []
    for line in lines:
        gap = _gap(joined[-1], line, full) if joined else None
        if gap is None:
            joined.append(line)
        else:
            joined[-1] += gap + line.lstrip()
    return "\n".join(joined)


def _gap(above: str, line: str, full: float) -> str | None:
    """Return what stands between two lines that belong together, None when they do not."""
    if not above or not line:
        return None
    last_line_length = len(above.rsplit("\n", 1)[-1])
    first, last = line.lstrip()[:1], above[-1]
    if first in _OPENERS or last in ".:;!?。：；！？|" or last_line_length < full:
        return None
    if is_cjk(first) and is_cjk(last):
        return ""
    return " " if first.islower() else None

"""The style sheet: words can be read against what they stand on, in light and in dark."""

from __future__ import annotations

import re

import pytest

from knowhow.serving.rendering import STATIC, read_static

STYLE = read_static("app.css").decode()
READ = [
    ("--ink", "--paper"), ("--ink", "--soft"), ("--muted", "--paper"), ("--muted", "--soft"), ("--accent", "--paper"), ("--accent", "--soft"),
    ("--on-accent", "--accent"), ("--error", "--paper"), ("--error", "--soft"), ("--ink", "--mark"), ("--ink", "--good"), ("--ink", "--warn"), ("--ink", "--bad"),
]  # fmt: skip
"""Words on what lies behind them, as the style sheet uses them."""


def read_colours(is_dark: bool) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    colours = dict(re.findall(r"(--[\w-]+): (#\w+)", light))
    return {**colours, **(dict(re.findall(r"(--[\w-]+): (#\w+)", dark)) if is_dark else {})}


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2: linear light weighted by what the eye sees."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_in_the_guideline() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize(("words", "ground"), READ)
def test_words_stand_out_at_least_4_5_to_1(words: str, ground: str, is_dark: bool) -> None:
    colours = read_colours(is_dark)
    assert contrast(colours[words], colours[ground]) >= 4.5


def test_every_colour_has_a_dark_sister() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    assert set(re.findall(r"--[\w-]+(?=:)", light)) == set(re.findall(r"--[\w-]+(?=:)", dark))


def test_scripts_are_modules_that_fetch_nothing_from_elsewhere() -> None:
    for name in STATIC:
        text = read_static(name).decode()
        assert not re.search(r"https?:|//[a-z]+\.[a-z]|@import|url\(", text), name
        assert "innerHTML" not in text, name
        assert "eval(" not in text, name

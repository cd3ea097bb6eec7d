import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.corpus.composition import compose, find_headings, first_heading
from knowhow.corpus.content import Part

MARKDOWN = """Intro.

# Fees

Text.

## Cards ##

More.

```
# not a heading
```

Transfers
---------

Last.

# *Second* `part`

End."""


def test_headings_are_found_outside_code() -> None:
    found = [
        (MARKDOWN[offset:].split("\n")[0], level, name) for offset, level, name in find_headings(MARKDOWN)
    ]
    assert found == [
        ("# Fees", 1, "Fees"),
        ("## Cards ##", 2, "Cards"),
        ("Transfers", 2, "Transfers"),
        ("# *Second* `part`", 1, "Second part"),
    ]
    assert first_heading(MARKDOWN) == "Fees"


@pytest.mark.parametrize(
    "text", ["#hash", "####### seven", "| a |\n| - |", "- item\n---", "\n---\n", "    # code"]
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert list(find_headings(text)) == []


def test_regions_carry_the_heading_path() -> None:
    text, regions = compose([Part(MARKDOWN)], is_markdown=True)
    assert [(text[r.start : r.end].split("\n")[0], r.heading) for r in regions] == [
        ("Intro.", ()),
        ("# Fees", ("Fees",)),
        ("## Cards ##", ("Fees", "Cards")),
        ("Transfers", ("Fees", "Transfers")),
        ("# *Second* `part`", ("Second part",)),
    ]


def test_pages_are_exact_after_cleaning() -> None:
    parts = [
        Part("Page\x00 one ends.\r\n\r\n", 1),
        Part("  ", 2),
        Part("\ufeffPage three goes on,", 3),
        Part("and on.", 4),
    ]
    text, regions = compose(parts, is_markdown=False)
    assert text == "Page one ends.\n\nPage three goes on, and on."
    assert [(text[r.start : r.end], r.page) for r in regions] == [
        ("Page one ends.", 1),
        ("Page three goes on,", 3),
        ("and on.", 4),
    ]


def test_a_heading_goes_on_over_parts() -> None:
    _, regions = compose(
        [Part("# Rules\n\nOne."), Part("Two."), Part("## Details\n\nThree.")], is_markdown=True
    )
    assert [region.heading for region in regions] == [("Rules",), ("Rules",), ("Rules", "Details")]


@given(st.lists(st.tuples(st.text(alphabet="#ab \n`=-中\r\x00", max_size=60), st.booleans()), max_size=6))
def test_regions_are_in_order_and_cover_all_text(parts: list[tuple[str, bool]]) -> None:
    text, regions = compose([Part(body, 1 if paged else None) for body, paged in parts], is_markdown=True)
    covered = "".join(text[region.start : region.end] for region in regions)
    assert "".join(covered.split()) == "".join(text.split())
    ends = [0, *(region.end for region in regions)]
    assert all(region.start >= end for region, end in zip(regions, ends, strict=False))
    assert ends[-1] <= len(text)

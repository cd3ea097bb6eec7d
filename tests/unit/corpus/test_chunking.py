import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.corpus.chunking import MARKUP, Chunker
from knowhow.corpus.composition import compose
from knowhow.corpus.content import Part
from knowhow.types import Chunk, Document, Region

LIMIT = 12


def count_words(text: str) -> int:
    return len(re.findall(r"[\u3040-\u9fff]|[^\W\u3040-\u9fff]+|[^\w\s]", text))


def document(parts: list[Part], is_markdown: bool = True) -> Document:
    text, regions = compose(parts, is_markdown)
    metadata = {MARKUP: "markdown"} if is_markdown else {}
    return Document("d", "Title", text, "d.md", frozenset({"staff"}), "en", "", regions, metadata)


def split(parts: list[Part], is_markdown: bool = True, tokens: int = LIMIT, overlap: int = 0) -> list[Chunk]:
    return Chunker(count_words, tokens, overlap).split(document(parts, is_markdown))


def test_sections_are_never_mixed_and_know_their_place() -> None:
    text = "# Policy\n\n## Fees\n\nA card costs five dollars.\n\n## Limits\n\nThe limit is nine."
    found = [(chunk.text, chunk.heading) for chunk in split([Part(text)], tokens=100)]
    assert found == [
        ("## Fees\n\nA card costs five dollars.", ("Policy", "Fees")),
        ("## Limits\n\nThe limit is nine.", ("Policy", "Limits")),
    ]


def test_a_heading_without_lower_ones_is_kept() -> None:
    assert [chunk.text for chunk in split([Part("# One\n\nText.\n\n# Lonely")])] == [
        "# One\n\nText.",
        "# Lonely",
    ]
    assert [chunk.text for chunk in split([Part("# Only")])] == ["# Only"]


def test_equal_headings_stay_apart() -> None:
    chunks = split([Part("# Q\n\nFirst.\n\n# Q\n\nSecond.")], tokens=100)
    assert [chunk.text for chunk in chunks] == ["# Q\n\nFirst.", "# Q\n\nSecond."]


def test_a_chunk_carries_what_its_reader_needs() -> None:
    (chunk,) = split([Part("# Fees\n\nFive.")])
    assert chunk == Chunk(
        "d@0-13", "d", "# Fees\n\nFive.", 0, 13, frozenset({"staff"}), "Title", "d.md", ("Fees",), None, "en"
    )


def test_the_page_is_that_of_the_first_character() -> None:
    parts = [
        Part("Ends in the middle of a", 1),
        Part("sentence. Then comes more text that fills the page.", 2),
    ]
    chunks = split(parts, is_markdown=False)
    assert chunks[0].page == 1
    assert chunks[-1].page == 2
    assert "of a sentence" in chunks[0].text


def test_rows_stay_whole_where_they_fit() -> None:
    rows = "\n".join(f"Name: item {n}; Price: {n} dollars" for n in range(8))
    for chunk in split([Part(rows)], is_markdown=False):
        assert all(line.startswith("Name:") and line.endswith("dollars") for line in chunk.text.split("\n"))


def test_markdown_table_rows_stay_whole() -> None:
    table = "| Name | Price |\n| - | - |\n" + "\n".join(f"| item {n} | {n} dollars |" for n in range(8))
    for chunk in split([Part(f"# T\n\n{table}")], tokens=30):
        assert all(
            line.startswith("|") and line.endswith("|") for line in chunk.text.split("\n") if "item" in line
        )


@pytest.mark.parametrize(
    "text",
    [
        "客户应在三十日内提出申请。逾期不予受理！手续费是多少？按照标准收取。",
        "手数料は無料です。本人確認が必要です。窓口で申し込みます。",
    ],
)
def test_chinese_and_japanese_are_cut_between_sentences(text: str) -> None:
    chunks = split([Part(text)], tokens=18)
    assert len(chunks) > 1
    assert all(chunk.text[-1] in "。！？" for chunk in chunks)


def test_overlap_repeats_the_end() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(12))
    chunks = split([Part(text)], is_markdown=False, tokens=20, overlap=8)
    assert all(after.start < before.end for before, after in pairwise(chunks))


def test_a_document_without_regions_is_split_too() -> None:
    plain = Document("d", "T", "One. Two.")
    assert [chunk.text for chunk in Chunker(count_words, 50).split(plain)] == ["One. Two."]


def test_the_tokenizer_of_an_embedder_counts() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    models, pre = tokenizers.models, tokenizers.pre_tokenizers
    own = tokenizers.Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    own.pre_tokenizer = pre.Whitespace()
    own.enable_truncation(4)
    own.enable_padding(length=50)
    chunks = Chunker(own, 10).split(Document("d", "T", " ".join(["word"] * 35)))
    assert [len(chunk.text.split()) for chunk in chunks] == [10, 10, 10, 5]
    assert own.truncation is not None


TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["# H", "## Sub", "### Deep", "```", "| a | b |\n| - | - |\n| 1 | 2 |", "- item", "Title\n==="]
        ),
        st.text(alphabet="abc 中文字。,.\n😀é", min_size=1, max_size=80),
        st.text(min_size=1, max_size=40),
    ),
    max_size=12,
).map("\n\n".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.booleans(), st.booleans(), st.integers(3, 20))
def test_chunks_are_exact_complete_bounded_and_repeatable(
    text: str, is_markdown: bool, paged: bool, tokens: int
) -> None:
    parts = [Part(text, 1 if paged else None), Part(text[::-1], 2 if paged else None)]
    whole = document(parts, is_markdown)
    chunks = Chunker(count_words, tokens).split(whole)
    assert chunks == Chunker(count_words, tokens).split(whole)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    for chunk in chunks:
        assert chunk.text == whole.text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert count_words(chunk.text) <= tokens
    left = list(whole.text)
    for chunk in chunks:
        left[chunk.start : chunk.end] = " " * (chunk.end - chunk.start)
    # What no chunk holds is white space or a heading that stands in the heading path of a chunk below it.
    said = {name for chunk in chunks for name in chunk.heading}
    for line in "".join(left).split("\n"):
        bare = line.strip(" #=-\t")
        assert not bare.strip() or any(bare in name or name in bare for name in said), line


@given(
    st.lists(st.tuples(st.integers(1, 3), st.text("ab ", min_size=1, max_size=30)), min_size=1, max_size=10)
)
def test_the_region_of_a_chunk_is_found(pieces: list[tuple[int, str]]) -> None:
    text, regions = "", []
    for page, (_, piece) in enumerate(pieces, start=1):
        regions.append(Region(len(text), len(text) + len(piece), page))
        text += piece
    for chunk in Chunker(count_words, 4).split(Document("d", "T", text, regions=tuple(regions))):
        expected = next(region.page for region in reversed(regions) if region.start <= chunk.start)
        assert chunk.page == expected

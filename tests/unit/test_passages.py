import pytest

from knowhow.passages import passage_text
from knowhow.types import Chunk

CASES = [
    (("A fee of 5.", ("Fees", "Cards"), "Fee schedule"), "Fee schedule\nFees > Cards\nA fee of 5."),
    (("A fee of 5.", ("Fees", "Cards"), "Fees"), "Fees\nCards\nA fee of 5."),
    (("A fee of 5.", (), "Fee schedule"), "Fee schedule\nA fee of 5."),
    (("A fee of 5.", ("Fees",), ""), "Fees\nA fee of 5."),
    (("A fee of 5.", (), ""), "A fee of 5."),
]


def chunk(text: str, heading: tuple[str, ...], title: str) -> Chunk:
    return Chunk("d@0", "d", text, 0, len(text), title=title, heading=heading)


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_a_passage_says_its_title_and_heading_path_once(
    given: tuple[str, tuple[str, ...], str], expected: str
) -> None:
    assert passage_text(chunk(*given)) == expected

import pytest

from knowhow.passages import breadcrumb, embedding_text
from knowhow.types import Chunk


def chunk(text: str, heading: tuple[str, ...] = (), title: str = "") -> Chunk:
    return Chunk("d@0", "d", text, 0, len(text), title=title, heading=heading)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (chunk("A fee of 5.", ("Fees", "Cards")), "Fees > Cards\nA fee of 5."),
        (chunk("A fee of 5.", (), "Fee schedule"), "Fee schedule\nA fee of 5."),
        (chunk("A fee of 5."), "A fee of 5."),
        (chunk("## Cards\n\nA fee.", ("Fees", "Cards")), "Fees\n## Cards\n\nA fee."),
        (chunk("# Fees\n\nA fee.", ("Fees",)), "# Fees\n\nA fee."),
    ],
)
def test_a_passage_says_its_place_once(given: Chunk, expected: str) -> None:
    assert embedding_text(given) == expected


def test_a_long_path_keeps_its_nearest_headings() -> None:
    place = breadcrumb(chunk("Text.", tuple(f"heading {number:03d}" for number in range(60))))
    assert len(place) <= 160
    assert place.endswith("heading 059")

"""Synthetic examples: grounded in their passage, new, and never from held-out evidence."""

from knowhow.testing.fakes import FakeGenerator
from knowhow.training.synthesis import synthesize
from knowhow.types import Chunk, Evidence, Example

CHUNKS = [
    Chunk(f"c{n}", f"doc{n}", f"Tower {n} is {n * 10} metres high.", 0, 30, groups=frozenset({"staff"}))
    for n in range(1, 7)
]
HELD_OUT = [Example("h1", "How high is tower 6?", ("60 metres",), (Evidence("doc6"),), split="held_out")]


def reply(turns):
    number = int(turns[-1].content.split()[1])
    return {
        1: "Question: How high is tower 1?\nAnswer: 10 metres",
        2: "Question: How high is tower 2?\nAnswer: about ninety kilometres",
        3: "Question: What does the text say?\nAnswer: Tower 3",
        4: "The tower is high.",
        5: "Question: How high is tower one-and-a-half?\nAnswer: 50 metres high.",
    }[number]


def test_only_grounded_new_questions_of_open_documents_are_kept():
    generator = FakeGenerator(reply)
    known = [Example("e1", "how high is TOWER 1", ("10 metres",))]
    found = synthesize(CHUNKS, HELD_OUT, known, generator, 10)
    assert [item.question for item in found.examples] == ["How high is tower one-and-a-half?"]
    assert found.dropped == {
        "repeats a known question": 1,
        "answer not in its passage": 1,
        "speaks of the text instead of its matter": 1,
        "not in the asked form": 1,
    }
    assert not any("Tower 6" in turns[-1].content for turns in generator.seen)
    example = found.examples[0]
    assert (example.origin, example.split, example.groups) == ("synthetic", "train", frozenset({"staff"}))
    assert example.evidence[0].document == "doc5"


def test_at_most_the_asked_number_of_passages_is_read():
    generator = FakeGenerator(reply)
    synthesize(CHUNKS, HELD_OUT, [], generator, 2, seed=4)
    assert len(generator.seen) == 2

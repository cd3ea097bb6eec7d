"""What every generator must do; a plug-in's test class inherits this and provides the fixture `generator`."""

from __future__ import annotations

from knowhow.protocols import Generator
from knowhow.types import Conversation, Decoding, Message, Role


def ask(text: str) -> Conversation:
    """Return a conversation of one system and one user turn."""
    return (Message(Role.SYSTEM, "Be brief."), Message(Role.USER, text))


class GeneratorContract:
    """Inherit, and define a pytest fixture `generator` that returns the generator under test."""

    def test_is_a_generator(self, generator: Generator) -> None:
        """It has the role's methods and plausible sizes."""
        assert isinstance(generator, Generator)
        assert generator.context_tokens > 0
        assert generator.identity

    def test_counts_grow_with_text(self, generator: Generator) -> None:
        """Counts come in the order of the texts."""
        short, long = generator.count_tokens(["one", "one two three four five six seven eight"])
        assert 0 < short < long

    def test_no_conversations_no_completions(self, generator: Generator) -> None:
        """An empty batch is a batch."""
        assert generator.generate([], Decoding()) == []

    def test_completions_keep_order_and_limit(self, generator: Generator) -> None:
        """One completion per conversation, never longer than asked for, with its counts."""
        batch = [ask("first question"), ask("a second and somewhat longer question"), ask("third")]
        found = generator.generate(batch, Decoding(max_tokens=6))
        assert len(found) == len(batch)
        for completion in found:
            assert completion.error is None
            assert completion.prompt_tokens > 0
            assert 0 <= completion.completion_tokens <= 6
            assert completion.finish in {"stop", "length"}

    def test_answers_do_not_depend_on_neighbours(self, generator: Generator) -> None:
        """The same seed gives the same text alone, in a batch and in another order."""
        batch = [ask("first question"), ask("a second and somewhat longer question"), ask("third")]
        together = [completion.text for completion in generator.generate(batch, Decoding(max_tokens=8))]
        alone = [generator.generate([one], Decoding(max_tokens=8))[0].text for one in batch]
        turned = [completion.text for completion in generator.generate(batch[::-1], Decoding(max_tokens=8))][
            ::-1
        ]
        assert together == alone == turned

    def test_streams_the_whole_text(self, generator: Generator) -> None:
        """What the sink received, joined by position, is the text."""
        pieces: dict[int, str] = {0: "", 1: ""}

        def sink(position: int, text: str) -> None:
            pieces[position] += text

        found = generator.generate([ask("first"), ask("second")], Decoding(max_tokens=8), sink)
        assert pieces == {place: completion.text for place, completion in enumerate(found)}

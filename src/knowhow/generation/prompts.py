"""The one renderer of prompts: training and answering both see a question and its passages through it.

The system turn depends on the style alone, so a whole batch shares it as a prefix. Passages come next and the question last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from knowhow.errors import DataError
from knowhow.generation.wording import Wording, find_wording
from knowhow.language import sentences
from knowhow.types import Answering, Conversation, Format, Hit, Message, Query, Role

CountTokens = Callable[[Sequence[str]], list[int]]

_TURN_TOKENS = 8
"""Control tokens that a chat template puts around one turn, at most."""


@dataclass(frozen=True, slots=True)
class PromptStyle:
    """How questions are put: with or without passages, `quotes` for quote-then-answer, `language` for the fixed phrases.

    `instructions` open the system turn in the place of the default sentence; `not_found` is the agreed answer where the
    passages hold none.
    """

    instructions: str = ""
    not_found: str = ""
    language: str = "en"
    is_grounded: bool = True
    quotes: bool = False
    form: Format = field(default_factory=Format)

    @property
    def agreed_not_found(self) -> str:
        """The agreed answer, or the language's own when none was agreed."""
        return self.not_found or find_wording(self.language).not_found


@dataclass(frozen=True, slots=True)
class Shot:
    """An earlier question with its right answer, shown as a turn before the real question."""

    question: str
    answer: str
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """Passage [number] as it stands in the prompt: the first `shown` characters of the chunk's text."""

    number: int
    hit: Hit
    shown: int

    @property
    def text(self) -> str:
        """What the model saw of the chunk."""
        return self.hit.chunk.text[: self.shown]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered question with the passages in it; `notes` say what was cut so that it fits the window."""

    conversation: Conversation
    passages: tuple[Passage, ...] = ()
    notes: tuple[str, ...] = ()


def make_style(
    answering: Answering, form: Format, language: str, *, is_grounded: bool = True, quotes: bool = False
) -> PromptStyle:
    """Return the style that a workspace's settings ask for."""
    return PromptStyle(answering.instructions, answering.not_found, language, is_grounded, quotes, form)


def render(query: Query, hits: Sequence[Hit], style: PromptStyle, shots: Sequence[Shot] = ()) -> Prompt:
    """Render a question with all of its passages, without regard to any window."""
    passages = tuple(Passage(number, hit, len(hit.chunk.text)) for number, hit in enumerate(hits, start=1))
    return _assemble(query, passages, style, shots, ())


def render_within(
    query: Query,
    hits: Sequence[Hit],
    style: PromptStyle,
    *,
    room: int,
    count: CountTokens,
    shots: Sequence[Shot] = (),
) -> Prompt:
    """Render so that the prompt has at most `room` tokens by `count`: shots go first, then history, then the last passages.

    The last passage that is kept may end early, at the end of a sentence. DataError when the question alone does not fit.
    """
    whole = render(query, hits, style, shots)
    if _measure(whole.conversation, count) <= room:
        return whole
    notes: list[str] = []
    if shots:
        shots, dropped = _fit_shots(query, hits, style, room, count, shots)
        notes += (
            [f"{dropped} example turns did not fit the context window and were left out."] if dropped else []
        )
    bare = _measure(_assemble(query, (), style, shots, ()).conversation, count)
    if bare > room and query.history:
        query = Query(query.text, query.groups)
        notes.append("The earlier conversation did not fit the context window and was left out.")
        bare = _measure(_assemble(query, (), style, shots, ()).conversation, count)
    if bare > room:
        raise DataError(
            f"The question needs {bare} tokens with its instructions, and {room} fit the model's window.",
            mend="Shorten it, or choose a model with a larger window.",
        )
    passages = _fit_passages(hits, style, room - bare, count)
    left = len(hits) - len(passages)
    if left:
        notes.append(
            f"{left} of {len(hits)} passages did not fit the context window and were not read by the model."
        )
    notes += [
        f"Passage [{passage.number}] was cut after {passage.shown} of {len(passage.hit.chunk.text)} characters to fit the context window."
        for passage in passages
        if passage.shown < len(passage.hit.chunk.text)
    ]
    return _assemble(query, passages, style, shots, tuple(notes))


def render_target(answer: str, style: PromptStyle, quote: str = "", number: int | None = None) -> str:
    """Return what the model should write: the answer, in the quoting style after the quote and its passage number."""
    if not style.quotes:
        return answer
    wording = find_wording(style.language)
    marker = f" [{number}]" if number is not None else ""
    quoted = f"“{' '.join(quote.split())}”{marker}" if quote else "–"
    return f"{wording.quote_label} {quoted}\n{wording.answer_label} {answer}"


def split_target(text: str, style: PromptStyle) -> tuple[str, str]:
    """Return (quote, answer) of what a model wrote in the quoting style; the quote is empty where there is none."""
    if not style.quotes:
        return "", text
    wording = find_wording(style.language)
    head, label, answer = text.partition(wording.answer_label)
    if not label:
        return "", text.removeprefix(wording.quote_label).strip()
    return head.strip().removeprefix(wording.quote_label).strip(), answer.strip()


def describe_format(form: Format, language: str) -> str:
    """Return the instructions for a format, one per line; empty for the empty format."""
    wording = find_wording(language)
    lines = []
    if form.sections:
        lines.append(wording.sections.format(sections=" ".join(form.sections)))
    if form.schema:
        compact = json.dumps(json.loads(form.schema), ensure_ascii=False, separators=(",", ":"))
        lines.append(wording.schema.format(schema=compact))
    if form.banned:
        lines.append(wording.banned.format(banned=", ".join(f"“{phrase}”" for phrase in form.banned)))
    if form.max_words is not None:
        lines.append(wording.words.format(limit=form.max_words))
    if form.max_characters is not None:
        lines.append(wording.characters.format(limit=form.max_characters))
    return "\n".join(lines)


def format_passage(number: int, hit: Hit, text: str) -> str:
    """Return one numbered passage: [n] title – heading path, then its text."""
    chunk = hit.chunk
    headings = [heading for heading in chunk.heading if heading and heading != chunk.title]
    label = " – ".join(part for part in (chunk.title or chunk.document_id, " > ".join(headings)) if part)
    return f"[{number}] {label}\n{_without_heading(text.strip(), headings)}"


def _without_heading(text: str, headings: Sequence[str]) -> str:
    """Return the text without a first line that only repeats the heading, which the passage's label already says."""
    first, _, rest = text.partition("\n")
    repeats = bool(headings) and first.strip("#=* \t") == headings[-1].strip()
    return rest.strip() if repeats and rest.strip() else text


def _assemble(
    query: Query,
    passages: Sequence[Passage],
    style: PromptStyle,
    shots: Sequence[Shot],
    notes: tuple[str, ...],
) -> Prompt:
    wording = find_wording(style.language)
    turns = [Message(Role.SYSTEM, _system(style, wording))]
    for shot in shots:
        shown = [Passage(number, hit, len(hit.chunk.text)) for number, hit in enumerate(shot.hits, start=1)]
        turns += [
            Message(Role.USER, _ask(shot.question, shown, wording)),
            Message(Role.ASSISTANT, shot.answer),
        ]
    turns += query.history
    turns.append(Message(Role.USER, _ask(query.text, passages, wording)))
    return Prompt(tuple(turns), tuple(passages), notes)


def _system(style: PromptStyle, wording: Wording) -> str:
    lines = [style.instructions or (wording.grounded if style.is_grounded else wording.closed)]
    if style.is_grounded:
        if style.instructions:
            lines.append(wording.grounded)
        if not style.form.schema:
            lines.append(wording.cite)
        lines.append(wording.absent.format(not_found=style.agreed_not_found))
        if style.quotes:
            lines.append(wording.quote)
    lines.append(describe_format(style.form, style.language))
    return "\n".join(line for line in lines if line)


def _ask(question: str, passages: Sequence[Passage], wording: Wording) -> str:
    shown = [format_passage(passage.number, passage.hit, passage.text) for passage in passages]
    return "\n\n".join([*shown, f"{wording.question_label} {question.strip()}"])


def _measure(conversation: Conversation, count: CountTokens) -> int:
    counts = count([message.content for message in conversation])
    return sum(counts) + _TURN_TOKENS * (len(conversation) + 1)


def _fit_shots(
    query: Query,
    hits: Sequence[Hit],
    style: PromptStyle,
    room: int,
    count: CountTokens,
    shots: Sequence[Shot],
) -> tuple[Sequence[Shot], int]:
    kept = list(shots)
    while kept and _measure(render(query, hits, style, kept).conversation, count) > room:
        # The nearest example stands last, so the first one is the least like the question.
        kept.pop(0)
    return kept, len(shots) - len(kept)


def _fit_passages(
    hits: Sequence[Hit], style: PromptStyle, room: int, count: CountTokens
) -> tuple[Passage, ...]:
    sizes = count([format_passage(number, hit, hit.chunk.text) for number, hit in enumerate(hits, start=1)])
    kept: list[Passage] = []
    for number, (hit, size) in enumerate(zip(hits, sizes, strict=True), start=1):
        # Two tokens more for the blank line that follows.
        if size + 2 <= room:
            kept.append(Passage(number, hit, len(hit.chunk.text)))
            room -= size + 2
            continue
        shown = _fit_sentences(number, hit, room, count)
        if shown:
            kept.append(Passage(number, hit, shown))
        break
    return tuple(kept)


def _fit_sentences(number: int, hit: Hit, room: int, count: CountTokens) -> int:
    """Return how many characters of the chunk, whole sentences, fit into `room` tokens with the passage's first line."""
    text = hit.chunk.text
    ends = [end for _, end in sentences(text)]
    sizes = count([format_passage(number, hit, text[:end]) for end in ends])
    return max((end for end, size in zip(ends, sizes, strict=True) if size + 2 <= room), default=0)

"""The pipeline of every strategy: retrieve, render, generate, check the form, bind citations; a batch goes through each step whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from knowhow.defence.conflicts import find_conflict
from knowhow.defence.evidence import EvidenceGuard
from knowhow.errors import KnowHowError
from knowhow.formats import find_violations, is_demanding
from knowhow.generation.abstention import is_absent, is_abstention
from knowhow.generation.citations import BoundAnswer, bind
from knowhow.generation.enforcement import ask_again, mend
from knowhow.generation.prompts import Prompt, PromptStyle, Shot, render_within, split_target
from knowhow.generation.standalone import stand_alone
from knowhow.protocols import Generator, Retriever, TextSink
from knowhow.timing import collect_stages
from knowhow.types import Answer, Completion, Decoding, Hit, Query

ShotChooser = Callable[[Sequence[Query]], Sequence[Sequence[Shot]]]
"""Chooses the example turns that stand before each question."""

BELOW_THRESHOLD = "No passage was relevant enough, so the model was not asked."


@dataclass(frozen=True)
class AnswerPipeline:
    """Answers questions with a generator and, where given, a retriever; a failed question gives an Answer with `error` set.

    `on_violation` says what becomes of text that breaks the form after mending and one more attempt: "refuse" delivers an error
    and no text, "flag" delivers the text with its `violations`, for measuring.
    """

    generator: Generator
    style: PromptStyle
    retriever: Retriever | None = None
    k: int = 5
    threshold: float | None = None
    max_tokens: int = 160
    seed: int = 0
    temperature: float = 0.0
    shots: ShotChooser | None = None
    on_violation: Literal["refuse", "flag"] = "refuse"
    enforces: bool = True
    release: str = ""
    index_version: Callable[[], str] = field(default=lambda: "")
    guard: EvidenceGuard | None = None

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """Return one answer per query, in order; `latency_ms` is the query's share of retrieval plus its own generation."""
        if not queries:
            return []
        version = self.index_version()
        drafts = self._prepare(queries)
        self._generate(drafts, on_text)
        self._repair([draft for draft in drafts if draft.completion is not None])
        return [self._finish(draft, version) for draft in drafts]

    def _prepare(self, queries: Sequence[Query]) -> list[_Draft]:
        # What is searched for stands alone; the model is shown the turn as it was said, after the turns before it.
        searched = [stand_alone(query) for query in queries] if self.retriever is not None else queries
        found, stages = self._retrieve(searched)
        shots = self.shots(queries) if self.shots is not None else [() for _ in queries]
        return [
            self._draft(query, sought, hits, chosen, stages)
            for query, sought, hits, chosen in zip(queries, searched, found, shots, strict=True)
        ]

    def _retrieve(self, queries: Sequence[Query]) -> tuple[Sequence[Sequence[Hit]], Mapping[str, float]]:
        """Return the hits and each query's share of the stages: embed, search and retrieve (what is neither)."""
        if self.retriever is None:
            return [() for _ in queries], {}
        started = time.perf_counter()
        with collect_stages() as stages:
            found = self.retriever.retrieve(queries, self.k * (self.guard.depth if self.guard else 1))
        stages["retrieve"] = max(_since(started) - sum(stages.values()), 0.0)
        return found, {name: value / len(queries) for name, value in stages.items()}

    def _draft(
        self,
        query: Query,
        searched: Query,
        hits: Sequence[Hit],
        shots: Sequence[Shot],
        stages: Mapping[str, float],
    ) -> _Draft:
        draft = _Draft(query, tuple(hits[: self.k]), dict(stages))
        if searched.text != query.text:
            draft.notes.append(f"Searched for: {searched.text}")
        if self.retriever is not None and is_absent(hits, self.threshold):
            draft.is_absent = True
            return draft
        if self.guard is not None:
            hits = draft.screen(self.guard, hits, self.k)
        started = time.perf_counter()
        # Asking for the window loads the model, once; that belongs to no step of an answer.
        room = self.generator.context_tokens - self.max_tokens
        draft.timings["load"] = _since(started)
        started = time.perf_counter()
        try:
            draft.prompt = render_within(
                query, hits, self.style, room=room, count=self.generator.count_tokens, shots=shots
            )
        except KnowHowError as error:
            draft.error = str(error)
        draft.timings["render"] = _since(started)
        return draft

    def _generate(self, drafts: Sequence[_Draft], on_text: TextSink | None) -> None:
        waiting = [(place, draft) for place, draft in enumerate(drafts) if draft.prompt.conversation]
        if not waiting:
            return
        places = [place for place, _ in waiting]
        sink: TextSink | None = None
        if on_text is not None:
            outer = on_text

            def sink(position: int, text: str) -> None:
                outer(places[position], text)

        completions = self.generator.generate(
            [draft.prompt.conversation for _, draft in waiting], self._decoding(), sink
        )
        for (_, draft), completion in zip(waiting, completions, strict=True):
            draft.take(completion)
            draft.text = self._mend(completion.text)

    def _repair(self, drafts: Sequence[_Draft]) -> None:
        """Ask once more where the form is broken; the second text counts only when it keeps the form."""
        if not is_demanding(self.style.form):
            return
        broken = [draft for draft in drafts if draft.error is None and not self._is_valid(draft.text)]
        asked, conversations = [], []
        for draft in broken:
            violations = find_violations(draft.text, self.style.form)
            again = ask_again(draft.prompt.conversation, draft.text, violations, self.style.language)
            tokens = sum(self.generator.count_tokens([message.content for message in again])) + 8 * len(again)
            if tokens + self.max_tokens <= self.generator.context_tokens:
                asked.append(draft)
                conversations.append(again)
        if not asked:
            return
        for draft, completion in zip(
            asked, self.generator.generate(conversations, self._decoding()), strict=True
        ):
            draft.take(completion)
            draft.notes.append("The first text broke the required form; the model was asked once more.")
            if completion.error is None and self._is_valid(mended := self._mend(completion.text)):
                draft.text = mended
            # A failed second attempt leaves the first text, which is judged by its own violations.
            draft.error = None

    def _finish(self, draft: _Draft, version: str) -> Answer:
        if draft.is_absent:
            return self._wrap(
                draft, version, BoundAnswer(self.style.agreed_not_found), True, (BELOW_THRESHOLD,)
            )
        if draft.error is not None:
            return replace(self._wrap(draft, version, BoundAnswer(""), False), error=draft.error)
        quote, text = split_target(draft.text, self.style)
        violations = find_violations(text, self.style.form)
        if violations and self.on_violation == "refuse":
            failed = self._wrap(draft, version, BoundAnswer(""), False, (f"Refused text: {draft.text}",))
            reason = (
                f"The model's text breaks the required form, also after one repair: {' '.join(violations)}"
            )
            return replace(failed, error=reason, violations=violations)
        abstained = is_abstention(text, self.style.agreed_not_found, self.style.form)
        bound = self._bind(text, draft, quote, abstained)
        answer = self._wrap(draft, version, bound, abstained)
        if (
            self.guard is not None
            and not abstained
            and (conflict := find_conflict(draft.query.text, bound, draft.hits))
        ):
            answer = replace(answer, warnings=(*answer.warnings, conflict))
        return replace(answer, violations=find_violations(bound.text, self.style.form))

    def _bind(self, text: str, draft: _Draft, quote: str, abstained: bool) -> BoundAnswer:
        if self.retriever is None:
            return BoundAnswer(text)
        passages = () if abstained else draft.prompt.passages
        bound = bind(
            text,
            passages,
            quote,
            sections=self.style.form.sections,
            is_structured=bool(self.style.form.schema),
        )
        if find_violations(bound.text, self.style.form) and not find_violations(text, self.style.form):
            # Taking a marker out emptied a section: better a marker that is flagged than a broken form.
            return replace(bound, text=text)
        return bound

    def _wrap(
        self, draft: _Draft, version: str, bound: BoundAnswer, abstained: bool, notes: tuple[str, ...] = ()
    ) -> Answer:
        timings = {name: round(value, 3) for name, value in draft.timings.items()}
        latency = sum(value for name, value in timings.items() if name != "first_token")
        return Answer(
            bound.text,
            bound.citations,
            draft.prompt_tokens,
            draft.completion_tokens,
            round(latency, 3),
            abstained,
            self.release,
            version,
            None,
            draft.hits,
            timings,
            (),
            (*draft.prompt.notes, *draft.notes, *bound.notes, *notes),
            draft.prompt.conversation,
            tuple(draft.warnings),
        )

    def _decoding(self) -> Decoding:
        # The quoting style writes a quote before the form begins, so a grammar of the form alone would forbid it.
        form = self.style.form if self.enforces and not self.style.quotes else None
        return Decoding(self.max_tokens, self.temperature, self.seed, (), form)

    def _mend(self, text: str) -> str:
        return text.strip() if self.style.quotes else mend(text, self.style.form)

    def _is_valid(self, text: str) -> bool:
        return not find_violations(split_target(text, self.style)[1], self.style.form)


@dataclass
class _Draft:
    """One question on its way through the steps."""

    query: Query
    hits: tuple[Hit, ...]
    timings: dict[str, float]
    prompt: Prompt = field(default_factory=lambda: Prompt(()))
    is_absent: bool = False
    completion: Completion | None = None
    text: str = ""
    error: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def screen(self, guard: EvidenceGuard, hits: Sequence[Hit], k: int) -> Sequence[Hit]:
        """Return the at most k hits that the prompt may show; the answer keeps them as they were retrieved."""
        screened = guard.screen(self.query, hits, k)
        original = {hit.chunk.id: hit for hit in hits}
        self.hits = tuple(original[hit.chunk.id] for hit in screened.hits)
        self.warnings += screened.warnings
        return screened.hits

    def take(self, completion: Completion) -> None:
        """Add what one call of the generator cost."""
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        for name, value in _stages(completion).items():
            self.timings[name] = self.timings.get(name, 0.0) + value
        if self.completion is None:
            before = sum(value for name, value in self.timings.items() if name not in ("prefill", "decode"))
            self.timings["first_token"] = before + completion.first_token_ms
            if completion.finish == "length":
                self.notes.append("The answer ended at the greatest length that was allowed.")
            self.error = completion.error
        self.completion = completion


def _stages(completion: Completion) -> Mapping[str, float]:
    return {"prefill": completion.prefill_ms, "decode": completion.decode_ms}


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000

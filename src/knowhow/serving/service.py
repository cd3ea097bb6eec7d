"""What all routes share: asking and waiting, remembering answers for feedback, and reading documents for those who may."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from knowhow.deletion.tombstones import read_tombstones
from knowhow.errors import KnowHowError, NotFoundError
from knowhow.releases.feedback import CitedPassage, Feedback, FeedbackLog
from knowhow.serving.answering import CHAMPION, Answerer
from knowhow.serving.example_checks import ExampleChecks
from knowhow.serving.failures import UNKNOWN, OverloadedError, RequestError, translate
from knowhow.serving.ingestion import Ingestion
from knowhow.serving.jobs import Finished, Job, TextPart
from knowhow.serving.keys import KeyStore, Principal
from knowhow.serving.observing import Observer, settle
from knowhow.serving.personal_data import PersonalDataCounts
from knowhow.serving.runs import Runs
from knowhow.serving.scheduling import Scheduler
from knowhow.serving.schemas import ChatMessage, FeedbackRequest
from knowhow.serving.sessions import Sessions
from knowhow.serving.shadowing import Shadow
from knowhow.serving.tasks import TaskStore
from knowhow.types import Answer, Document, DocumentRecord, Message, Query, Role
from knowhow.workspace import Workspace
from knowhow.workspace.feedback import feedback_log
from knowhow.workspace.personal_data import mask_query, mask_text
from knowhow.workspace.traffic import UNASSIGNED, Assignment

MODEL, EMBEDDER = "knowhow", "knowhow-embedder"
_REMEMBERED = 5000
_STEP_SECONDS = 0.25

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer as it was given to one asker, kept in memory until feedback comes or newer ones push it out."""

    asker: str
    query: Query
    answer: Answer
    assignment: Assignment = UNASSIGNED


class Service:
    """The server's state; made once, closed once."""

    def __init__(
        self, workspace: Workspace, *, fallback: str = "rag", local_groups: frozenset[str] = frozenset()
    ) -> None:
        self.workspace = workspace
        self.settings = workspace.settings.serve
        self.keys = KeyStore(workspace.settings.state / "serving" / "keys.jsonl")
        self.local = Principal("local", "local", "admin", local_groups)
        self.sessions = Sessions(self.keys)
        self.answerer = Answerer(workspace, fallback)
        self.observer = Observer(workspace, self.answerer.queue)
        self.shadow = Shadow(
            workspace, lambda: self.answerer.is_busy, self.observer.note_pair, self.observer.note_unloadable
        )
        self.scheduler = Scheduler(workspace, self.observer.raise_alert)
        self.answerer.on_answer = self._note_answer
        self.answerer.on_unloadable = self.observer.note_unloadable
        self.answerer.expect = self.observer.expect
        self.ingestion = Ingestion(workspace)
        self.feedback: FeedbackLog = feedback_log(workspace.settings)
        self.tasks = TaskStore(workspace.settings)
        self.runs = Runs(workspace)
        self.checks = ExampleChecks(workspace)
        self.personal_data = PersonalDataCounts(workspace)
        self._given: OrderedDict[str, GivenAnswer] = OrderedDict()
        self._readers = ThreadPoolExecutor(2, "knowhow-reading")
        self._has_seen_keys = False

    @property
    def needs_keys(self) -> bool:
        """Say whether every asker needs a key: once there was one, revoking the last key opens nothing."""
        self._has_seen_keys = self._has_seen_keys or bool(self.keys.principals())
        return self._has_seen_keys

    def start(self) -> None:
        """Begin to answer."""
        self.observer.start()
        self.shadow.start()
        self.scheduler.start()
        self.answerer.start()

    def stop(self) -> None:
        """Take no more questions and wait a little for those that are being answered."""
        self.answerer.stop()
        self.answerer.join(self.settings.grace_seconds)
        if self.answerer.is_alive():
            self.answerer.abandon()
            self.answerer.join(2.0)
        self.scheduler.stop()
        self.shadow.stop()
        self.observer.stop()
        self._readers.shutdown(wait=False, cancel_futures=True)

    def find_target(self, model: str, asker: Principal) -> str:
        """Return what answers for a model name: the champion for everyone, anything else for reviewers; 404 otherwise."""
        if model in (MODEL, CHAMPION):
            return CHAMPION
        if asker.may("reviewer"):
            try:
                return self.workspace.releases.get(model).id
            except NotFoundError:
                pass
        raise RequestError(
            404,
            f"The model {model[:80]!r} does not exist. Ask for '{MODEL}'.",
            code="model_not_found",
            param="model",
        )

    def ask(self, asker: Principal, query: Query, model: str, *, wants_text: bool = False) -> Job:
        """Queue a question; RequestError when it is too long, the model unknown or the queue full."""
        limit = self.settings.question_characters
        if len(query.text) > limit or sum(len(turn.content) for turn in query.history) > 8 * limit:
            raise RequestError(
                400, f"The question may have {limit} characters, and all earlier turns {8 * limit}.", code="too_long", param="messages"
            )  # fmt: skip
        target = self.find_target(model, asker)
        query = mask_query(self.workspace.settings, query)
        assignment = self.observer.assign(asker.id, query) if target == CHAMPION else UNASSIGNED
        job = Job(asker.id, assignment.release or target, query, wants_text=wants_text, assignment=assignment)
        self._submit(job)
        return job

    def embed(self, asker: Principal, texts: Sequence[str]) -> Job:
        """Queue texts to embed."""
        job = Job(asker.id, EMBEDDER, texts=texts)
        self._submit(job)
        return job

    def _submit(self, job: Job) -> None:
        try:
            self.answerer.submit(job)
        except OverloadedError as error:
            self.observer.exposition.count_refusal(error.code)
            raise

    def _note_answer(self, job: Job, answer: Answer) -> None:
        self.observer.note(job, answer)
        self.shadow.offer(job, answer)

    async def follow(self, job: Job) -> AsyncIterator[TextPart | Finished]:
        """Yield text as it comes and the end; the job is cancelled when its time is over or the reader leaves."""
        deadline = asyncio.get_running_loop().time() + self.settings.request_seconds
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    event = await job.events.get()
                while isinstance(event, TextPart) and not job.events.empty():
                    following = job.events.get_nowait()
                    if isinstance(following, Finished):
                        yield event
                        event = following
                    else:
                        event = TextPart(event.text + following.text)
                yield event
                if isinstance(event, Finished):
                    return
        except TimeoutError:
            limit = self.settings.request_seconds
            late = RequestError(504, f"There was no answer within {limit:g} seconds.", code="timeout")
            yield Finished(error=late)
        finally:
            job.cancel()

    async def wait(self, job: Job, request: Request) -> Finished:
        """Return the end of a job; when the client goes away, the job is cancelled at once."""
        leaving = asyncio.ensure_future(_wait_for_leaving(request))
        ending = asyncio.ensure_future(self._end(job))
        try:
            await asyncio.wait({leaving, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                raise RequestError(499, "The client went away.", code="client_left")
            finished = ending.result()
        finally:
            job.cancel()
            leaving.cancel()
            ending.cancel()
        if finished.error is not None:
            raise finished.error
        return finished

    async def _end(self, job: Job) -> Finished:
        async for event in self.follow(job):
            if isinstance(event, Finished):
                return event
        raise RequestError(500, "The answer did not end.", code="bug")

    def deliver(self, job: Job, asker: Principal, finished: Finished) -> Answer:
        """Return the answer of a finished job and remember it; RequestError where nothing valid was made."""
        answer = finished.answer
        assert answer is not None
        assert job.query is not None
        if answer.error is not None:
            message = answer.error.replace(str(self.workspace.root.resolve()), ".")
            raise RequestError(502, message, code="no_valid_answer")
        self._given[job.id] = GivenAnswer(asker.id, job.query, answer, settle(job.assignment, answer))
        while len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)
        return answer

    def forget_given(self) -> None:
        """Forget every answer that was given: it may quote a document that is being deleted."""
        self._given.clear()
        self.runs.forget()

    def find_given(self, asker: Principal, answer_id: str) -> GivenAnswer:
        """Return an answer that this asker was given and may still read; 404 for all others."""
        given = self._given.get(answer_id)
        if given is None or given.asker != asker.id or not self._is_still_readable(asker, given.answer):
            raise UNKNOWN
        return given

    def _is_still_readable(self, asker: Principal, answer: Answer) -> bool:
        """Say whether every document behind an answer may be read now: rights may have gone since, or the document been purged."""
        shown = {hit.chunk.document_id for hit in answer.hits}
        if not shown:
            return True
        groups = {record.id: record.groups for record in self.workspace.records()}
        stones = read_tombstones(self.workspace.root)
        return not any(
            (groups[name] and not groups[name] & asker.groups)
            if name in groups
            else stones.find_document(name)
            for name in shown
        )

    def take_feedback(self, asker: Principal, body: FeedbackRequest) -> Feedback:
        """Keep feedback on an answer that this asker was given; 404 for all other answers."""
        given = self.find_given(asker, body.answer_id)
        answer = given.answer
        numbers = {citation.number for citation in answer.citations}
        if wrong := [number for number in body.wrong_sources if number not in numbers]:
            raise RequestError(
                400, f"The answer has no source [{wrong[0]}].", code="invalid", param="wrong_sources"
            )
        kept = self.feedback.add(
            Feedback(
                id="",
                time="",
                by=asker.name,
                question=given.query.text,
                answer=answer.text,
                rating=body.rating,
                correction=mask_text(self.workspace.settings, body.correction),
                wrong_sources=tuple(body.wrong_sources),
                missing_document=mask_text(self.workspace.settings, body.missing_document),
                comment=mask_text(self.workspace.settings, body.comment),
                release=answer.release,
                index_version=answer.index_version,
                citations=tuple(CitedPassage(cited.number, cited.document_id, cited.quote) for cited in answer.citations),
                groups=tuple(sorted(asker.groups)),
                audiences=_audiences(answer),
                documents=tuple(sorted({hit.chunk.document_id for hit in answer.hits})),
            )
        )  # fmt: skip
        self.observer.note_feedback(given.assignment, kept)
        return kept

    def records(self, asker: Principal) -> list[DocumentRecord]:
        """The documents that this asker may read."""
        return [
            record for record in self.workspace.records() if not record.groups or record.groups & asker.groups
        ]

    def document(self, asker: Principal, name: str) -> Document:
        """One document; the same 404 where there is none and where this asker may not read it."""
        if not any(record.id == name for record in self.records(asker)):
            raise UNKNOWN
        document = self.workspace.components.index.document(name)
        if document.groups and not document.groups & asker.groups:
            raise UNKNOWN
        return document

    async def read(self, work: Callable[[], Result]) -> Result:
        """Run blocking work beside the loop; errors of the core become those of the border."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, work)
        except KnowHowError as error:
            raise translate(error, self.workspace.root) from error


def read_conversation(
    messages: Sequence[ChatMessage], turns: int
) -> tuple[str, tuple[Message, ...], list[str]]:
    """Return question, earlier turns (the last `turns`) and what is ignored; RequestError when the last turn is no question."""
    history: list[Message] = []
    ignored: list[str] = []
    for place, message in enumerate(messages):
        text = _text_of(message, place)
        if message.role in ("system", "developer"):
            ignored.append(f"messages[{place}] ({message.role}): a release pins its instructions")
        elif message.role in ("tool", "function"):
            raise RequestError(
                400, "Tools are not supported.", code="unsupported", param=f"messages[{place}]"
            )
        else:
            history.append(Message(Role(message.role), text))
    if not history or history[-1].role is not Role.USER or not history[-1].content.strip():
        raise RequestError(
            400, "The last message must be the user's question.", code="no_question", param="messages"
        )
    question = history.pop()
    if len(history) > turns:
        ignored.append(f"messages: all but the last {turns} earlier turns")
    return question.content, tuple(history[-turns:]), ignored


def find_ignored(extra: Mapping[str, Any] | None) -> list[str]:
    """Return the options of a request that have no effect, because a release pins how it answers."""
    return sorted(key for key, value in (extra or {}).items() if value is not None)


def _text_of(message: ChatMessage, place: int) -> str:
    if message.content is None:
        return ""
    if isinstance(message.content, str):
        return message.content
    for part in message.content:
        if part.type != "text":
            raise RequestError(
                400,
                f"Only text can be answered, not {part.type!r}.",
                code="unsupported",
                param=f"messages[{place}]",
            )
    return "\n".join(part.text for part in message.content)


def _audiences(answer: Answer) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted({tuple(sorted(hit.chunk.groups)) for hit in answer.hits if hit.chunk.groups}))


async def _wait_for_leaving(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        await asyncio.sleep(_STEP_SECONDS)

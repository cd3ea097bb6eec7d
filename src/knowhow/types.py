"""All data that flows between the parts: frozen, slotted dataclasses without behaviour.

Offsets are code points into `Document.text`. Groups are names; an empty set on a document means that every asker
may read it, otherwise the asker must hold at least one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a document's text with the place a person would look it up: page (from 1) and heading path."""

    start: int
    end: int
    page: int | None = None
    heading: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One source file (or one record of it) as plain text with its regions in order."""

    id: str
    title: str
    text: str
    source: str = ""
    groups: frozenset[str] = frozenset()
    language: str = ""
    digest: str = ""
    regions: tuple[Region, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document: `text == document.text[start:end]`; what is embedded is heading path plus text."""

    id: str
    document_id: str
    text: str
    start: int
    end: int
    groups: frozenset[str] = frozenset()
    title: str = ""
    source: str = ""
    heading: tuple[str, ...] = ()
    page: int | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A question with the groups that its asker holds; no groups reads public documents only."""

    text: str
    groups: frozenset[str] = frozenset()
    history: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that was ranked but not yet read: its id, score and component scores as in a Hit."""

    chunk_id: str
    score: float
    parts: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk; `score` orders hits of one query, `parts` keeps the component scores (dense, lexical, rerank)."""

    chunk: Chunk
    score: float
    parts: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a router makes of a question: `intent` is empty where it is unknown, `nearest` the best guess even then.

    `context_words` counts the words of the question and of the turns before it.
    """

    intent: str
    nearest: str = ""
    confidence: float = 0.0
    is_phrase: bool = False
    context_words: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """Which strategy answers a question, and why in words."""

    strategy: str
    intent: str
    confidence: float
    reason: str


class Role(StrEnum):
    """Who speaks in a conversation."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `content` is data and never carries control tokens."""

    role: Role
    content: str


Conversation = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a generator returned; `finish` is stop, length, cancelled or error."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: str = "stop"
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    first_token_ms: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """Marker [number] in an answer bound to the span of a chunk that supports it (offsets in the document's text)."""

    number: int
    chunk_id: str
    document_id: str
    start: int
    end: int
    quote: str = ""
    source: str = ""
    page: int | None = None
    heading: tuple[str, ...] = ()
    is_inferred: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as delivered, with what it was made from; `error` set means that nothing valid was delivered.

    `warnings` are what whoever reads the answer must see beside it: sources that differ, text in them that was kept from the model.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_ms: float = 0.0
    abstained: bool = False
    release: str = ""
    index_version: str = ""
    error: str | None = None
    hits: tuple[Hit, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict, hash=False)
    violations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    prompt: Conversation = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an example's answer stands: a document id or source path, and optionally the exact quote."""

    document: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its accepted answers; `is_answerable` False means that abstaining is right.

    `groups` are the asker's. `audiences` are the group sets of the documents that the answer rests on: who holds none of one of them
    may not learn the answer. The workspace fills them in; no file states them.
    """

    id: str
    question: str
    references: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    intent: str = ""
    is_answerable: bool = True
    language: str = ""
    groups: frozenset[str] = frozenset()
    split: str = ""
    origin: str = ""
    audiences: frozenset[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Format:
    """The form an answer must keep; an empty Format demands nothing.

    `sections` are literal headings in order; `schema` is a JSON Schema as JSON text; `banned` are expressions that may not occur (any case).
    """

    sections: tuple[str, ...] = ()
    schema: str = ""
    banned: tuple[str, ...] = ()
    max_characters: int | None = None
    max_words: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One metric's value for one strategy's answer to one example; None means that the metric does not apply."""

    metric: str
    strategy: str
    example_id: str
    value: float | None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval at `level` around `value`."""

    value: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired comparison of two strategies on one metric; `p_adjusted` is Holm's over the family."""

    metric: str
    strategy: str
    against: str
    difference: Interval
    p_value: float
    p_adjusted: float
    wins: int
    ties: int
    losses: int
    test: str
    detectable: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """One check that a trained strategy must pass before it may be recommended: `value` against `limit`, `before` without training.

    `reason` is the sentence for the report, `mend` what to do where it is closed. One that is not `is_required` is only reported.
    """

    name: str
    passed: bool
    reason: str
    mend: str = ""
    value: float | None = None
    limit: float | None = None
    before: float | None = None
    is_overruled: bool = False
    is_required: bool = True

    @property
    def is_open(self) -> bool:
        """Whether the strategy may go on: passed, overruled by name, or only reported."""
        return self.passed or self.is_overruled or not self.is_required


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do and why; the advisor gives one before data, the report one from data. `strategy` is a name or `undecided`."""

    strategy: str
    headline: str
    reasons: tuple[str, ...] = ()
    trade_offs: tuple[str, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict, hash=False)
    flips_when: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    confidence: float | None = None
    is_decided: bool = True


@dataclass(frozen=True, slots=True)
class IngestProblem:
    """One file that could not be read: what is wrong and how to mend it."""

    source: str
    reason: str
    mend: str
    kind: str = "unreadable"


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What one ingest did; counts are documents except `chunks`. `flagged` are suspicious documents in the index, new or not."""

    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    chunks: int = 0
    seconds: float = 0.0
    version: str = ""
    problems: tuple[IngestProblem, ...] = field(default=())
    flagged: tuple[IngestProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Traits:
    """What a strategy is, as far as limits and upkeep are concerned.

    `retrieves`: it looks evidence up. `learns`: fit trains weights, so new facts need new training. `cites`: answers can name their
    source. `is_live`: a changed document changes the next answer. `is_diagnostic`: never recommended, never released.
    """

    retrieves: bool = False
    learns: bool = False
    cites: bool = False
    is_live: bool = False
    is_diagnostic: bool = False


@dataclass(frozen=True, slots=True)
class Decoding:
    """How to generate: greedy at temperature 0; `format` is enforced by the engine where it can."""

    max_tokens: int = 160
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    format: Format | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """How a pipeline answers: the house's instructions, the agreed answer where the documents hold none, and the sizes.

    `k` is the number of passages, `threshold` the relevance below which evidence counts as absent (None: never by score),
    `language` that of the fixed phrases. `delivers_invalid` hands out text that breaks the form, with its violations, so that a
    comparison can score content and form apart; otherwise such text is never delivered. `trust` are rules (glob over source paths,
    0 low, 1 normal, 2 high), `removes_instructions` keeps orders to a language model that stand in documents out of the prompt.
    """

    instructions: str = ""
    not_found: str = ""
    max_tokens: int = 160
    k: int = 5
    threshold: float | None = None
    language: str = "en"
    delivers_invalid: bool = False
    trust: tuple[tuple[str, int], ...] = ()
    removes_instructions: bool = True


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """What the index knows of a document without its text."""

    id: str
    source: str
    title: str
    digest: str
    groups: frozenset[str]
    language: str
    chunks: int
    characters: int
    ingested: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

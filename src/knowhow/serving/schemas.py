"""What requests and answers look like; every text and list has a limit, unknown OpenAI options are named, not silently obeyed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Short = Annotated[str, StringConstraints(max_length=256)]
Text = Annotated[str, StringConstraints(max_length=200_000)]
Question = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]


def _only_boolean(value: Any) -> Any:
    # Python holds 0 for equal to False, JSON does not.
    if value is not None and not isinstance(value, bool):
        raise ValueError("must be false")
    return value


Off = Annotated[Literal[False], BeforeValidator(_only_boolean)]


class Strict(BaseModel):
    """A body of ours: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Lenient(BaseModel):
    """A body of OpenAI's: what we do not know is ignored and named in `knowhow.ignored`."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class ContentPart(Lenient):
    """A part of a message; only text can be answered."""

    type: Short
    text: Text = ""


class ChatMessage(Lenient):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | Annotated[list[ContentPart], Field(max_length=64)] | None = None


class StreamOptions(Lenient):
    """Whether a last chunk tells the tokens."""

    include_usage: bool = False


class ChatRequest(Lenient):
    """POST /v1/chat/completions: the last user turn is the question, earlier turns are its history."""

    model: Short = "knowhow"
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=500)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] = 1
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    functions: Annotated[list[Any], Field(max_length=0)] | None = None
    logprobs: Off | None = None


class CompletionRequest(Lenient):
    """POST /v1/completions: the prompt is the question."""

    model: Short = "knowhow"
    prompt: Question | Annotated[list[Question], Field(min_length=1, max_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] = 1
    best_of: Annotated[int, Field(ge=1, le=1)] | None = None
    echo: Off | None = None


class EmbeddingRequest(Lenient):
    """POST /v1/embeddings."""

    model: Short = "knowhow-embedder"
    input: Question | Annotated[list[Question], Field(min_length=1, max_length=256)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: None = None


class CitationOut(BaseModel):
    """Marker [number] of the answer, bound to characters `start` to `end` of a document."""

    number: int
    document_id: str
    chunk_id: str
    start: int
    end: int
    quote: str
    source: str
    page: int | None
    heading: list[str]
    is_inferred: bool


class Extension(BaseModel):
    """The field `knowhow` beside OpenAI's own: where the answer stands, whether it abstained, and what made it.

    `text` is the checked answer; where text was streamed before it was checked and differs, `is_replaced` is true. `ignored` names
    options of the request that have no effect, because a release pins how it answers.
    """

    answer_id: str
    text: str
    is_replaced: bool = False
    abstained: bool
    citations: list[CitationOut]
    notes: list[str]
    warnings: list[str] = []
    release: str
    index_version: str
    ignored: list[str] = []
    timings_ms: dict[str, float] = {}


class Usage(BaseModel):
    """Tokens as the engine counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ReplyMessage(BaseModel):
    """The answer as a turn."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """The one choice."""

    index: int = 0
    message: ReplyMessage
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class ChatReply(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    knowhow: Extension


class CompletionChoice(BaseModel):
    """The one choice."""

    index: int = 0
    text: str
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class CompletionReply(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage
    knowhow: Extension


class EmbeddingRow(BaseModel):
    """One vector, as numbers or as base64 of little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens; the embedder does not count them, so words are given."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingReply(BaseModel):
    """All vectors in the order of the input."""

    object: Literal["list"] = "list"
    data: list[EmbeddingRow]
    model: str
    usage: EmbeddingUsage


class ModelOut(BaseModel):
    """One name that can be asked for."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "knowhow"


class ModelList(BaseModel):
    """All names that this asker can ask for."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorOut(BaseModel):
    """The body of every error."""

    error: ErrorDetail


class AskRequest(Strict):
    """POST /api/ask."""

    question: Question
    history: Annotated[list[ChatMessage], Field(max_length=500)] = []
    model: Short = "knowhow"


class FeedbackRequest(Strict):
    """POST /api/feedback: a reaction to an answer that this asker got."""

    answer_id: Short
    rating: Literal["", "up", "down"] = ""
    correction: Annotated[str, StringConstraints(max_length=20_000)] = ""
    wrong_sources: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(max_length=50)] = []
    missing_document: Short = ""
    comment: Annotated[str, StringConstraints(max_length=4000)] = ""


class ReviewRequest(Strict):
    """POST /api/feedback/{id}/reviews."""

    verdict: Literal["right", "wrong", "wrong_source"]
    answer: Annotated[str, StringConstraints(max_length=20_000)] = ""
    document: Short = ""
    quote: Annotated[str, StringConstraints(max_length=4000)] = ""
    note: Annotated[str, StringConstraints(max_length=4000)] = ""


class PromoteRequest(Strict):
    """POST /api/releases/promote."""

    release: Short
    alias: Literal["champion", "challenger"] = "champion"
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class RollbackRequest(Strict):
    """POST /api/releases/rollback: without `to`, to the champion before."""

    to: Short = ""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Made(BaseModel):
    """The id of what was made."""

    id: str


class Health(BaseModel):
    """What anyone may know: that the server is there."""

    status: Literal["ok", "degraded", "stopping"]


class ExampleRequest(Strict):
    """POST /api/examples: without an answer, abstaining is right."""

    question: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    answer: Annotated[str, StringConstraints(max_length=20_000)] = ""
    document: Short = ""
    quote: Annotated[str, StringConstraints(max_length=4000)] = ""


class CompareRequest(Strict):
    """POST /api/compare: no strategies means all that fit, no minutes as long as it takes, no limit every held-out question."""

    strategies: Annotated[list[Short], Field(max_length=50)] = []
    minutes: Annotated[float, Field(ge=0, le=10_080, allow_inf_nan=False)] = 0
    limit: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class TrainRequest(Strict):
    """POST /api/train: knobs that are given are kept in knowhow.toml, where the next comparison reads them too."""

    strategy: Short
    goal: Literal["style", "knowledge", "both"] | None = None
    effort: Literal["quick", "standard", "thorough"] | None = None
    base_model: Short | None = None


class ReleaseRequest(Strict):
    """POST /api/releases: freeze an arm of a run."""

    run: Short
    strategy: Short
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    override: Annotated[str, StringConstraints(max_length=2000)] = ""


class TaskOut(BaseModel):
    """A long task: what was asked for by whom, where it stands, and what came of it; times in seconds since 1970."""

    id: str
    kind: str
    arguments: dict[str, Any]
    by: str
    started: float
    state: Literal["waiting", "running", "done", "failed", "stopped", "interrupted"]
    message: str
    result: dict[str, Any]
    ended: float

"""knowhow.toml -> frozen Settings: read once, every unknown key is an error that names the known ones.

Sections that choose a part (`[embedder]`, `[generator]`, ...) take `name` plus that part's own options, which the registry checks
when it builds the part. Secrets never stand in the file: `api_key_env` names an environment variable.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from knowhow.errors import ConfigError, NotFoundError, suggest
from knowhow.operation import (
    AlertSettings,
    GuardSettings,
    MonitoringSettings,
    ScheduleSettings,
    StreamSettings,
    TrafficSettings,
    find_wrong_values,
)
from knowhow.registry import check_options
from knowhow.types import Format

FILE_NAME = "knowhow.toml"
Effort = Literal["quick", "standard", "thorough"]

_PARTS: Mapping[str, str] = MappingProxyType(
    {"embedder": "minilm", "index": "sqlite", "generator": "llama_cpp"}
)
"""Sections that choose a part, with the default name."""


@dataclass(frozen=True, slots=True)
class PartChoice:
    """A part by its registered name, with its own options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class GroupRule:
    """Documents whose path under the documents folder matches the glob are readable by `groups` only."""

    path: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    """[documents]: where they are and how they are parsed; a parser over time or memory is stopped."""

    path: str = "documents"
    rules: tuple[GroupRule, ...] = ()
    exclude: tuple[str, ...] = ()
    max_megabytes: float = 64.0
    timeout_seconds: float = 60.0
    memory_megabytes: int = 2048


@dataclass(frozen=True, slots=True)
class ExampleSettings:
    """[examples]: the questions with answers, and the share that is held out when rows do not say."""

    path: str = "examples.jsonl"
    held_out: float = 0.4


@dataclass(frozen=True, slots=True)
class ChunkingSettings:
    """[chunking]: passage size in the embedder's own tokens."""

    tokens: int = 200
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """[retrieval]: hits per question, candidates per component before fusion, and below which score evidence counts as absent.

    The default threshold refuses at most 4 % of answerable questions on the datasets of `benchmarks/abstention.py`; 0 never refuses.
    """

    mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    k: int = 5
    candidates: int = 100
    reranker: str = ""
    threshold: float | None = 0.3


@dataclass(frozen=True, slots=True)
class FormatSettings:
    """[format]: the form every answer must keep; `schema` is the path of a JSON Schema file."""

    sections: tuple[str, ...] = ()
    schema: str = ""
    banned: tuple[str, ...] = ()
    max_characters: int | None = None
    max_words: int | None = None


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """[prompt]: what the model is told, and the agreed answer when the documents do not hold one."""

    instructions: str = ""
    not_found: str = ""
    max_tokens: int = 160


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """[compare]: the arms, the quality metric that decides, the error level and the resamples (0: from the effort)."""

    strategies: tuple[str, ...] = ()
    metric: str = ""
    alpha: float = 0.05
    margin: float = 0.0
    resamples: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """[judge]: a language model as judge of grounding, which speaks only once its agreement with your labels reaches `floor`.

    `labels` is the path of the file with your own verdicts; `generator` chooses the judging engine as [generator] does, and without it
    the workspace's own generator judges.
    """

    labels: str = ""
    floor: float = 0.4
    generator: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """[privacy]: what happens to personal data in documents, examples, questions, answers and everything kept of them.

    `kinds` restricts what is looked for (none: every kind but organisations, places and dates); `patterns` adds regular expressions by
    kind. `names` anchored finds names and addresses by what stands around them, trained also by the small recogniser for English.
    `key_file` holds the key of pseudonyms where KNOWHOW_VAULT_KEY does not.
    """

    mode: Literal["off", "mask", "pseudonymise", "drop"] = "off"
    kinds: tuple[str, ...] = ()
    names: Literal["anchored", "trained", "presidio"] = "trained"
    patterns: Mapping[str, Any] = field(default_factory=dict, hash=False)
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class TrustRule:
    """Documents whose path under the documents folder matches the glob are trusted that much; the last rule that matches counts."""

    path: str
    trust: Literal["low", "normal", "high"]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """[sources]: how far documents are trusted, and what becomes of text in them that speaks to a language model or is hidden.

    `instructions` remove keeps sentences that give a language model orders out of the prompt, keep leaves them in. `hidden` flag
    names documents with hidden text at ingest, refuse keeps them out of the index.
    """

    rules: tuple[TrustRule, ...] = ()
    instructions: Literal["remove", "keep"] = "remove"
    hidden: Literal["flag", "refuse"] = "flag"


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """[audit]: whether the log of who did what is kept, and what it keeps of a question: a keyed digest, its text, or nothing."""

    log: bool = True
    questions: Literal["digest", "text", "off"] = "digest"


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """[serve]: the limits of the server, and how many reviewers must agree before a correction counts.

    `batch` questions are answered together: an answer is delivered when its batch is done, so 1 is right for an engine that answers
    one at a time. `stream` live sends text as it is written, checked sends it once it has passed every check.
    """

    batch: int = 1
    queue: int = 64
    request_seconds: float = 120.0
    body_kilobytes: int = 1024
    question_characters: int = 8000
    history_turns: int = 40
    stream: Literal["live", "checked"] = "live"
    grace_seconds: float = 8.0
    kept_releases: int = 2
    reviewers: int = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration, resolved; `root` is the workspace folder."""

    root: Path
    effort: Effort = "quick"
    language: str = ""
    documents: DocumentSettings = field(default_factory=DocumentSettings)
    examples: ExampleSettings = field(default_factory=ExampleSettings)
    chunking: ChunkingSettings = field(default_factory=ChunkingSettings)
    embedder: PartChoice = field(default_factory=lambda: PartChoice(_PARTS["embedder"]))
    index: PartChoice = field(default_factory=lambda: PartChoice(_PARTS["index"]))
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    generator: PartChoice = field(default_factory=lambda: PartChoice(_PARTS["generator"]))
    prompt: PromptSettings = field(default_factory=PromptSettings)
    format: FormatSettings = field(default_factory=FormatSettings)
    compare: CompareSettings = field(default_factory=CompareSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    sources: SourceSettings = field(default_factory=SourceSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)
    traffic: TrafficSettings = field(default_factory=TrafficSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    training: Mapping[str, Any] = field(default_factory=dict, hash=False)
    goal: Mapping[str, Any] = field(default_factory=dict, hash=False)
    costs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    router: Mapping[str, Any] = field(default_factory=dict, hash=False)
    strategy: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    @property
    def state(self) -> Path:
        """The folder that belongs to KnowHow inside the workspace."""
        return self.root / ".knowhow"


def load_settings(root: Path) -> Settings:
    """Read `root`/knowhow.toml; NotFoundError without the file, ConfigError with file and key when something in it is wrong."""
    path = root / FILE_NAME
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no {FILE_NAME} in {root}. Create a workspace with: knowhow init {root}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    return parse_settings(values, root, str(path))


def parse_settings(values: Mapping[str, Any], root: Path, source: str = FILE_NAME) -> Settings:
    """Turn parsed TOML into Settings; `source` names the file in errors."""
    known = {item.name for item in fields(Settings)} - {"root"}
    resolved: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{source} has an unknown key '{key}'. {suggest(key, known)}")
        resolved[key] = _parse_part(key, value, source) if key in _PARTS else value
    flat = {key: value for key, value in resolved.items() if key not in _PARTS}
    try:
        checked = check_options(Settings, {"root": root, **flat}, source)
    except ConfigError as error:
        raise ConfigError(_with_source(str(error), source)) from None
    settings = Settings(**{**checked, **{key: resolved[key] for key in _PARTS.keys() & resolved.keys()}})
    _check_ranges(settings, source)
    return settings


def read_format(settings: Settings) -> Format:
    """Return the Format of [format], with the schema file read; ConfigError when the file is absent."""
    chosen = settings.format
    schema = ""
    if chosen.schema:
        path = settings.root / chosen.schema
        if not path.is_file():
            raise ConfigError(f"[format] schema names {path}, which does not exist. Correct the path.")
        schema = path.read_text(encoding="utf-8")
    return Format(chosen.sections, schema, chosen.banned, chosen.max_characters, chosen.max_words)


def describe_settings(settings: Settings) -> dict[str, Any]:
    """Return the resolved configuration as JSON values, without the machine's own paths, for runs and releases."""
    return {
        item.name: _plain(getattr(settings, item.name)) for item in fields(settings) if item.name != "root"
    }


def _parse_part(section: str, value: Any, source: str) -> PartChoice:
    if isinstance(value, str):
        return PartChoice(value)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{source} [{section}] must be a table with a name, not {value!r}.")
    name = value.get("name", _PARTS[section])
    if not isinstance(name, str):
        raise ConfigError(f"{source} [{section}] name must be text, not {name!r}.")
    return PartChoice(name, MappingProxyType({key: item for key, item in value.items() if key != "name"}))


def _check_ranges(settings: Settings, source: str) -> None:
    positive = {
        "[chunking] tokens": settings.chunking.tokens,
        "[retrieval] k": settings.retrieval.k,
        "[retrieval] candidates": settings.retrieval.candidates,
        "[documents] max_megabytes": settings.documents.max_megabytes,
        "[documents] timeout_seconds": settings.documents.timeout_seconds,
        "[documents] memory_megabytes": settings.documents.memory_megabytes,
        "[prompt] max_tokens": settings.prompt.max_tokens,
        "[serve] batch": settings.serve.batch,
        "[serve] queue": settings.serve.queue,
        "[serve] request_seconds": settings.serve.request_seconds,
        "[serve] body_kilobytes": settings.serve.body_kilobytes,
        "[serve] question_characters": settings.serve.question_characters,
        "[serve] kept_releases": settings.serve.kept_releases,
        "[serve] reviewers": settings.serve.reviewers,
    }
    for key, value in positive.items():
        if value <= 0:
            raise ConfigError(f"{source} {key} must be greater than 0, not {value}.")
    for key, share in {
        "[examples] held_out": settings.examples.held_out,
        "[compare] alpha": settings.compare.alpha,
        "[judge] floor": settings.judge.floor,
    }.items():
        if not 0 < share < 1:
            raise ConfigError(f"{source} {key} must lie between 0 and 1, not {share}.")
    for problem in find_wrong_values(
        settings.traffic, settings.guard, settings.monitoring, settings.alerts, settings.stream
    ):
        raise ConfigError(f"{source} {problem}")
    if not 0 <= settings.chunking.overlap < settings.chunking.tokens:
        raise ConfigError(
            f"{source} [chunking] overlap must be from 0 to below tokens, not {settings.chunking.overlap}."
        )


def _with_source(message: str, source: str) -> str:
    return message if message.startswith(source) else f"{source}: {message}"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {
            key: _plain(item)
            for key, item in ((item.name, getattr(value, item.name)) for item in fields(value))
        }
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, frozenset, set)):
        return [_plain(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return str(value) if isinstance(value, Path) else value


__all__ = [
    "FILE_NAME",
    "AuditSettings",
    "ChunkingSettings",
    "CompareSettings",
    "DocumentSettings",
    "Effort",
    "ExampleSettings",
    "FormatSettings",
    "GroupRule",
    "JudgeSettings",
    "PartChoice",
    "PrivacySettings",
    "PromptSettings",
    "RetrievalSettings",
    "ServeSettings",
    "Settings",
    "SourceSettings",
    "TrustRule",
    "describe_settings",
    "load_settings",
    "parse_settings",
    "read_format",
]

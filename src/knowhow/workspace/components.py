"""The parts that strategies build from, made once from the settings and shared."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from knowhow import registry
from knowhow.config import PartChoice, Settings, read_format
from knowhow.defence.evidence import LEVELS
from knowhow.errors import ConfigError, NotFoundError, PolicyError
from knowhow.language import words
from knowhow.protocols import Embedder, Generator, Index, Retriever, Trainer
from knowhow.types import Answering, Chunk, Document, DocumentRecord, Format
from knowhow.workspace.gates import training_options
from knowhow.workspace.screening import remove_returned


class WorkspaceComponents:
    """Builds embedder, index, retriever, generator and trainer at first use and keeps them, generators one per adapter."""

    def __init__(self, settings: Settings, *, gold: Retriever | None = None) -> None:
        self.settings = settings
        self._gold = gold
        self._embedders: dict[Path | None, Embedder] = {}
        self._generators: dict[Path | None, Generator] = {}
        self._retrievers: dict[Path | None, Retriever] = {}
        self._judge: Generator | None = None

    @cached_property
    def format(self) -> Format:
        """The form that answers must keep, from [format]."""
        return read_format(self.settings)

    @cached_property
    def answering(self) -> Answering:
        """Instructions, agreed not-found answer, sizes and language, from [prompt], [retrieval] and the documents."""
        prompt, retrieval = self.settings.prompt, self.settings.retrieval
        return Answering(
            instructions=prompt.instructions,
            not_found=prompt.not_found,
            max_tokens=prompt.max_tokens,
            k=retrieval.k,
            threshold=retrieval.threshold,
            language=self.settings.language or self._commonest_language(),
            delivers_invalid=self._gold is not None,
            trust=read_trust(self.settings),
            removes_instructions=self.settings.sources.instructions == "remove",
        )

    def _commonest_language(self) -> str:
        languages = Counter(record.language for record in self._records() if record.language)
        return languages.most_common(1)[0][0] if languages else "en"

    def _records(self) -> list[DocumentRecord]:
        return self.index.records() if self.index_path.exists() else []

    @cached_property
    def index(self) -> Index:
        """The index of this workspace, its vectors made by the configured embedder."""
        return open_index(self.settings, self.index_path, self.embedder().identity)

    @property
    def index_path(self) -> Path:
        """Where the index stands."""
        return self.settings.state / "index.sqlite"

    @property
    def index_version(self) -> str:
        """Version of the index as it is now; empty before the first ingest."""
        return self.index.version if self.index_path.exists() else ""

    @cached_property
    def training_groups(self) -> frozenset[str]:
        """The groups of [training] groups; without any, training reads public documents only."""
        return read_training_groups(self.settings)

    def documents(self) -> Iterable[Document]:
        """Every document that training may read: public ones, and those of the training groups."""
        return (
            self.index.document(record.id)
            for record in self.index.records()
            if not record.groups or record.groups & self.training_groups
        )

    def chunks(self) -> Iterable[Chunk]:
        """Every chunk that training may read."""
        return self.index.chunks(self.training_groups)

    def embedder(self, encoder: Path | None = None) -> Embedder:
        """The configured embedder, or the tuned encoder in a directory."""
        if encoder not in self._embedders:
            tuned = {} if encoder is None else {"path": str(encoder)}
            self._embedders[encoder] = _build("embedder", self.settings.embedder, tuned)
        return self._embedders[encoder]

    def token_counter(self) -> Any:
        """What sizes chunks: the embedder's own tokenizer, or words where it has none."""
        tokenizer = getattr(self.embedder(), "tokenizer", None)
        return tokenizer if tokenizer is not None else _count_words

    def retriever(self, encoder: Path | None = None) -> Retriever:
        """The one retrieval path that ask, compare and serve share."""
        from knowhow.retrieval import build_retriever

        if encoder not in self._retrievers:
            index = self.index if encoder is None else self._tuned_index(encoder)
            self._retrievers[encoder] = build_retriever(
                self.settings.retrieval, index, self.embedder(encoder)
            )
        return self._retrievers[encoder]

    def _tuned_index(self, encoder: Path) -> Index:
        from knowhow.workspace.encoders import follow_index

        tuned = self.embedder(encoder)
        path = self.settings.state / "encoders" / f"{tuned.identity[:32]}.sqlite"
        return follow_index(self.index, open_index(self.settings, path, tuned.identity), tuned)

    def gold_retriever(self) -> Retriever:
        """Gold evidence by question, inside a comparison only."""
        if self._gold is None:
            raise PolicyError(
                "The oracle reads gold evidence and only exists inside a comparison. Use another strategy."
            )
        return self._gold

    def generator(self, adapter: Path | None = None) -> Generator:
        """The configured generator, with the adapter in a directory where given."""
        if adapter not in self._generators:
            extra = {} if adapter is None else {"adapter": str(adapter)}
            self._generators[adapter] = _build("generator", self.settings.generator, extra)
        return self._generators[adapter]

    def judge(self) -> Generator:
        """The generator of [judge], by default the one that answers."""
        chosen = dict(self.settings.judge.generator)
        if not chosen:
            return self.generator()
        if self._judge is None:
            name = str(chosen.pop("name", self.settings.generator.name))
            self._judge = _build("generator", PartChoice(name, chosen), {}, section="judge.generator")
        return self._judge

    def trainer(self) -> Trainer:
        """The configured trainer."""
        options = {"effort": self.settings.effort, **training_options(self.settings)}
        trainer: Trainer = registry.build("trainer", "lora", options, section="[training]")
        return trainer

    def close(self) -> None:
        """Release models and files; what is used afterwards is opened anew."""
        for generator in self._generators.values():
            generator.close()
        self._generators.clear()
        if self._judge is not None:
            self._judge.close()
            self._judge = None
        self._retrievers.clear()
        if "index" in self.__dict__:
            self.__dict__.pop("index").close()


def read_training_groups(settings: Settings) -> frozenset[str]:
    """Return [training] groups; ConfigError when they are not a list of names."""
    names = settings.training.get("groups", ())
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise ConfigError(f"[training] groups must be a list of names, not {names!r}.")
    return frozenset(names)


def read_trust(settings: Settings) -> tuple[tuple[str, int], ...]:
    """Return the rules of [sources] as (glob, level)."""
    return tuple((rule.path, LEVELS[rule.trust]) for rule in settings.sources.rules)


def _count_words(text: str) -> int:
    return len(words(text))


def open_index(settings: Settings, path: Path, identity: str, *, screens: bool = True) -> Index:
    """Open an index file with the configured engine; `identity` is that of the vectors, empty to read records only.

    What was purged before and came back with an old copy is removed from it at once, unless `screens` is False.
    """
    choice = settings.index
    index: Index = _build("index", choice, {"path": path, "embedder": identity})
    if screens and (returned := remove_returned(settings.root, index)):
        print(
            f"{returned} documents that were purged had come back with an old copy and were removed from {path.name} again. "
            "Purge what else came back with: knowhow purge --again",
            file=sys.stderr,
        )
    return index


def _build(kind: str, choice: PartChoice, extra: Mapping[str, Any], *, section: str = "") -> Any:
    place = f"knowhow.toml [{section or kind}]"
    try:
        return registry.build(kind, choice.name, {**choice.options, **extra}, section=place)
    except NotFoundError as error:
        raise ConfigError(f"{place} name: {error}") from None

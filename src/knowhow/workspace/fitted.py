"""What a strategy learned last: comparisons and training leave it in the cache under a digest, asking finds it by name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from knowhow.config import Settings
from knowhow.errors import NotFoundError, PolicyError
from knowhow.evaluation.examples import read_examples
from knowhow.evaluation.splits import split_examples
from knowhow.protocols import Components, RoutingStrategy, Strategy
from knowhow.storage import read_json, write_json
from knowhow.types import DocumentRecord
from knowhow.workspace.components import open_index
from knowhow.workspace.personal_data import mask_examples
from knowhow.workspace.screening import prepare_examples, screen_fitted


def remember_fitted(settings: Settings, folders: Mapping[str, str]) -> None:
    """Note under `settings.state` which cache folder each strategy learned into last."""
    for name, folder in folders.items():
        write_json(_pointer(settings, name), {"folder": folder})


def find_fitted(settings: Settings, name: str, strategy: Strategy, components: Components) -> Path:
    """Return the folder that `strategy.load` reads; NotFoundError when it trains weights and was never trained.

    Documents may have changed since: what was learned stays, and that is the point of asking again.
    """
    pointer = _pointer(settings, name)
    if pointer.exists():
        folder = settings.state / "cache" / "fitted" / str(read_json(pointer)["folder"])
        if reason := screen_fitted(settings.root)(folder):
            raise PolicyError(f"'{name}' may not be used: {reason} Train it again: knowhow train {name}")
        if folder.is_dir():
            return folder
    if isinstance(strategy, RoutingStrategy):
        raise NotFoundError(
            f"The strategy '{name}' learns from a comparison which strategy answers what. Measure it with: knowhow compare -C {settings.root}"
        )
    if strategy.traits.learns:
        raise NotFoundError(
            f"The strategy '{name}' was not trained yet. Train it with: knowhow train {name} -C {settings.root}"
        )
    folder = settings.state / "cache" / "untrained" / name
    path = settings.root / settings.examples.path
    if path.exists():
        # Few-shot prompts change with the examples, and keeping them costs nothing, so they are made anew each time.
        found = mask_examples(settings, read_examples(path).examples)
        examples = prepare_examples(settings.root, found, _records(settings))
        chosen = set(split_examples(examples, settings.examples.held_out).train)
        folder.mkdir(parents=True, exist_ok=True)
        strategy.fit([example for example in examples if example.id in chosen], components, folder)
    return folder


def _records(settings: Settings) -> list[DocumentRecord]:
    path = settings.state / "index.sqlite"
    if not path.exists():
        return []
    with closing(open_index(settings, path, "")) as index:
        return index.records()


def _pointer(settings: Settings, name: str) -> Path:
    return settings.state / "fitted" / f"{name}.json"

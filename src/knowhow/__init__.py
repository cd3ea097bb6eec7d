"""KnowHow: RAG, fine-tuning, or both? Measured on your own documents and questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowhow.errors import (
    BackendError,
    ConfigError,
    DataError,
    KnowHowError,
    MissingDependencyError,
    NotFoundError,
    PolicyError,
    UndecidedError,
)
from knowhow.registry import register
from knowhow.types import (
    Answer,
    Chunk,
    Citation,
    Document,
    Evidence,
    Example,
    Format,
    Hit,
    Query,
    Recommendation,
)

if TYPE_CHECKING:
    from knowhow.workspace import Workspace

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "BackendError",
    "Chunk",
    "Citation",
    "ConfigError",
    "DataError",
    "Document",
    "Evidence",
    "Example",
    "Format",
    "Hit",
    "KnowHowError",
    "MissingDependencyError",
    "NotFoundError",
    "PolicyError",
    "Query",
    "Recommendation",
    "UndecidedError",
    "Workspace",
    "__version__",
    "register",
]


def __getattr__(name: str) -> object:
    """Import Workspace at first use, so that `import knowhow` stays instant."""
    if name == "Workspace":
        from knowhow.workspace import Workspace

        return Workspace
    raise AttributeError(f"module 'knowhow' has no attribute '{name}'")

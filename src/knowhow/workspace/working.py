"""Who is at work in a workspace: training and comparing say so, and a purge waits for nobody but refuses to run beside them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowhow.errors import PolicyError
from knowhow.storage import locked

_FOLDER = "working"


def pending_purge(state: Path) -> Path:
    """Return where a purge writes down what it is about to do."""
    return state / "purged" / "pending.json"


@contextmanager
def working(state: Path, purpose: str) -> Iterator[None]:
    """Say that this process writes answers or weights; PolicyError while a purge is going on or was interrupted."""
    path = state / _FOLDER / f"{secrets.token_hex(6)}.lock"
    with locked(path, purpose=purpose):
        # Only after the lock is held: a purge writes its plan first and looks at the locks then, so one of the two sees the other.
        if pending_purge(state).exists():
            raise PolicyError(
                "A purge is going on or was interrupted. Finish it with: knowhow purge --resume"
            )
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def refuse_working(state: Path) -> None:
    """PolicyError while another process trains or compares; what a killed one left behind is cleared away."""
    for path in (state / _FOLDER).glob("*.lock"):
        with locked(path, purpose="a training or comparison, which could write the document anew"):
            path.unlink(missing_ok=True)

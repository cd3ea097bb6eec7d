"""The error tree; every message is a full sentence that says what is wrong, where, and how to mend it.

KnowHowError
├── ConfigError              knowhow.toml or an option is wrong             exit 2
├── DataError                a document or examples file is wrong           exit 2
├── NotFoundError            a name, file or model does not exist           exit 2
├── MissingDependencyError   an optional library is not installed           exit 2
├── PolicyError              access, privacy or an unmet gate forbids it    exit 3
├── UndecidedError           a verdict was demanded, the data can't decide  exit 4
└── BackendError             an engine or endpoint failed                   exit 4
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class KnowHowError(Exception):
    """Base of every error that is the user's to mend; the command line shows it without a traceback."""

    exit_code = 1


class ConfigError(KnowHowError):
    """A setting is wrong: the message names file, key and the known keys."""

    exit_code = 2


class DataError(KnowHowError):
    """A source cannot be used: the message names the file, the line where known, and the mend."""

    exit_code = 2

    def __init__(self, message: str, *, source: str = "", line: int | None = None, mend: str = "") -> None:
        self.reason, self.source, self.line, self.mend = message, source, line, mend
        place = f"{source}:{line}" if source and line is not None else source
        super().__init__(" ".join(part for part in (f"{place}:" if place else "", message, mend) if part))


class NotFoundError(KnowHowError):
    """A name is unknown; the message lists the known ones, nearest first."""

    exit_code = 2

    @classmethod
    def unknown(cls, kind: str, name: str, known: Iterable[str]) -> NotFoundError:
        """Build the error for `name` of a `kind` with the nearest known names."""
        return cls(f"Unknown {kind} '{name}'. {suggest(name, known)}")


class MissingDependencyError(KnowHowError):
    """An optional library is absent; the message holds the exact pip line."""

    exit_code = 2

    @classmethod
    def extra(cls, feature: str, extra: str) -> MissingDependencyError:
        """Build the error for a `feature` that needs the optional dependency group `extra`."""
        return cls(
            f"{feature} needs optional libraries. Install them with: pip install 'knowhow-ai[{extra}]'"
        )


class PolicyError(KnowHowError):
    """A rule about access, privacy or an unmet limit forbids the action."""

    exit_code = 3


class UndecidedError(KnowHowError):
    """A verdict was demanded and the data cannot give one; the message says how much more is needed."""

    exit_code = 4


class BackendError(KnowHowError):
    """An engine or endpoint failed; `retryable` says whether the same call may succeed later."""

    exit_code = 4

    def __init__(self, message: str, *, engine: str = "", retryable: bool = False) -> None:
        self.engine, self.retryable = engine, retryable
        super().__init__(f"{engine}: {message}" if engine else message)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a sentence naming the known names, with the nearest match to `name` first."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    listing = f"Known: {', '.join(names)}." if names else "None are known."
    return f"Did you mean '{near[0]}'? {listing}" if near else listing

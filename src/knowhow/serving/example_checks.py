"""The check of the examples, made once per state of the file and the index."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

from knowhow.errors import KnowHowError
from knowhow.evaluation.lint import LintReport
from knowhow.serving.keys import file_signature
from knowhow.workspace import Workspace


class ExampleChecks:
    """Remembers the last check of a workspace's examples."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._key: object = None
        self._found: LintReport | None = None

    def find(self) -> LintReport:
        """Return what is wrong with the examples; an error of the core where they cannot be read."""
        with self._lock:
            key = self._state()
            if self._found is None or key != self._key:
                self._found, self._key = self._workspace.check_examples(), key
            return self._found

    def peek(self) -> LintReport | None:
        """Return the check where it is known; None while it is being made beside, which takes long on many documents."""
        if self._found is not None and self._state() == self._key:
            return self._found
        if not self._lock.locked():
            threading.Thread(target=self._try, name="knowhow-checking", daemon=True).start()
        return None

    def _try(self) -> None:
        # The examples page says what is wrong with a file that cannot be read.
        with suppress(KnowHowError):
            self.find()

    def _state(self) -> object:
        settings = self._workspace.settings
        examples = file_signature(settings.root / settings.examples.path)
        return examples, self._workspace.components.index_version

    def readable(self, ids: set[str]) -> LintReport:
        """Return the check without findings about rows that are not among `ids`: their sentences may quote them."""
        found = self.find()
        return replace(
            found, findings=tuple(item for item in found.findings if all(row in ids for row in item.rows))
        )

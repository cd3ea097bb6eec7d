"""Personal data in documents, counted by kind, once per document and digest."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping

from knowhow.types import DocumentRecord
from knowhow.workspace import Workspace

_SCANNED_CHARACTERS = 200_000
"""Documents are searched up to here, so that the page stays quick on long ones."""
_REMEMBERED = 20_000


class PersonalDataCounts:
    """What was found in which version of which document."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: OrderedDict[tuple[str, str], Mapping[str, int]] = OrderedDict()

    def of(self, record: DocumentRecord) -> Mapping[str, int]:
        """Return how often each kind stands in a document's beginning; blocking."""
        from knowhow.privacy.recognisers import find_personal_data

        key = (record.id, record.digest)
        found = self._found.get(key)
        if found is None:
            text = self._workspace.components.index.document(record.id).text[:_SCANNED_CHARACTERS]
            found = self._found[key] = dict(Counter(item.kind for item in find_personal_data(text)))
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found

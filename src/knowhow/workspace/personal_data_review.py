"""What personal data stands in the documents and examples of a workspace, as their owners wrote them: counts, and samples that show none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from knowhow.config import PrivacySettings, Settings
from knowhow.corpus.documents import build_documents
from knowhow.corpus.folder import scan_folder
from knowhow.corpus.pool import Limits, ParserPool, Task
from knowhow.evaluation.examples import read_examples
from knowhow.privacy.masking import Masking, build_masking
from knowhow.privacy.spans import PersonalData
from knowhow.progress import progress
from knowhow.types import Document, IngestProblem
from knowhow.workspace.personal_data import VAULT

EXAMPLES = "examples"
_CONTEXT_CHARACTERS = 30
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class FoundSample:
    """One finding as it may be shown: where it stands, its outline, and its surroundings with every finding masked."""

    source: str
    outline: str
    context: str


@dataclass(slots=True)
class KindFindings:
    """One kind of personal data: how often it stands in how many sources, and some samples."""

    kind: str
    count: int = 0
    sources: int = 0
    samples: list[FoundSample] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PersonalDataReview:
    """What was found; `file_names` hold personal data themselves, and names of files are never masked."""

    mode: str
    names: str
    documents: int
    examples: int
    characters: int
    findings: tuple[KindFindings, ...]
    by_source: dict[str, dict[str, int]]
    file_names: tuple[str, ...]
    problems: tuple[IngestProblem, ...]

    @property
    def total(self) -> int:
        """How many findings there are."""
        return sum(item.count for item in self.findings)


def review_personal_data(settings: Settings, *, samples: int = 3) -> PersonalDataReview:
    """Search documents and examples as they lie on the disk, whatever [privacy] mode says; DataError where examples cannot be read."""
    # The search needs no key: it looks, and replaces nothing that is kept.
    chosen = settings.privacy
    masking = build_masking(
        PrivacySettings("mask", chosen.kinds, chosen.names, chosen.patterns),
        settings.state / VAULT,
        settings.root,
    )
    assert masking is not None
    review = _Review(masking, samples)
    problems: list[IngestProblem] = []
    documents = 0
    for document in _documents(settings, problems):
        documents += 1
        title = [] if document.title in document.text else [document.title]
        review.add(document.source, [*title, document.text, *document.metadata.values()])
    examples = _examples(settings)
    for texts in examples:
        review.add(EXAMPLES, texts)
    names = sorted(name for name in review.by_source if name != EXAMPLES and masking.find(name))
    findings = sorted(review.findings.values(), key=lambda item: (-item.count, item.kind))
    return PersonalDataReview(
        chosen.mode,
        chosen.names,
        documents,
        len(examples),
        review.characters,
        tuple(findings),
        {source: dict(counts) for source, counts in review.by_source.items() if counts},
        tuple(names),
        tuple(problems),
    )


class _Review:
    """Findings so far."""

    def __init__(self, masking: Masking, samples: int) -> None:
        self.masking, self.samples = masking, samples
        self.findings: dict[str, KindFindings] = {}
        self.by_source: dict[str, Counter[str]] = {}
        self.characters = 0

    def add(self, source: str, texts: Sequence[str]) -> None:
        """Search the texts of a source."""
        counts = self.by_source.setdefault(source, Counter())
        for text in texts:
            self.characters += len(text)
            found = self.masking.find(text)
            for item in found:
                kind = self.findings.setdefault(item.kind, KindFindings(item.kind))
                kind.count += 1
                kind.sources += item.kind not in counts
                counts[item.kind] += 1
                if len(kind.samples) < self.samples:
                    kind.samples.append(FoundSample(source, outline(item), self._context(text, found, item)))

    def _context(self, text: str, found: Sequence[PersonalData], item: PersonalData) -> str:
        first, last = max(0, item.start - _CONTEXT_CHARACTERS), min(len(text), item.end + _CONTEXT_CHARACTERS)
        parts, place = [], first
        for other in found:
            if other.end > first and other.start < last:
                parts += [text[place : max(place, other.start)], f"[{other.kind}]"]
                place = max(place, other.end)
        return " ".join("".join([*parts, text[place : max(place, last)]]).split())


def outline(item: PersonalData) -> str:
    """Return the form of a value without the value: letters and digits become a sign, all but the first where there are six or more."""
    shown = item.text[0] if sum(character.isalnum() for character in item.text) >= 6 else ""
    rest = item.text[len(shown) :]
    return shown + "".join("•" if character.isalnum() else character for character in rest)


def _documents(settings: Settings, problems: list[IngestProblem]) -> Iterator[Document]:
    chosen = settings.documents
    scan = scan_folder(settings.root / chosen.path, chosen.rules, chosen.exclude, "")
    problems += scan.problems
    by_name = {file.name: file for file in scan.files}
    tasks = [Task(file.path, file.name, file.loader) for file in scan.files]
    if not tasks:
        return
    limits = Limits(chosen.timeout_seconds, chosen.memory_megabytes, chosen.max_megabytes)
    with (
        progress("Search", len(tasks), "files") as bar,
        ParserPool(min(_WORKERS, len(tasks)), limits) as pool,
        closing(pool.parse(tasks)) as results,
    ):
        for task, parsed in results:
            built, found = build_documents(by_name[task.name], parsed)
            problems += found
            yield from built
            bar.advance()


def _examples(settings: Settings) -> list[list[str]]:
    path = settings.root / settings.examples.path
    if not path.exists():
        return []
    return [
        [item.question, *item.references, *(evidence.quote for evidence in item.evidence)]
        for item in read_examples(path).examples
    ]

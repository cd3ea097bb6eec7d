"""What the advisor can see without asking: examples, documents, the index's history and the newest measurement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.advisor.answers import Answers, WorkspaceFacts, default_answers, parse_answers
from knowhow.advisor.assumptions import Assumptions, apply_costs, default_assumptions
from knowhow.advisor.goal import read_decisions, read_goal
from knowhow.advisor.measurement import Measurement
from knowhow.config import Settings
from knowhow.errors import DataError
from knowhow.types import DocumentRecord, Example
from knowhow.workspace.history import read_history
from knowhow.workspace.measurement import newest_report, read_measurement

if TYPE_CHECKING:
    from knowhow.protocols import Index

_CHARACTERS_PER_TOKEN = 4.0
_CJK_CHARACTERS_PER_TOKEN = 1.5
_CJK = ("zh", "ja")
_SAMPLE_CHARACTERS = 400_000
"""Documents are read up to here for personal data and coverage, so that advice stays instant on large corpora."""
_LEAST_HISTORY_DAYS = 14
_EMBEDDED_BILLIONS = 0.135


@dataclass(frozen=True, slots=True)
class Observation:
    """Facts for the advisor's questions, cost constants that were measured here, and the newest comparison."""

    facts: WorkspaceFacts
    costs: Mapping[str, float] = field(default_factory=dict)
    measurement: Measurement | None = None


def decisions_path(root: Path) -> Path:
    """Return where a workspace keeps the decisions that `advise` made."""
    return root / ".knowhow" / "advice.jsonl"


def observe(settings: Settings, records: Sequence[DocumentRecord], index: Index | None = None) -> Observation:
    """Return what the workspace shows; nothing is generated, and a broken examples file counts as not seen."""
    examples = _read_examples(settings)
    report = newest_report(settings)
    measurement = read_measurement(report)
    scores = {} if measurement is None else measurement.scores
    texts = _sample_texts(records, index)
    answers = [text for example in examples or () for text in example.references]
    intents = {example.intent for example in examples or () if example.intent}
    count = None if examples is None else sum(bool(example.references) for example in examples)
    history = read_history(settings, read_decisions(decisions_path(settings.root)), count)
    facts = WorkspaceFacts(
        examples=count,
        format_share=_format_share(answers),
        changed_share_per_month=_changed_share(records),
        personal_data_found=_count_personal_data([*texts.values(), *answers]),
        has_permissions=any(record.groups for record in records) if records else None,
        coverage=_coverage(examples or (), texts, records),
        corpus_tokens=round(sum(_tokens(record) for record in records)) if records else None,
        probe=max((scores[name].value for name in ("base", "few_shot") if name in scores), default=None),
        languages=_languages(records),
        intents=len(intents) or None,
        model_parameters_billion=_EMBEDDED_BILLIONS
        if settings.generator.name == "llama_cpp" and not settings.generator.options
        else None,
        documents=len(records) if records else None,
        **asdict(history),
    )
    return Observation(facts, _measured_costs(report), measurement)


def _read_examples(settings: Settings) -> tuple[Example, ...] | None:
    from knowhow.evaluation.examples import read_examples

    path = settings.root / settings.examples.path
    if not path.exists():
        return None
    try:
        return tuple(read_examples(path).examples)
    except DataError:
        return None


def _format_share(answers: Sequence[str]) -> float | None:
    """The share of answers in the commonest form that is more than plain prose."""
    from knowhow.evaluation.answer_forms import find_form

    if not answers:
        return None
    forms = Counter(find_form(text) for text in answers)
    forms.pop("text", None)
    return max(forms.values(), default=0) / len(answers)


def _changed_share(records: Sequence[DocumentRecord]) -> float | None:
    """The share of documents per month that were read again or came new after the first ingest; None before two weeks of history."""
    moments = sorted(moment for record in records if (moment := _moment(record.ingested)) is not None)
    if not moments:
        return None
    days = (datetime.now(UTC) - moments[0]).total_seconds() / 86_400
    if days < _LEAST_HISTORY_DAYS:
        return None
    later = sum((moment - moments[0]).total_seconds() > 86_400 for moment in moments)
    return later / len(moments) * 30 / days


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sample_texts(records: Sequence[DocumentRecord], index: Index | None) -> dict[str, str]:
    texts: dict[str, str] = {}
    room = _SAMPLE_CHARACTERS
    for record in records:
        if index is None or room <= 0:
            break
        texts[record.id] = index.document(record.id).text[:room]
        room -= record.characters
    return texts


def _count_personal_data(texts: Sequence[str]) -> int | None:
    from knowhow.privacy.recognisers import find_personal_data

    if not texts:
        return None
    return sum(len(find_personal_data(text)) for text in texts)


def _coverage(
    examples: Sequence[Example], texts: Mapping[str, str], records: Sequence[DocumentRecord]
) -> float | None:
    """The share of examples whose answer stands in the documents; only where every document was read."""
    from knowhow.evaluation.coverage import find_uncovered

    answerable = [example for example in examples if example.is_answerable and example.references]
    if not answerable or not texts or len(texts) < len(records):
        return None
    if sum(record.characters for record in records) > _SAMPLE_CHARACTERS:
        return None
    return find_uncovered(answerable, texts, [record.source for record in records]).share


def _tokens(record: DocumentRecord) -> float:
    is_dense = record.language.split("-")[0] in _CJK
    return record.characters / (_CJK_CHARACTERS_PER_TOKEN if is_dense else _CHARACTERS_PER_TOKEN)


def _languages(records: Sequence[DocumentRecord]) -> tuple[str, ...]:
    """Languages of at least five per cent of the documents, commonest first."""
    counts = Counter(record.language for record in records if record.language)
    return tuple(name for name, count in counts.most_common() if count * 20 >= len(records))


def _measured_costs(report: Mapping[str, Any]) -> dict[str, float]:
    """Token counts of the newest run: what retrieval adds to a prompt, and how long answers are."""
    items = {str(item["name"]): item for item in report.get("strategies", ()) if item.get("answered")}
    costs: dict[str, float] = {}
    if "rag" in items:
        costs["answer_tokens"] = float(items["rag"]["completion_tokens"])
        if "base" in items:
            added = float(items["rag"]["prompt_tokens"]) - float(items["base"]["prompt_tokens"])
            if added > 0:
                costs["retrieved_tokens"] = added
    return {name: value for name, value in costs.items() if value > 0}


def gather_answers(
    observation: Observation | None, goal: Mapping[str, Any], given: Mapping[str, Any], source: str
) -> Answers:
    """Return what is seen, overridden by what was answered before in [goal], overridden by what is `given` now."""
    base = default_answers(observation.facts if observation else None)
    return parse_answers(given, read_goal(goal, base), source)


def gather_assumptions(observation: Observation | None, costs: Mapping[str, Any]) -> Assumptions:
    """Return the cost constants: measured values replace assumptions, and [costs] has the last word."""
    found = default_assumptions()
    if observation:
        found = apply_costs(found, observation.costs, origin="measured", source="the newest run")
    return apply_costs(found, costs)

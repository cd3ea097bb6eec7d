"""Where the score is lost: knowledge, retrieval, reading, behaviour – each step of the ladder measured against the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.metrics.retrieval import pieces, relevant_ranks
from knowhow.evaluation.naming import signed
from knowhow.evaluation.pairs import compare_two
from knowhow.evaluation.results import Diagnosis, Gap, StrategyResult
from knowhow.evaluation.runs import RunRecord
from knowhow.evaluation.scores import Table
from knowhow.types import Answer, Example, Interval

_RIGHT = 0.5
"""Score from which an answer is taken as right when examples of a gap are chosen."""
_SHOWN = 3
_LOW_COVERAGE = 0.5


def diagnose(
    record: RunRecord, strategies: Sequence[StrategyResult], table: Table, clusters: Mapping[str, str]
) -> Diagnosis:
    """Decompose the missing score over the answerable questions; steps without their strategies are left out."""
    ladder = _Ladder(record, strategies, table, clusters)
    recall, found = ladder.recall()
    gaps = [gap for gap in (ladder.knowledge(), ladder.retrieval(found), ladder.reading()) if gap is not None]
    gaps += ladder.behaviour()
    gold, miss, measured = ladder.mean(ladder.oracle), ladder.mean(ladder.base), ladder.mean(ladder.rag)
    predicted = (
        recall * gold + (1 - recall) * miss
        if recall is not None and gold is not None and miss is not None
        else None
    )
    coverage = measured_coverage(record)
    return Diagnosis(
        tuple(gaps),
        tuple(_notes(record, coverage, recall, predicted, measured)),
        recall,
        gold,
        miss,
        predicted,
        measured,
        coverage,
    )


def measured_coverage(record: RunRecord) -> float | None:
    """Return the share of answerable questions whose answer stands in a document; None when nobody looked."""
    answerable = sum(example.is_answerable for example in record.examples)
    if record.uncovered is None or not answerable:
        return None
    return 1 - len(record.uncovered) / answerable


def is_answer_absent(record: RunRecord) -> bool:
    """Say whether retrieval has nothing to find: no documents, or most answers in none of them."""
    coverage = measured_coverage(record)
    return not record.has_documents or (coverage is not None and coverage < _LOW_COVERAGE)


class _Ladder:
    """The steps base, oracle and rag, each pair over the answerable questions that both were asked."""

    def __init__(
        self,
        record: RunRecord,
        strategies: Sequence[StrategyResult],
        table: Table,
        clusters: Mapping[str, str],
    ) -> None:
        self.record, self.table, self.clusters = record, table, clusters
        measured = [item for item in strategies if item.is_measured]
        self.oracle = next((item.name for item in measured if item.traits.is_diagnostic), "")
        self.base = _pick(measured, "base", lambda item: not (item.traits.retrieves or item.traits.learns))
        self.rag = _pick(measured, "rag", lambda item: item.traits.retrieves and not item.traits.learns)
        self._sign = 1.0 if information(record.decisive).higher_is_better else -1.0

    def value(self, name: str, example: Example) -> float:
        return self.table[name][self.record.decisive][example.id]

    def shared(self, *names: str) -> list[Example]:
        """The answerable questions that all the strategies were asked and scored on; none where one is not measured."""
        scored = [self.table.get(name, {}).get(self.record.decisive, {}) for name in names]
        return [
            example
            for example in self.record.examples
            if example.is_answerable and all(example.id in values for values in scored)
        ]

    def mean(self, name: str) -> float | None:
        examples = self.shared(name)
        return sum(self.value(name, item) for item in examples) / len(examples) if examples else None

    def answer(self, name: str, example: Example) -> Answer | None:
        key = next(arm.key for arm in self.record.arms if arm.name == name)
        return self.record.answers[key].get(example.id)

    def recall(self) -> tuple[float | None, dict[str, bool]]:
        """Share of questions with evidence whose evidence was among rag's hits, and which ones."""
        if not self.rag:
            return None, {}
        found: dict[str, bool] = {}
        for example in self.shared(self.rag):
            answer = self.answer(self.rag, example)
            if answer is not None and pieces(example.evidence):
                found[example.id] = bool(relevant_ranks(example, answer))
        return (sum(found.values()) / len(found) if found else None), found

    def knowledge(self) -> Gap | None:
        examples = self.shared(self.base, self.oracle)
        if not examples:
            return None
        size, interval = self._difference(self.oracle, self.base, examples)
        shown = _first(
            examples,
            lambda example: self._is_right(self.oracle, example) and not self._is_right(self.base, example),
        )
        return Gap(
            "knowledge",
            size,
            interval,
            f"Given the right passage the model scores {signed(size)} against answering from memory ({self.base}): "
            + ("what is missing is knowledge." if size > 0.05 else "knowledge is not what is missing."),
            shown,
        )

    def retrieval(self, found: Mapping[str, bool]) -> Gap | None:
        examples = self.shared(self.rag, self.oracle)
        if not examples:
            return None
        size, interval = self._difference(self.oracle, self.rag, examples)
        shown = _first(
            examples,
            lambda example: (
                self._is_right(self.oracle, example)
                and not self._is_right(self.rag, example)
                and not found.get(example.id, False)
            ),
        )
        missed = sum(not hit for hit in found.values())
        return Gap(
            "retrieval",
            size,
            interval,
            f"With the right passage instead of the retrieved ones the score changes by {signed(size)}"
            + (f"; retrieval missed the evidence of {missed} of {len(found)} questions." if found else "."),
            shown,
        )

    def reading(self) -> Gap | None:
        mean = self.mean(self.oracle)
        if mean is None:
            return None
        size = 1 - mean
        sentence = f"Even with the right passage {size:.2f} of the score is missing"
        contains = self._mean_metric("contains")
        exact = self._mean_metric("exact_match")
        if contains is not None and exact is not None and contains - exact > 0.1:
            sentence += (
                f"; the right answer stands in {contains:.0%} of these answers but only {exact:.0%} are nothing else, "
                "so much of it is form, not understanding"
            )
        examples = self.shared(self.oracle)
        shown = _first(examples, lambda example: not self._is_right(self.oracle, example))
        return Gap("reading", size, None, f"{sentence}.", shown)

    def behaviour(self) -> list[Gap]:
        subject = self.oracle or self.rag or self.base
        gaps = []
        for metric in self.record.metrics:
            info = information(metric)
            values = self.table.get(subject, {}).get(metric, {})
            if info.kind != "form" or not values or not info.higher_is_better:
                continue
            size = 1 - sum(values.values()) / len(values)
            broken = tuple(example for example, value in values.items() if value < 1)[:_SHOWN]
            where = "even with the right passage" if subject == self.oracle else f"of {subject}"
            gaps.append(
                Gap(
                    "behaviour",
                    size,
                    None,
                    f"{size:.0%} of the answers {where} break the demanded form ({metric})."
                    + (
                        " Training teaches form; a clearer prompt or an enforced format may do as well."
                        if size > 0.1
                        else ""
                    ),
                    broken,
                )
            )
        return gaps

    def _mean_metric(self, metric: str) -> float | None:
        found = self.table.get(self.oracle, {}).get(metric, {})
        values = [found[example.id] for example in self.shared(self.oracle) if example.id in found]
        return sum(values) / len(values) if values else None

    def _difference(self, one: str, other: str, examples: Sequence[Example]) -> tuple[float, Interval | None]:
        ids = {example.id for example in examples}
        part = {
            name: {
                self.record.decisive: {
                    example: value
                    for example, value in self.table[name][self.record.decisive].items()
                    if example in ids
                }
            }
            for name in (one, other)
        }
        found = compare_two(self.record, part, self.clusters, one, other)
        size = sum(self.value(one, item) - self.value(other, item) for item in examples) / len(examples)
        return self._sign * size, found.difference if found else None

    def _is_right(self, name: str, example: Example) -> bool:
        return self.value(name, example) >= _RIGHT


def _first(examples: Sequence[Example], is_wanted: Callable[[Example], bool]) -> tuple[str, ...]:
    return tuple(example.id for example in examples if is_wanted(example))[:_SHOWN]


def _pick(measured: Sequence[StrategyResult], name: str, is_fit: Callable[[StrategyResult], bool]) -> str:
    fitting = [item.name for item in measured if is_fit(item) and not item.traits.is_diagnostic]
    return name if name in fitting else (fitting[0] if fitting else "")


def _notes(
    record: RunRecord,
    coverage: float | None,
    recall: float | None,
    predicted: float | None,
    measured: float | None,
) -> list[str]:
    notes = []
    if not record.has_documents:
        notes.append("There are no documents, so retrieval cannot help here.")
    elif coverage is not None and coverage < _LOW_COVERAGE:
        notes.append(
            f"The answer is not in the documents for {1 - coverage:.0%} of the answerable questions; retrieval cannot find what is not there."
        )
    elif coverage is not None and coverage < 0.95:
        notes.append(
            f"For {1 - coverage:.0%} of the answerable questions the accepted answer was not found in any document "
            "(word for word, or most of its words in one document)."
        )
    if predicted is not None and measured is not None and recall is not None:
        gap = measured - predicted
        reading = (
            "retrieval behaves as its recall says"
            if abs(gap) <= 0.05
            else "the passages around the right one cost answers"
            if gap < 0
            else "answers come right more often than its recall explains"
        )
        notes.append(
            f"Evidence was retrieved for {recall:.0%} of the questions, which predicts a score of {predicted:.2f}; "
            f"measured is {measured:.2f}: {reading}."
        )
    return notes

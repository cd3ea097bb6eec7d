"""From figures to advice: limits first, then the cheapest strategy that nothing is shown or likely to beat; a tie is a result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowhow.evaluation.admission import MARGIN, Gates, closed_gates
from knowhow.evaluation.diagnosis import is_answer_absent
from knowhow.evaluation.limits import broken_limit
from knowhow.evaluation.naming import metric_name, p_clause, signed
from knowhow.evaluation.pairs import find_comparison
from knowhow.evaluation.results import Diagnosis, StrategyResult
from knowhow.evaluation.routing_summary import explain_idle_routing
from knowhow.evaluation.runs import RunRecord
from knowhow.evaluation.scores import Table
from knowhow.evaluation.statistics import detectable_difference, is_difference_shown, questions_needed
from knowhow.evaluation.upkeep import find_flips, monthly_cost, order_by_upkeep
from knowhow.types import Comparison, Interval, Recommendation

UNDECIDED = "undecided"
_WORTH_FINDING = 0.10
"""Difference that must be ruled out before strategies count as equally good, where [compare] margin does not say."""
_HOPELESS = 0.10
"""Score under which even the best strategy is no answer to the user's need."""


@dataclass(frozen=True, slots=True)
class _Case:
    """All that the advice rests on."""

    record: RunRecord
    strategies: Sequence[StrategyResult]
    comparisons: Sequence[Comparison]
    diagnosis: Diagnosis
    unit: str
    table: Table
    gates: Gates = field(default_factory=dict)

    def is_margin_open(self, item: StrategyResult) -> bool:
        """Say whether a strategy needs no training, or is shown to beat what needs none."""
        return not any(gate.name == MARGIN for gate in closed_gates(self.gates.get(item.name, ())))

    def answerable_mean(self, result: StrategyResult) -> float:
        """Return the mean decisive score over answerable questions: rightly refusing the others proves nothing about documents."""
        by_example = self.table.get(result.name, {}).get(self.record.decisive, {})
        values = [
            by_example[example.id]
            for example in self.record.examples
            if example.is_answerable and example.id in by_example
        ]
        return sum(values) / len(values) if values else 0.0

    def quality(self, result: StrategyResult) -> Interval:
        return result.metrics[self.record.decisive].interval

    def is_shown_worse(self, one: StrategyResult, other: StrategyResult) -> bool:
        """Say whether `one` is shown to be worse than `other`."""
        if one.lost_to == other.name:
            return True
        found = find_comparison(self.comparisons, one.name, other.name)
        # The sign of the mean decides, not the count: few large losses may outweigh many small wins.
        return (
            found is not None and found.difference.value < 0 and is_difference_shown(found, self.record.alpha)
        )


def recommend(
    record: RunRecord,
    strategies: Sequence[StrategyResult],
    comparisons: Sequence[Comparison],
    diagnosis: Diagnosis,
    unit: str,
    table: Table,
    gates: Gates | None = None,
) -> Recommendation:
    """Return the advice; `strategy` is `undecided` where the data cannot tell, never a diagnostic one or one with a closed gate."""
    case = _Case(record, strategies, comparisons, diagnosis, unit, table, gates or {})
    candidates = [
        item
        for item in strategies
        if item.is_measured and not item.traits.is_diagnostic and record.decisive in item.metrics
    ]
    kept, ruled_out = _apply_limits(case, candidates)
    if idle := explain_idle_routing(record, kept, comparisons):
        kept = [item for item in kept if record.routing is None or item.name != record.routing.arm]
        ruled_out.append(idle)
    if not kept:
        return _nothing(case, "No measured strategy keeps every limit.", ruled_out)
    leader = max(kept, key=lambda item: (not item.lost_to, case.quality(item).value))
    if case.quality(leader).value < _HOPELESS:
        return _nothing(case, _hopeless(case, leader), ruled_out)
    standing = [
        item for item in kept if item is leader or not (item.lost_to or case.is_shown_worse(item, leader))
    ]
    ordered = order_by_upkeep(standing, record.goal)
    chosen = next((item for item in ordered if case.is_margin_open(item)), None)
    if chosen is None:
        return _nothing(case, _unproved(case, leader), ruled_out)
    open_pairs = [
        item for item in standing if item is not chosen and not _is_close_enough(case, item, chosen)
    ]
    if open_pairs:
        rival = max(open_pairs, key=lambda item: case.quality(item).value)
        return _undecided(case, chosen, rival, standing, ruled_out)
    return _decided(case, chosen, kept, standing, candidates, ruled_out)


def _apply_limits(
    case: _Case, candidates: Sequence[StrategyResult]
) -> tuple[list[StrategyResult], list[str]]:
    kept, reasons = [], []
    plain = [item for item in candidates if not item.traits.retrieves]
    for item in candidates:
        reason = _broken_limit(case, item)
        # What was measured outweighs the search for answers in documents, which long answers can escape.
        is_proved = bool(plain) and all(
            case.is_shown_worse(other, item) and case.answerable_mean(item) > case.answerable_mean(other)
            for other in plain
        )
        if not reason and item.traits.retrieves and is_answer_absent(case.record) and not is_proved:
            reason = (
                "there are no documents to retrieve from"
                if not case.record.has_documents
                else "the answers are not in the documents, so there is nothing to retrieve"
            )
        if reason:
            reasons.append(f"{item.name} is ruled out: {reason}.")
        else:
            kept.append(item)
    return kept, reasons


def _broken_limit(case: _Case, item: StrategyResult) -> str:
    broken = broken_limit(case.record, item, case.unit)
    # The margin is judged on whoever would be chosen: what is not shown to differ stays a rival, or ties would look decided.
    closed = [gate for gate in closed_gates(case.gates.get(item.name, ())) if gate.name != MARGIN]
    if broken or not closed:
        return broken
    sentences = " ".join(f"{gate.reason} {gate.mend}" for gate in closed)
    names = ", ".join(gate.name for gate in closed)
    return f"what it learned does not pass {names}. {sentences} Or overrule it by name: [training] overrule"


def _is_close_enough(case: _Case, item: StrategyResult, chosen: StrategyResult) -> bool:
    """Say whether `item` is shown worse than `chosen`, or cannot be better by a difference worth finding."""
    if case.is_shown_worse(item, chosen):
        return True
    found = find_comparison(case.comparisons, item.name, chosen.name)
    return found is not None and found.difference.high <= (case.record.margin or _WORTH_FINDING)


def _decided(
    case: _Case,
    chosen: StrategyResult,
    kept: Sequence[StrategyResult],
    standing: Sequence[StrategyResult],
    candidates: Sequence[StrategyResult],
    ruled_out: Sequence[str],
) -> Recommendation:
    quality = case.quality(chosen)
    beaten = [
        item for item in kept if item is not chosen and (item.lost_to or case.is_shown_worse(item, chosen))
    ]
    level = [item for item in standing if item is not chosen]
    metric = metric_name(case.record.decisive)
    score = f"{quality.value:.2f} [{quality.low:.2f}, {quality.high:.2f}]"
    if beaten and not level:
        headline = f"Use {chosen.name}: with {metric} {score} it is shown to beat {_names(beaten)}."
    elif level:
        cheaper = order_by_upkeep(standing, case.record.goal)[0]
        keeping = (
            "it is the cheapest to run and keep"
            if cheaper is chosen
            else f"{cheaper.name}, cheaper to run and keep, is not shown to be worth its training"
        )
        headline = (
            f"Use {chosen.name}: {metric} {score}, no other strategy is shown to be better, and {keeping}."
        )
    else:
        headline = f"Use {chosen.name}: {metric} {score}, and it is the only strategy left."
    reasons = [
        _against(case, chosen, item) for item in sorted(beaten, key=lambda item: -case.quality(item).value)
    ]
    reasons += [_level(case, chosen, item) for item in level]
    # What a limit rules out is no alternative, however cheap or fast it is.
    others = [item for item in kept if item is not chosen]
    qualities = {item.name: case.quality(item) for item in candidates}
    return Recommendation(
        chosen.name,
        headline,
        (*(reason for reason in reasons if reason), *ruled_out),
        tuple(_trade_offs(case, chosen, others)),
        {item.name: monthly_cost(item, case.record.goal) for item in candidates},
        tuple(find_flips(chosen, others, qualities, case.record.goal, case.unit)),
        tuple(_next_steps(case, chosen)),
        is_decided=True,
    )


def _undecided(
    case: _Case,
    chosen: StrategyResult,
    rival: StrategyResult,
    standing: Sequence[StrategyResult],
    ruled_out: Sequence[str],
) -> Recommendation:
    found = find_comparison(case.comparisons, rival.name, chosen.name)
    more = _more_questions(case, found)
    headline = f"Cannot tell yet: no difference in {metric_name(case.record.decisive)} shown between {rival.name} ({case.quality(rival).value:.2f}) and {chosen.name} ({case.quality(chosen).value:.2f})"
    headline += f"; about {more} more questions needed." if more else "."
    reasons = []
    if found is not None:
        reasons.append(
            f"{rival.name} against {chosen.name}: {_interval(found)}, "
            f"{found.wins} wins, {found.ties} ties, {found.losses} losses, {p_clause(found.p_adjusted)} (Holm)"
            + (
                f"; these questions can show differences of about {found.detectable:.2f}."
                if found.detectable
                else "."
            )
        )
    steps = []
    if more:
        steps.append(
            f"Add about {more} held-out questions, or allow a larger budget, then run knowhow compare again: kept answers are not asked twice."
        )
    if found is not None and found.test == "seeds":
        spread = max(item.seed_deviation or 0.0 for item in (chosen, rival))
        steps.append(
            f"Trainings of the same strategy differ by {spread:.3f} (standard deviation over seeds), which more questions alone cannot "
            'settle: train with more seeds (effort = "thorough") and add held-out questions.'
        )
    steps.append(f"Until then {chosen.name} is the cheapest to run and keep among {_names(standing)}.")
    return Recommendation(
        UNDECIDED,
        headline,
        (*reasons, *ruled_out),
        (),
        {item.name: monthly_cost(item, case.record.goal) for item in standing},
        (),
        (*steps, *_next_steps(case, chosen)),
        is_decided=False,
    )


def _nothing(case: _Case, headline: str, ruled_out: Sequence[str]) -> Recommendation:
    return Recommendation(
        UNDECIDED,
        headline,
        tuple(ruled_out),
        next_steps=tuple(_next_steps(case, None))
        or ("Relax a limit under [goal], or measure further strategies.",),
        is_decided=False,
    )


def _hopeless(case: _Case, leader: StrategyResult) -> str:
    start = (
        "There are no documents, so retrieval cannot help, and no strategy answers these questions"
        if not case.record.has_documents
        else "The answer is not in the documents"
        if is_answer_absent(case.record)
        else "No strategy answers these questions well enough to be used"
    )
    return f"{start}: the best, {leader.name}, scores {case.quality(leader).value:.2f}."


def _unproved(case: _Case, leader: StrategyResult) -> str:
    margin = next(gate for gate in case.gates[leader.name] if gate.name == MARGIN)
    return f"{leader.name} may not be recommended yet. {margin.reason} {margin.mend}"


def _more_questions(case: _Case, found: Comparison | None) -> int | None:
    """Return how many more questions would settle it: show the difference seen, or rule out one that is worth finding."""
    # How much trainings differ does not shrink with questions.
    if found is None or not found.detectable or found.test == "seeds":
        return None
    asked = found.wins + found.ties + found.losses
    worth = case.record.margin or _WORTH_FINDING
    family = sum(item.test != "sequential" for item in case.comparisons)
    needed = []
    if worth > found.difference.value:
        half = (found.difference.high - found.difference.low) / 2
        needed.append(math.ceil(asked * (half / (worth - found.difference.value)) ** 2))
    alone = detectable_difference(1, 1.0, alpha=case.record.alpha, comparisons=max(1, family))
    deviation = found.detectable * asked**0.5 / alone
    to_show = questions_needed(
        found.difference.value, deviation, alpha=case.record.alpha, comparisons=max(1, family)
    )
    needed += [to_show] if to_show is not None else []
    return max(10, min(needed) - asked) if needed else None


def _against(case: _Case, chosen: StrategyResult, item: StrategyResult) -> str:
    found = find_comparison(case.comparisons, chosen.name, item.name)
    if found is None:
        return (
            f"{item.name} was given up early: it was shown to be worse than {item.lost_to}."
            if item.lost_to
            else ""
        )
    early = " (given up early)" if item.lost_to else ""
    return (
        f"Better than {item.name}{early} by {found.difference.value:.2f} [{found.difference.low:.2f}, {found.difference.high:.2f}]: "
        f"{found.wins} wins, {found.ties} ties, {found.losses} losses, {p_clause(found.p_adjusted)}."
    )


def _level(case: _Case, chosen: StrategyResult, item: StrategyResult) -> str:
    found = find_comparison(case.comparisons, item.name, chosen.name)
    if found is None:
        return ""
    return (
        f"{item.name} is not shown to be better ({_interval(found)}) "
        f"and costs {_ratio(monthly_cost(item, case.record.goal), monthly_cost(chosen, case.record.goal))} to run and keep."
    )


def _trade_offs(case: _Case, chosen: StrategyResult, others: Sequence[StrategyResult]) -> list[str]:
    found = []
    traits = chosen.traits
    if not traits.cites:
        found.append(f"{chosen.name} cannot show where an answer comes from.")
    if not traits.is_live and case.record.has_documents:
        found.append(f"{chosen.name} does not follow changes of the documents.")
    if traits.learns:
        found.append(
            f"Each change of what {chosen.name} learned needs a new training ({chosen.fit_seconds:,.0f} s)."
        )
    faster = [
        item
        for item in others
        if item.latency and chosen.latency and item.latency.p50 < 0.67 * chosen.latency.p50
    ]
    if faster and chosen.latency:
        best = min(faster, key=lambda item: item.latency.p50 if item.latency else 0.0)
        assert best.latency is not None
        found.append(
            f"{best.name} answers in {best.latency.p50:,.0f} ms instead of {chosen.latency.p50:,.0f} ms (median) "
            f"and scores {case.quality(best).value:.2f}."
        )
    return found


def _next_steps(case: _Case, chosen: StrategyResult | None) -> list[str]:
    steps = []
    if not case.record.has_documents:
        steps.append(
            "Without documents only prompts, examples and training can help: try few_shot, then fine-tuning."
        )
    elif is_answer_absent(case.record):
        steps.append(
            "Add the documents that hold the answers (knowhow data check lists the rows), then compare again."
        )
    by_kind = {gap.kind: gap.size for gap in case.diagnosis.gaps}
    if case.record.has_documents and by_kind.get("retrieval", 0.0) > 0.05:
        steps.append(
            "Improve retrieval: more hits per question, smaller chunks, a reranker, or a tuned retriever."
        )
    if by_kind.get("behaviour", 0.0) > 0.1:
        steps.append(
            "Enforce or train the form: a [format] the engine can enforce first, then fine-tuning on examples."
        )
    if by_kind.get("reading", 0.0) > 0.4 and not is_answer_absent(case.record):
        steps.append(
            "The model reads too little out of the right passage: try a larger generator, or fine-tuning with passages."
        )
    if chosen is not None and chosen.failed:
        steps.append(
            f"{chosen.failed} answers of {chosen.name} failed; see them in the report before it goes live."
        )
    return steps


def _interval(found: Comparison) -> str:
    gap = found.difference
    return f"{signed(gap.value)} [{signed(gap.low)}, {signed(gap.high)}]"


def _ratio(cost: float, base: float) -> str:
    if base <= 0:
        return "more" if cost > 0 else "the same"
    share = cost / base
    return (
        f"{share:.1f} times as much"
        if share > 1.05
        else "about the same"
        if share > 0.95
        else f"{share:.0%} as much"
    )


def _names(items: Sequence[StrategyResult]) -> str:
    names = [item.name for item in items]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

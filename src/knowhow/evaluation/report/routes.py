"""The section on routing: whether it pays, how it was measured, and what became of each intent."""

from __future__ import annotations

from knowhow.evaluation.report.wording import interval_text, number
from knowhow.evaluation.results import Report

HEADS = ("intent", "questions", "goes to", "routed", "best single", "best there")


def routing_sentences(report: Report) -> tuple[str, ...]:
    """Return the verdict and what a reader needs to lean on it; nothing without a routing arm."""
    found = report.routing
    if found is None:
        return ()
    sentences = [found.verdict]
    if found.difference is not None:
        sentences.append(
            f"Routed minus {found.single}: {found.difference.value:+.2f} {interval_text(found.difference)}, question by question; "
            f"{found.single} was picked as the best single strategy on these very questions, which favours it."
        )
    sentences.append(
        f"No question decided its own route: which of {', '.join(found.candidates)} answers an intent was learned from the "
        f"other {found.folds - 1} of {found.folds} parts of the held-out questions. The router kept for use learned from all of them "
        f"and sends {found.moved:.0%} of them elsewhere."
    )
    recognised = "" if found.accuracy is None else f"The intent was named rightly for {found.accuracy:.0%}; "
    sentences.append(f"{recognised}{found.unknown:.0%} were unknown and went to the fallback.")
    return tuple(sentences)


def routing_rows(report: Report) -> list[tuple[str, str, str, str, str, str]]:
    """Return the rows of the table by intent: under HEADS, unknown intents last."""
    if report.routing is None:
        return []
    return [
        (
            item.intent or "(unknown)",
            str(item.questions),
            item.strategy,
            number(item.routed),
            f"{number(item.single)} {report.routing.single}",
            f"{number(item.best_value)} {item.best}",
        )
        for item in report.routing.intents
    ]


def routing_lines(report: Report) -> tuple[str, ...]:
    """Return sentences and rows as lines of text."""
    rows = tuple(
        f"{intent}: {questions} questions go to {strategy}, {routed} against {single}; best there {best}."
        for intent, questions, strategy, routed, single, best in routing_rows(report)
    )
    return (*routing_sentences(report), *rows)

"""Metrics and figures as they stand in a sentence."""

from __future__ import annotations

_NAMES = {
    "bleu": "BLEU",
    "chrf": "chrF",
    "field_f1": "field F1",
    "token_f1": "token F1",
    "retrieval_mrr": "retrieval MRR",
    "retrieval_ndcg": "retrieval nDCG",
}


def metric_name(name: str) -> str:
    """Return a metric's name in words."""
    if name.startswith("rouge"):
        return name.upper().replace("_", "-")
    return _NAMES.get(name, name.replace("_", " "))


def signed(value: float) -> str:
    """Return a difference with its sign and two digits; what rounds to nothing has a plus."""
    return f"{round(value, 2) + 0.0:+.2f}"


def p_text(value: float) -> str:
    """Return a p-value with as many digits as it deserves."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def p_clause(value: float) -> str:
    """Return a p-value as part of a sentence."""
    return f"p {p_text(value)}" if value < 0.001 else f"p = {p_text(value)}"

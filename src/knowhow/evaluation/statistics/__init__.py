"""Statistics of paired experiments: plain sequences in, frozen dataclasses out; no other part of the product is known here."""

from knowhow.evaluation.statistics.intervals import mean_interval, proportion_interval
from knowhow.evaluation.statistics.multiplicity import adjust, holm, is_difference_shown
from knowhow.evaluation.statistics.paired import compare, mcnemar_p, permutation_p
from knowhow.evaluation.statistics.power import assumed_deviation, detectable_difference, questions_needed

__all__ = [
    "adjust",
    "assumed_deviation",
    "compare",
    "detectable_difference",
    "holm",
    "is_difference_shown",
    "mcnemar_p",
    "mean_interval",
    "permutation_p",
    "proportion_interval",
    "questions_needed",
]

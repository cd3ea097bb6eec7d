"""Statistics of paired experiments: plain sequences in, frozen dataclasses out; no other part of the product is known here."""

from knowhow.evaluation.statistics.agreement import cohen_kappa
from knowhow.evaluation.statistics.intervals import mean_interval, proportion_interval
from knowhow.evaluation.statistics.multiplicity import adjust, holm, is_difference_shown
from knowhow.evaluation.statistics.paired import compare, mcnemar_p, permutation_p
from knowhow.evaluation.statistics.power import (
    assumed_deviation,
    detectable_difference,
    questions_for,
    questions_needed,
)
from knowhow.evaluation.statistics.seeds import SeedSpread, compare_over_seeds, mean_over_seeds
from knowhow.evaluation.statistics.sequential import find_lost, log_capital, stopping_times

__all__ = [
    "SeedSpread",
    "adjust",
    "assumed_deviation",
    "cohen_kappa",
    "compare",
    "compare_over_seeds",
    "detectable_difference",
    "find_lost",
    "holm",
    "is_difference_shown",
    "log_capital",
    "mcnemar_p",
    "mean_interval",
    "mean_over_seeds",
    "permutation_p",
    "proportion_interval",
    "questions_for",
    "questions_needed",
    "stopping_times",
]

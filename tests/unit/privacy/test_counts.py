"""Recall and precision on made-up identifiers and decoys; the full counts are slow, a sample runs always."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from knowhow.privacy.recognisers import find_personal_data
from knowhow.testing.personal_data import Sample, chinese_positives, english_positives
from knowhow.testing.personal_data_decoys import chinese_decoys, english_decoys

Make = Callable[[int, int], list[Sample]]


@dataclass(frozen=True)
class Counts:
    missed: list[str]
    false: list[str]
    true: int

    @property
    def precision(self) -> float:
        return self.true / (self.true + len(self.false))


def count(positives: Sequence[Sample], decoys: Sequence[Sample]) -> Counts:
    missed, false, true = [], [], 0
    for sample in positives:
        found = find_personal_data(sample.text)
        right = [
            item
            for item in found
            if item.kind == sample.kind and item.start < sample.end and sample.start < item.end
        ]
        true += len(right)
        false += [f"{item.kind}: {sample.text}" for item in found if item not in right]
        if not any(item.start <= sample.start and sample.end <= item.end for item in right):
            missed.append(f"{sample.kind}: {sample.text}")
    for sample in decoys:
        false += [f"{item.kind} {item.text}: {sample.text}" for item in find_personal_data(sample.text)]
    return Counts(missed, false, true)


@pytest.mark.parametrize(
    ("positives", "decoys", "recall", "precision"),
    [
        (chinese_positives, chinese_decoys, 0.995, 0.98),
        (english_positives, english_decoys, 0.99, 0.95),
    ],
    ids=["chinese", "english"],
)
@pytest.mark.parametrize(
    ("size", "seeds"),
    [(300, (11,)), pytest.param(2000, (1, 2, 3), marks=pytest.mark.slow)],
    ids=["sample", "full"],
)
def test_recall_and_precision(
    positives: Make, decoys: Make, recall: float, precision: float, size: int, seeds: Sequence[int]
) -> None:
    for seed in seeds:
        counts = count(positives(size, seed), decoys(size, seed))
        assert 1 - len(counts.missed) / size >= recall, counts.missed[:10]
        assert counts.precision >= precision, counts.false[:10]


def test_samples_are_the_same_for_a_seed_and_differ_between_seeds() -> None:
    assert chinese_positives(20, 5) == chinese_positives(20, 5)
    assert chinese_positives(20, 5) != chinese_positives(20, 6)
    assert all(sample.text[sample.start : sample.end] for sample in english_positives(50, 1))

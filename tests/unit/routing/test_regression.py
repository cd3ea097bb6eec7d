"""The regression finds what can be separated, and its gradient and temperature are right."""

from __future__ import annotations

import numpy as np
import pytest

from knowhow.routing.regression import Regression, fit_regression, fit_temperature, softmax


def test_softmax_is_shares_whatever_the_offset() -> None:
    logits = np.array([[0.0, np.log(3.0)], [1000.0, 1000.0]])
    assert softmax(logits) == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))


def test_two_classes_on_one_axis_are_told_apart() -> None:
    vectors = np.array([[-1.0], [-0.8], [0.8], [1.0]])
    found = fit_regression(vectors, np.array([0, 0, 1, 1]), 2, penalty=0.1)
    shares = found.probabilities(np.array([[-1.0], [0.0], [1.0]]))
    assert shares[0, 0] > 0.9
    assert shares[1, 0] == pytest.approx(0.5, abs=1e-3)
    assert shares[2, 1] > 0.9


def test_the_fit_is_a_minimum_of_the_penalised_entropy() -> None:
    random = np.random.default_rng(0)
    vectors, labels = random.normal(size=(40, 3)), random.integers(0, 3, 40)
    penalty = 0.5
    found = fit_regression(vectors, labels, 3, penalty=penalty)

    def loss(weights: np.ndarray, bias: np.ndarray) -> float:
        shares = softmax(vectors @ weights + bias)
        return float(-np.log(shares[np.arange(40), labels]).sum() + penalty / 2 * (weights**2).sum())

    best = loss(found.weights, found.bias)
    for step in random.normal(scale=0.05, size=(30, 3, 3)):
        assert loss(found.weights + step, found.bias) >= best - 1e-4
        assert loss(found.weights, found.bias + step[0]) >= best - 1e-4


def test_the_temperature_makes_overconfident_logits_honest() -> None:
    # Seven of ten right at logits that claim near certainty: smoothed by a twelfth, 0.7 * 11/12 + 0.3 * 1/12 = 2/3 is honest.
    logits = np.tile([10.0, 0.0], (10, 1))
    labels = np.array([0] * 7 + [1] * 3)
    temperature = fit_temperature(logits, labels)
    assert softmax(logits / temperature)[0, 0] == pytest.approx(2 / 3, abs=0.001)


def test_rows_without_an_error_are_no_proof_of_certainty() -> None:
    logits = np.tile([1.0, 0.0], (10, 1))
    temperature = fit_temperature(logits, np.zeros(10, dtype=np.int64))
    assert softmax(logits / temperature)[0, 0] == pytest.approx(11 / 12, abs=0.001)


def test_probabilities_use_the_temperature() -> None:
    regression = Regression(np.array([[1.0, -1.0]]), np.zeros(2), temperature=2.0)
    assert regression.probabilities(np.array([[1.0]]))[0, 0] == pytest.approx(1 / (1 + np.exp(-1.0)))

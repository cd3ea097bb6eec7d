"""Multinomial logistic regression: fitted once by L-BFGS, predicted with one matrix product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_ITERATIONS = 150
_TOLERANCE = 1e-6
"""Relative change of the loss at which fitting ends; tighter ones changed no prediction on the routing benchmarks."""


@dataclass(frozen=True)
class Regression:
    """Weights of shape (columns, classes) and one bias per class; `temperature` divides the logits."""

    weights: Floats
    bias: Floats
    temperature: float = 1.0

    def logits(self, vectors: Floats) -> Floats:
        """Return shape (rows, classes), before the temperature."""
        logits: Floats = vectors @ self.weights + self.bias
        return logits

    def probabilities(self, vectors: Floats) -> Floats:
        """Return shape (rows, classes), rows summing to 1."""
        return softmax(self.logits(vectors) / self.temperature)


def softmax(logits: Floats) -> Floats:
    """Return the probabilities of each row."""
    import numpy as np

    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def fit_regression(vectors: Floats, labels: Integers, classes: int, *, penalty: float = 0.02) -> Regression:
    """Minimise the summed cross entropy plus `penalty`/2 times the squared weights (the bias is free)."""
    import numpy as np
    from scipy.optimize import minimize

    rows, columns = vectors.shape
    wanted = np.eye(classes)[labels]
    split = columns * classes

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat[:split].reshape(columns, classes)
        shares = softmax(vectors @ weights + flat[split:])
        entropy = -np.log(np.maximum(shares[np.arange(rows), labels], 1e-300)).sum()
        slope = shares - wanted
        gradient = np.concatenate([(vectors.T @ slope + penalty * weights).ravel(), slope.sum(axis=0)])
        return float(entropy + penalty / 2 * (weights**2).sum()), gradient

    found = minimize(
        loss,
        np.zeros(split + classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE},
    )
    return Regression(found.x[:split].reshape(columns, classes), found.x[split:])


def fit_temperature(logits: Floats, labels: Integers) -> float:
    """Return the temperature that makes probabilities of unseen rows honest: least cross entropy (Guo et al. 2017).

    Labels are smoothed as in Platt scaling, as if one row more were wrong: few rows without an error prove no certainty.
    """
    import numpy as np
    from scipy.optimize import minimize_scalar

    rows, classes = logits.shape
    doubt = 1 / (rows + 2)
    wanted = np.full(logits.shape, doubt / (classes - 1))
    wanted[np.arange(rows), labels] = 1 - doubt

    def entropy(log_temperature: float) -> float:
        shares = softmax(logits / np.exp(log_temperature))
        return float(-(wanted * np.log(np.maximum(shares, 1e-300))).sum() / rows)

    found = minimize_scalar(entropy, bounds=(-3.0, 3.0), method="bounded")
    return float(np.exp(found.x))

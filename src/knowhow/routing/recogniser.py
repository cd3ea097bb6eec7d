"""Recognise what a question is about: agreed phrases first, then logistic regression on its embedding, calibrated on unseen rows."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.errors import DataError
from knowhow.language import words
from knowhow.routing.regression import Regression, fit_regression, fit_temperature, softmax
from knowhow.storage import read_json, write_bytes, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_WEIGHTS, _FACTS = "recogniser.npz", "recogniser.json"
_FOLDS = 5
_LOST = 0.05
"""Share of rightly recognised questions that the threshold may send to the fallback."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a question is about: `intent` is empty where nobody can tell; `nearest` is the best guess even then."""

    intent: str
    nearest: str
    confidence: float
    is_phrase: bool = False


@dataclass(frozen=True)
class Recogniser:
    """Names intents; those in `outside` are known to belong to no strategy. `threshold` is on the calibrated probability."""

    intents: tuple[str, ...] = ()
    regression: Regression | None = None
    threshold: float = 0.0
    outside: frozenset[str] = frozenset()
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def recognise(self, texts: Sequence[str], vectors: Floats) -> list[Recognised]:
        """Return one result per text; `vectors` has one row per text."""
        shares = self.regression.probabilities(vectors) if self.regression and len(texts) else None
        return [
            self._recognise(text, None if shares is None else shares[place])
            for place, text in enumerate(texts)
        ]

    def _recognise(self, text: str, shares: Floats | None) -> Recognised:
        agreed = find_phrase(text, self.phrases)
        if agreed:
            return Recognised(agreed, agreed, 1.0, is_phrase=True)
        if shares is None:
            return Recognised("", "", 0.0)
        nearest = self.intents[int(shares.argmax())]
        # What is outside lends its probability to nobody, so a question between two intents is still inside.
        inside = [place for place, name in enumerate(self.intents) if name not in self.outside]
        best = max(inside, key=lambda place: float(shares[place]))
        confidence = float(shares[best])
        is_known = nearest not in self.outside and confidence >= self.threshold
        return Recognised(self.intents[best] if is_known else "", nearest, confidence)


def find_phrase(text: str, phrases: Mapping[str, Sequence[str]]) -> str:
    """Return the first intent with a phrase that occurs in the text as whole words, in any case; empty where none does."""
    said = f" {' '.join(words(text.casefold()))} "
    for intent, known in phrases.items():
        if any(f" {' '.join(words(phrase.casefold()))} " in said for phrase in known):
            return intent
    return ""


def learn_recogniser(
    vectors: Floats,
    labels: Sequence[str],
    *,
    outside: frozenset[str] = frozenset(),
    phrases: Mapping[str, tuple[str, ...]] | None = None,
    threshold: float | None = None,
) -> Recogniser:
    """Fit on rows with their intents; without `threshold`, at most 5 % of rightly recognised unseen rows fall below it.

    Probabilities are calibrated and the threshold is chosen on rows that the regression did not see. DataError with fewer than two intents.
    """
    import numpy as np

    names = tuple(sorted(set(labels)))
    if len(names) < 2:
        raise DataError(
            "Fewer than two intents occur in the training examples, so none can be told apart.",
            mend="Give examples an 'intent', or name intents with phrases under [router.intents].",
        )
    wanted = np.array([names.index(label) for label in labels])
    whole = fit_regression(vectors, wanted, len(names))
    logits, seen = _predict_unseen(vectors, wanted, len(names))
    temperature = fit_temperature(logits[seen], wanted[seen]) if seen.any() else 1.0
    regression = Regression(whole.weights, whole.bias, temperature)
    inside = np.array([name not in outside for name in names])
    if threshold is None:
        threshold = _choose_threshold(softmax(logits[seen] / temperature), wanted[seen], inside)
    return Recogniser(names, regression, threshold, outside & set(names), dict(phrases or {}))


def _predict_unseen(vectors: Floats, labels: Any, classes: int) -> tuple[Floats, Any]:
    """Return logits of each row from a fit without its fold, and which rows had their intent in that fit."""
    import numpy as np

    folds = np.zeros(len(labels), dtype=np.int64)
    count: Counter[int] = Counter()
    for place, label in enumerate(labels.tolist()):
        folds[place] = count[label] % _FOLDS
        count[label] += 1
    logits = np.zeros((len(labels), classes))
    seen = np.zeros(len(labels), dtype=bool)
    for fold in range(_FOLDS):
        test = folds == fold
        known = np.unique(labels[~test])
        if not test.any() or len(known) < 2:
            continue
        fitted = fit_regression(vectors[~test], labels[~test], classes)
        logits[test] = fitted.logits(vectors[test])
        seen |= test & np.isin(labels, known)
    return logits, seen


def _choose_threshold(shares: Floats, labels: Any, inside: Any) -> float:
    import numpy as np

    best = np.where(inside, shares, 0.0)
    is_right = inside[labels] & (best.argmax(axis=1) == labels)
    return float(np.quantile(best.max(axis=1)[is_right], _LOST)) if is_right.any() else 0.0


def save_recogniser(recogniser: Recogniser, folder: Path) -> None:
    """Write recogniser.json and, where there is a regression, recogniser.npz (plain arrays)."""
    import numpy as np

    regression = recogniser.regression
    write_json(
        folder / _FACTS,
        {
            "intents": list(recogniser.intents),
            "outside": sorted(recogniser.outside),
            "phrases": {name: list(known) for name, known in recogniser.phrases.items()},
            "threshold": recogniser.threshold,
            "temperature": regression.temperature if regression else None,
        },
    )
    if regression:
        buffer = io.BytesIO()
        np.savez(
            buffer,
            weights=regression.weights.astype(np.float32),
            bias=regression.bias.astype(np.float32),
        )
        write_bytes(folder / _WEIGHTS, buffer.getvalue())


def load_recogniser(folder: Path) -> Recogniser:
    """Read what `save_recogniser` wrote; DataError when the arrays do not fit the intents."""
    import numpy as np

    facts = read_json(folder / _FACTS)
    intents = tuple(facts["intents"])
    regression = None
    if facts["temperature"] is not None:
        with np.load(folder / _WEIGHTS, allow_pickle=False) as arrays:
            weights, bias = arrays["weights"].astype(np.float64), arrays["bias"].astype(np.float64)
        if weights.ndim != 2 or weights.shape[1] != len(intents) or bias.shape != (len(intents),):
            raise DataError(
                f"has weights of shape {weights.shape} for {len(intents)} intents.",
                source=str(folder / _WEIGHTS),
                mend="Run knowhow compare again.",
            )
        regression = Regression(weights, bias, float(facts["temperature"]))
    return Recogniser(
        intents,
        regression,
        float(facts["threshold"]),
        frozenset(facts["outside"]),
        {name: tuple(known) for name, known in facts["phrases"].items()},
    )

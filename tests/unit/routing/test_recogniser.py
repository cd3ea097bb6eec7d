"""Intents are recognised from phrases and from vectors; what is far from all of them is unknown; saved and read it is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from knowhow.errors import DataError
from knowhow.routing.recogniser import (
    Recogniser,
    find_phrase,
    learn_recogniser,
    load_recogniser,
    save_recogniser,
)

AXES = {"cards": 0, "loans": 1, "smalltalk": 2}


def make_vectors(labels: list[str], noise: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(3)
    vectors = np.zeros((len(labels), 4))
    for place, label in enumerate(labels):
        vectors[place, AXES[label]] = 1.0
    vectors += random.normal(scale=noise, size=vectors.shape)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


LABELS = ["cards", "loans", "smalltalk"] * 12


def test_intents_are_learned_and_a_strange_question_is_unknown() -> None:
    found = learn_recogniser(make_vectors(LABELS), LABELS)
    known = found.recognise([""] * 3, make_vectors(["cards", "loans", "smalltalk"], noise=0.02))
    assert [item.intent for item in known] == ["cards", "loans", "smalltalk"]
    assert all(item.confidence >= found.threshold for item in known)
    strange = found.recognise([""], np.array([[0.0, 0.0, 0.0, 1.0]]))[0]
    assert strange.intent == ""
    assert strange.nearest in AXES
    assert strange.confidence < found.threshold


def test_at_most_a_twentieth_of_the_training_questions_that_are_right_falls_below_the_threshold() -> None:
    labels = LABELS * 4
    vectors = make_vectors(labels, noise=0.5)
    found = learn_recogniser(vectors, labels)
    right = [
        item
        for item, label in zip(found.recognise([""] * len(labels), vectors), labels, strict=True)
        if item.nearest == label
    ]
    assert len(right) > 100
    assert sum(not item.intent for item in right) <= 0.08 * len(right)


def test_an_intent_marked_as_outside_is_never_named() -> None:
    found = learn_recogniser(make_vectors(LABELS), LABELS, outside=frozenset({"smalltalk"}))
    item = found.recognise([""], make_vectors(["smalltalk"], noise=0.02))[0]
    assert (item.intent, item.nearest) == ("", "smalltalk")
    assert found.recognise([""], make_vectors(["loans"], noise=0.02))[0].intent == "loans"


def test_one_intent_is_nothing_to_learn() -> None:
    with pytest.raises(DataError, match="Fewer than two intents"):
        learn_recogniser(make_vectors(["cards"] * 5), ["cards"] * 5)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Hello there!", "greeting"),
        ("HELLO", "greeting"),
        ("Othello tickets, please", ""),
        ("please say good  morning to them", "greeting"),
        ("您好，我想问一下", "greeting"),
        ("Refund for hello kitty?", "greeting"),
        ("", ""),
    ],
)
def test_phrases_are_whole_words_in_any_case_and_language(text: str, intent: str) -> None:
    assert find_phrase(text, {"greeting": ("hello", "good morning", "您好")}) == intent


def test_a_phrase_needs_no_weights_and_wins_over_them() -> None:
    only = Recogniser(phrases={"greeting": ("hi",)})
    empty = np.zeros((2, 0))
    assert [item.intent for item in only.recognise(["hi you", "cards?"], empty)] == ["greeting", ""]
    both = learn_recogniser(make_vectors(LABELS), LABELS, phrases={"loans": ("loan",)})
    item = both.recognise(["a loan"], make_vectors(["cards"]))[0]
    assert (item.intent, item.is_phrase, item.confidence) == ("loans", True, 1.0)


def test_saved_and_loaded_it_answers_the_same_and_broken_weights_are_refused(tmp_path: Path) -> None:
    found = learn_recogniser(
        make_vectors(LABELS), LABELS, outside=frozenset({"smalltalk"}), phrases={"loans": ("loan",)}
    )
    save_recogniser(found, tmp_path)
    again = load_recogniser(tmp_path)
    texts, vectors = ["", "a loan", ""], make_vectors(["cards", "cards", "smalltalk"])
    before, after = found.recognise(texts, vectors), again.recognise(texts, vectors)
    assert [item.intent for item in before] == [item.intent for item in after]
    assert [item.confidence for item in after] == pytest.approx(
        [item.confidence for item in before], abs=1e-5
    )
    np.savez(tmp_path / "recogniser.npz", weights=np.zeros((4, 2)), bias=np.zeros(2))
    with pytest.raises(DataError, match="for 3 intents"):
        load_recogniser(tmp_path)

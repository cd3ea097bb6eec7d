from __future__ import annotations

import importlib.util
import itertools
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.privacy.recognisers import find_personal_data
from knowhow.privacy.tagger import tag
from knowhow.privacy.trained import TRAINED

FLOOR = 0.85


def load_benchmark() -> ModuleType:
    path = Path(__file__).parents[3] / "benchmarks" / "pii.py"
    specification = importlib.util.spec_from_file_location("pii_benchmark", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Yesterday Maria Kowalska called the branch about her loan.", "name", "Maria Kowalska"),
        ("She lives at 14 Baker Street in London.", "address", "14 Baker Street"),
        ("Please ask Tom whether the form has arrived.", "name", "Tom"),
    ],
)
def test_names_in_running_text(text: str, kind: str, value: str) -> None:
    found = find_personal_data(text, recognisers=TRAINED)
    assert any(item.kind == kind and value in item.text for item in found), found


def test_text_without_names_stays_whole() -> None:
    text = "The annual fee is waived in the first year. Refunds are paid within ten days of the request."
    assert find_personal_data(text, recognisers=TRAINED) == []


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_spans_are_in_order_and_inside_the_text(text: str) -> None:
    spans = tag(text)
    assert all(0 <= start < end <= len(text) for _, start, end in spans)
    assert all(one[2] <= other[1] for one, other in itertools.pairwise(spans))


def test_a_long_text_is_tagged_to_its_end() -> None:
    text = "The fee is due in March. " * 400 + "Please ask Maria Kowalska about it."
    assert any("Kowalska" in text[start:end] for _, start, end in tag(text))


@pytest.mark.data
def test_the_score_on_pii_presidio_stays_above_the_floor() -> None:
    benchmark = load_benchmark()
    if not (benchmark.DATA / "pii_presidio_en" / "examples.jsonl").is_file():
        pytest.skip(f"needs pii_presidio_en in {benchmark.DATA} (KNOWHOW_DATA)")
    total, by_type = benchmark.Scores(), defaultdict(benchmark.Scores)
    for text, spans in benchmark.select_rows("all"):
        found = [
            (item.kind, item.start, item.end)
            for item in find_personal_data(text, benchmark.EVERYTHING, recognisers=TRAINED)
        ]
        benchmark.score_row(
            text, benchmark.merge_spans(text, spans), benchmark.merge_spans(text, found), total, by_type, 0.7
        )
    precision, recall = total.true / total.predicted, total.true / total.annotated
    assert 5 * precision * recall / (4 * precision + recall) >= FLOOR

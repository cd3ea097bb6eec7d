"""A budget leaves half of itself for questions, however many adapters there are to train."""

import pytest

from knowhow.config import Settings, load_settings
from knowhow.workspace.comparison import _limit_training


def settings(tmp_path, text="") -> Settings:
    (tmp_path / "knowhow.toml").write_text(text, encoding="utf-8")
    return load_settings(tmp_path)


@pytest.mark.parametrize(
    ("names", "budget", "seconds"),
    [
        (("base", "rag", "raft"), 600.0, 300),
        (("rag", "finetuned", "finetuned_rag", "raft"), 1020.0, 170),
        (("rag", "raft"), None, None),
        (("base", "rag", "tuned_retriever"), 600.0, None),
    ],
)
def test_training_gets_half_of_a_budget(tmp_path, names, budget, seconds):
    limited = _limit_training(settings(tmp_path), names, budget)
    assert limited.training.get("max_seconds") == seconds


def test_a_limit_of_ones_own_stays(tmp_path):
    own = settings(tmp_path, "[training]\nmax_seconds = 40\n")
    assert _limit_training(own, ("raft",), 600.0).training["max_seconds"] == 40


def test_more_seeds_share_the_same_half(tmp_path):
    thorough = settings(tmp_path, 'effort = "standard"\n')
    assert _limit_training(thorough, ("raft",), 600.0).training["max_seconds"] < 300

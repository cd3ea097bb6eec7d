"""Knowledge is live, behaviour is pinned: after documents are amended a released strategy says the new rule, without training anew.

The counter-proof is fine-tuning alone, which cannot know that anything changed.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from knowhow.storage import digest_file
from knowhow.types import Answer, Query
from knowhow.workspace import Workspace
from knowhow.workspace.comparison import ComparisonOptions
from knowhow.workspace.release import ReleaseOrder

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[2] / "examples" / "bank-support"
ARMS = ("finetuned", "finetuned_rag")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="training needs: pip install 'knowhow-ai[train]'")
    target = tmp_path_factory.mktemp("bank")
    for name in ("documents", "examples.jsonl", "knowhow.toml"):
        source = EXAMPLE / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target / name)
    settings = target / "knowhow.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + "\n[training]\nmax_rows = 64\n", encoding="utf-8"
    )
    return target


def weights(folder: Path) -> dict[str, str]:
    """Digests of everything that the releases consist of."""
    return {
        str(path): digest_file(path) for path in (folder / ".knowhow" / "releases").rglob("*.safetensors")
    }


def ask(workspace: Workspace, release: str, questions: list[str]) -> list[Answer]:
    released = workspace.released(release)
    try:
        return released.answer([Query(question) for question in questions])
    finally:
        released.close()


def test_amended_documents_change_what_a_release_says(folder: Path) -> None:
    changes = list(
        csv.DictReader((EXAMPLE / "amendments" / "changes.csv").open(encoding="utf-8", newline=""))
    )
    questions = [row["question"] for row in changes]
    releases, before, after = {}, {}, {}
    with Workspace(folder) as workspace:
        workspace.ingest()
        report, _ = workspace.compare(ComparisonOptions(strategies=ARMS, limit=4))
        for arm in ARMS:
            order = ReleaseOrder(
                report.id, arm, "to see what an amendment does", override="four questions prove nothing"
            )
            releases[arm] = workspace.release(order)
            before[arm] = ask(workspace, releases[arm].id, questions)
    pinned = weights(folder)
    assert len(pinned) == len(ARMS)
    shutil.copytree(EXAMPLE / "amendments" / "documents", folder / "documents", dirs_exist_ok=True)
    with Workspace(folder) as workspace:
        assert workspace.ingest().changed >= len({row["document"] for row in changes})
        for arm in ARMS:
            after[arm] = ask(workspace, releases[arm].id, questions)
    assert weights(folder) == pinned

    def says(answers: list[Answer], column: str) -> int:
        return sum(row[column] in answer.text for row, answer in zip(changes, answers, strict=True))

    figures = {
        arm: {
            f"{column} {when}": says(answers[arm], column)
            for when, answers in (("then", before), ("now", after))
            for column in ("before", "after")
        }
        for arm in ARMS
    }
    print(json.dumps(figures))
    assert [answer.text for answer in after["finetuned"]] == [answer.text for answer in before["finetuned"]]
    changed = sum(
        one.text != two.text for one, two in zip(before["finetuned_rag"], after["finetuned_rag"], strict=True)
    )
    assert changed >= len(changes) // 2
    assert says(after["finetuned_rag"], "after") >= says(before["finetuned_rag"], "after") + len(changes) // 3
    assert says(after["finetuned_rag"], "before") < says(before["finetuned_rag"], "before")

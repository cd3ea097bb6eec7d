"""Releasing from a comparison: what is pinned, what needs an override, and that the released pipeline is the measured one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison

from knowhow.errors import DataError, KnowHowError, NotFoundError, PolicyError
from knowhow.releases.release import compare_releases
from knowhow.types import Query
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = make_workspace(tmp_path_factory.mktemp("bot"))
    return folder, run_comparison(folder, "parrot", "mute", "peeking")


@pytest.fixture
def workspace(measured: tuple[Path, str], tmp_path: Path) -> Workspace:
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(measured[0], folder)
    return Workspace(folder)


def order(run: str, strategy: str = "parrot", **options: str) -> ReleaseOrder:
    return ReleaseOrder(run, strategy, **{"reason": "a test", "by": "ada", **options})


def test_a_release_pins_behaviour_and_answers_like_the_run(
    workspace: Workspace, measured: tuple[Path, str]
) -> None:
    made = workspace.release(order(measured[1]))
    assert made.id.startswith("parrot-")
    assert made.proof.recommended == "parrot"
    assert made.proof.is_decided
    assert made.override == ""
    assert [file.path for file in made.files] == ["parrot.json"]
    assert (made.base_model, made.embedder) == ("fake:", "fake")
    workspace.releases.promote(made.id, by="ada", reason="go")
    answer = workspace.released().answer([Query("Which key opens drawer 7 of clerk 49?")])[0]
    assert answer.text == "Drawer 7 opens with the key 217 of clerk 49."
    assert answer.release == made.id


def test_knowledge_is_live_and_behaviour_is_not(workspace: Workspace, measured: tuple[Path, str]) -> None:
    made = workspace.release(order(measured[1]))
    config = workspace.root / "knowhow.toml"
    config.write_text(config.read_text() + '[strategy.parrot]\nprefix = "Ahem: "\n[prompt]\nmax_tokens = 7\n')
    (workspace.root / "documents" / "new.md").write_text("The safe opens on Sundays only.")
    changed = Workspace(workspace.root)
    changed.ingest()
    assert changed.ask(["When does the safe open?"], strategy="parrot")[0].text.startswith("Ahem: ")
    pipeline = changed.released(made.id)
    assert pipeline.answer([Query("When does the safe open?")])[0].text == "The safe opens on Sundays only."


@pytest.mark.parametrize(
    ("strategy", "options", "error", "message"),
    [
        ("mute", {}, PolicyError, "recommends parrot"),
        ("peeking", {"override": "please"}, PolicyError, "never released"),
        ("parot", {}, NotFoundError, "Did you mean 'parrot'"),
        ("parrot", {"reason": " "}, PolicyError, "needs a person and a reason"),
    ],
)
def test_what_may_not_be_released(
    workspace: Workspace,
    measured: tuple[Path, str],
    strategy: str,
    options: dict[str, str],
    error: type[KnowHowError],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        workspace.release(order(measured[1], strategy, **options))
    assert workspace.releases.releases() == []


def test_an_override_stays_in_the_log(workspace: Workspace, measured: tuple[Path, str]) -> None:
    made = workspace.release(order(measured[1], "mute", override="legal wants silence"))
    workspace.releases.promote(made.id, by="bob", reason="strike")
    events = workspace.releases.events()
    assert [(event.kind, event.override) for event in events] == [
        ("created", "legal wants silence"),
        ("promoted", "legal wants silence"),
    ]


def test_an_undecided_run_needs_an_override(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "few", examples=3)
    run = run_comparison(folder)
    workspace = Workspace(folder)
    report, _ = workspace.report(run)
    if report.recommendation.is_decided:
        pytest.fail("three questions should not decide anything")
    with pytest.raises(PolicyError, match="could not decide"):
        workspace.release(order(run))
    assert workspace.release(order(run, override="only one that cites")).override == "only one that cites"


def test_the_same_release_cannot_be_made_twice(workspace: Workspace, measured: tuple[Path, str]) -> None:
    workspace.release(order(measured[1]))
    with pytest.raises(PolicyError, match="exists already"):
        workspace.release(order(measured[1], reason="again"))


def test_changed_files_models_and_embedders_are_refused(
    workspace: Workspace, measured: tuple[Path, str]
) -> None:
    made = workspace.release(order(measured[1]))
    for change in (
        dataclasses.replace(made, embedder="other"),
        dataclasses.replace(made, base_model="other"),
    ):
        from knowhow.workspace.release import load_release

        with pytest.raises(DataError, match="was proved with another"):
            load_release(workspace.components, change)
    changed = Workspace(workspace.root)
    config = workspace.root / "knowhow.toml"
    config.write_text(
        config.read_text().replace('[generator]\nname = "fake"', '[generator]\nname = "fake"\nadapter = "x"')
    )
    assert Workspace(workspace.root).released(made.id).release == made
    config.write_text(
        config.read_text().replace('[embedder]\nname = "fake"', '[embedder]\nname = "fake"\nidentity = "y"')
    )
    with pytest.raises(DataError, match="another embedder"):
        Workspace(workspace.root).promote(made.id, by="ada", reason="go")
    assert changed.releases.standing().champion == ""
    path = workspace.settings.state / "releases" / made.id / "fitted" / "parrot.json"
    path.write_text(path.read_text().replace("key", "kay"))
    with pytest.raises(DataError, match="is not the file that was released"):
        workspace.released(made.id)
    with pytest.raises(DataError, match="is not the file that was released"):
        workspace.releases.promote(made.id, by="ada", reason="go")


def test_a_release_never_contacts_a_host_that_the_user_did_not_name(
    workspace: Workspace, measured: tuple[Path, str]
) -> None:
    from knowhow.workspace.release import load_release

    made = workspace.release(order(measured[1]))
    settings = {
        **made.settings,
        "generator": {"name": "openai", "options": {"base_url": "https://collect.example/v1", "model": "m"}},
    }
    with pytest.raises(PolicyError, match=r"collect\.example"):
        load_release(
            workspace.components, dataclasses.replace(made, settings=settings, base_model="elsewhere")
        )


def test_difference_names_the_changed_keys(workspace: Workspace, measured: tuple[Path, str]) -> None:
    first = workspace.release(order(measured[1]))
    second = workspace.release(order(measured[1], "mute", override="why not"))
    keys = {change.key for change in compare_releases(first, second)}
    assert {"strategy", "files.parrot.json", "override", "proof.value"} <= keys
    assert "base_model" not in keys

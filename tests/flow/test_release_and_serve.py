"""From a comparison to a release that answers, on the command line, with fake models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison

from knowhow.cli import main
from knowhow.errors import PolicyError
from knowhow.releases.feedback import Feedback
from knowhow.serving.server import check_address
from knowhow.workspace import Workspace
from knowhow.workspace.feedback import feedback_log


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = make_workspace(tmp_path_factory.mktemp("bot"), examples=40)
    return str(folder), run_comparison(folder)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_journey_of_a_release(
    measured: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, comparison = measured
    here = ("-C", folder)
    code, out, _ = run(capsys, "release", "list", *here)
    assert (code, "no release yet" in out) == (0, True)
    code, _, err = run(capsys, "release", "create", comparison, "-s", "mute", "--reason", "r", *here)
    assert code == 3
    assert '--override "reason"' in err
    made = []
    for name, override in (("parrot", ()), ("mute", ("--override", "a test"))):
        code, out, _ = run(
            capsys, "release", "create", comparison, "-s", name, "--reason", "r", "--json", *override, *here
        )
        assert code == 0
        made.append(json.loads(out)["id"])
        assert run(capsys, "release", "promote", made[-1], "--reason", "go", *here)[0] == 0
    code, out, _ = run(capsys, "release", "rollback", "--reason", "silence is not gold", *here)
    assert (code, f"rolled back {made[0]}" in out) == (0, True)
    code, out, _ = run(capsys, "release", "list", *here)
    assert f"{made[0]} (champion)" in out
    assert "silence is not gold" in out
    assert "[override: a test]" in out
    code, out, _ = run(capsys, "release", "diff", *made, *here)
    assert "strategy\n  - parrot\n  + mute" in out
    code, out, _ = run(capsys, "release", "show", "champion", "--json", *here)
    assert json.loads(out)["release"]["proof"]["run"] == comparison
    archive = str(tmp_path / "one.tar")
    assert run(capsys, "release", "export", made[0], archive, *here)[0] == 0
    code, _, err = run(capsys, "release", "import", archive, "--reason", "r", *here)
    assert (code, "exists already" in err) == (3, True)
    other = make_workspace(tmp_path / "other", examples=3)
    assert run(capsys, "release", "import", archive, "--reason", "r", "-C", str(other))[0] == 0
    assert run(capsys, "release", "promote", made[0], "--reason", "r", "-C", str(other))[0] == 0


def test_keys_are_shown_once(measured: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    here = ("-C", measured[0])
    code, out, _ = run(capsys, "key", "create", "ada", "--role", "admin", "--groups", "staff,legal", *here)
    token = out.strip()
    assert (code, token[:3]) == (0, "kh-")
    code, out, _ = run(capsys, "key", "list", "--json", *here)
    assert token not in out
    assert json.loads(out)[0]["groups"] == ["legal", "staff"]
    assert run(capsys, "key", "create", "eve", "--role", "king", *here)[0] == 2
    code, out, _ = run(capsys, "key", "revoke", "ada", *here)
    assert (code, "Revoked" in out) == (0, True)
    assert "no keys" in run(capsys, "key", "list", *here)[1]
    assert run(capsys, "key", "revoke", "ada", *here)[0] == 2


def test_review_in_the_terminal(measured: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    here = ("-C", measured[0])
    with Workspace(measured[0]) as workspace:
        said = feedback_log(workspace.settings).add(Feedback("", "", "bob", "Q?", "A.", "down", "B."))
    assert said.id in run(capsys, "review", "--list", *here)[1]
    code, out, _ = run(capsys, "review", said.id, "--verdict", "wrong", "--by", "ada", *here)
    assert (code, out.strip()) == (0, f"{said.id} is accepted; it became the example feedback-{said.id}.")
    assert '"B."' in (Path(measured[0]) / "examples.jsonl").read_text().splitlines()[-1]
    code, _, err = run(capsys, "review", said.id, "--verdict", "maybe", *here)
    assert (code, "wrong_source" in err) == (2, True)
    assert "0 wait" in run(capsys, "review", "--list", *here)[1]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", ""])
def test_no_other_address_without_keys(host: str) -> None:
    with pytest.raises(PolicyError, match="knowhow key create"):
        check_address(host, has_keys=False)
    check_address(host, has_keys=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_needs_no_keys(host: str) -> None:
    check_address(host, has_keys=False)


def test_serve_refuses_a_public_address_before_it_listens(
    measured: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "serve", "--host", "0.0.0.0", "-C", measured[0])
    assert (code, "API keys" in err) == (3, True)

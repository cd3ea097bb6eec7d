"""A release in MLflow's own files, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison

from knowhow.workspace import Workspace
from knowhow.workspace.mlflow import export_to_mlflow
from knowhow.workspace.release import ReleaseOrder


@pytest.mark.slow
def test_a_release_is_a_run(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs the extra [mlflow]")
    folder = make_workspace(tmp_path / "bot", examples=14)
    run = run_comparison(folder)
    with Workspace(folder) as workspace:
        made = workspace.release(ReleaseOrder(run, "parrot", "a test", by="ada", override="a test"))
        logged = export_to_mlflow(workspace.settings, made.id, str(tmp_path / "mlruns"))
        assert export_to_mlflow(workspace.settings, made.id, str(tmp_path / "mlruns")) == logged
    place = next((tmp_path / "mlruns").rglob(logged))
    assert (place / "params" / "strategy").read_text() == "parrot"
    assert (place / "tags" / "knowhow.release").read_text() == made.id
    value = float((place / "metrics" / made.proof.metric).read_text().split()[1])
    assert value == pytest.approx(made.proof.value)
    assert {path.name for path in (place / "artifacts").iterdir()} == {"release.json", f"{made.id}.tar"}


@pytest.mark.slow
def test_the_library_is_kept_from_reporting_its_use(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs the extra [mlflow]")
    code = (
        "from knowhow.workspace.mlflow import _open; import sys; _open(sys.argv[1]);"
        "from mlflow.telemetry.utils import is_telemetry_disabled; print(is_telemetry_disabled())"
    )
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK")
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "mlruns")],
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"

"""A release as a run in MLflow, for those who keep their experiments there: what it is as parameters, its proof as metrics, the archive as artifact."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from knowhow.config import Settings
from knowhow.errors import BackendError, MissingDependencyError
from knowhow.releases.release import Release, release_to_json
from knowhow.storage import write_json
from knowhow.workspace.release import catalog

EXPERIMENT = "knowhow"
_LONGEST_VALUE = 500
_TAG = "knowhow.release"


def export_to_mlflow(settings: Settings, name: str, target: str) -> str:
    """Log a release to the tracking store `target` (a folder or an http(s) address) and return the run's id.

    A release that is there already is not logged again. BackendError where the store refuses.
    """
    releases = catalog(settings)
    release = releases.get(name)
    client, failures = _open(target)
    try:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        number = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
        wanted = f"tags.`{_TAG}` = '{release.id}' and attributes.status = 'FINISHED'"
        for run in client.search_runs([number], wanted):
            return str(run.info.run_id)
        made = str(client.create_run(number, tags=_tags(release), run_name=release.id).info.run_id)
        for key, value in _parameters(release).items():
            client.log_param(made, key, value)
        for key, figure in _metrics(release).items():
            client.log_metric(made, key, figure)
        with tempfile.TemporaryDirectory() as folder:
            write_json(Path(folder) / "release.json", release_to_json(release))
            client.log_artifact(made, str(Path(folder) / "release.json"))
            releases.export(release.id, Path(folder) / f"{release.id}.tar")
            client.log_artifact(made, str(Path(folder) / f"{release.id}.tar"))
        # Last, so that a run that was interrupted is not taken for a whole one.
        client.set_terminated(made, "FINISHED")
    except failures as error:
        raise BackendError(f"MLflow refused: {error}", engine="mlflow") from error
    return made


def _open(target: str) -> tuple[Any, type[Exception]]:
    # Read when the library is loaded: it reports on its use otherwise, and refuses plain folders.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise MissingDependencyError.extra("An export to MLflow", "mlflow") from error
    is_address = urlsplit(target).scheme in ("http", "https", "sqlite", "postgresql", "mysql", "databricks")
    place = target if is_address else Path(target.removeprefix("file:")).resolve().as_uri()
    return MlflowClient(tracking_uri=place), MlflowException


def _tags(release: Release) -> dict[str, str]:
    return {
        _TAG: release.id,
        "knowhow.created_by": release.created_by,
        "knowhow.created": release.created,
        "knowhow.reason": release.reason[:_LONGEST_VALUE],
        "knowhow.override": release.override[:_LONGEST_VALUE],
        "knowhow.run": release.proof.run,
        "knowhow.version": release.software,
    }


def _parameters(release: Release) -> dict[str, str]:
    values = {
        "strategy": release.strategy,
        "seed": release.seed,
        "base_model": release.base_model,
        "embedder": release.embedder,
        "trained_on": release.trained_on,
        "index_policy": release.index_policy,
        **_flat("options", release.options),
        **_flat("settings", release.settings),
    }
    return {key: str(value)[:_LONGEST_VALUE] for key, value in values.items()}


def _metrics(release: Release) -> dict[str, float]:
    proof = release.proof
    return {
        proof.metric: proof.value,
        f"{proof.metric}.low": proof.low,
        f"{proof.metric}.high": proof.high,
        "questions": float(proof.questions),
    }


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found.update(_flat(f"{prefix}.{key}", value))
        else:
            found[f"{prefix}.{key}"] = value
    return found

"""The whole interface under generated requests: nothing fails inside, and every answer is as the description says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison
from tests.unit.serving.servers import serving

from knowhow.serving.application import ROUTES

schemathesis = pytest.importorskip(
    "schemathesis", reason="schemathesis writes the requests: pip install schemathesis"
)

FEW, MANY = 6, int(os.environ.get("KNOWHOW_FUZZING", "60"))


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description of a running server with a release, examples and feedback, asked with an admin's key."""
    folder = make_workspace(tmp_path_factory.mktemp("bot"), examples=12)
    run_comparison(folder)
    with serving(folder) as (address, service), pytest.MonkeyPatch.context() as patch:
        # A begun task stays in its waiting state: fuzzing must not start hundreds of comparisons.
        patch.setattr(service.tasks, "_spawn", lambda folder: None)
        patch.setenv("NO_PROXY", "127.0.0.1")
        headers = {
            "Authorization": f"Bearer {service.keys.create('fuzzer', 'admin', frozenset(), by='test')}"
        }
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", headers=headers)
        schema.config.update(headers=headers)
        yield schema


OPERATIONS = [(route.method, route.path.replace(":path", "")) for route in ROUTES if not route.is_page]


def validate(described: Any, method: str, path: str, examples: int) -> None:
    """Send generated requests to one operation and hold every answer against the description.

    What a schema cannot say (the last message is the user's, tools are refused) may be refused although the schema allows it.
    """
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    @hypothesis.settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )  # fmt: skip
    @hypothesis.given(case=described[path][method].as_strategy())
    def keeps(case: Any) -> None:
        case.call_and_validate(timeout=60, excluded_checks=[positive_data_acceptance])

    keeps()


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda text: text)
def test_every_operation_keeps_its_description(described: Any, method: str, path: str) -> None:
    validate(described, method, path, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda text: text)
def test_every_operation_keeps_its_description_at_length(described: Any, method: str, path: str) -> None:
    validate(described, method, path, MANY)

"""What every test shares."""

from __future__ import annotations

import os

import pytest

# Waiting threads that spin starve each other as soon as tests or machines share cores; this must stand before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests half an hour where they do not say otherwise: the default limit is meant for the quick ones."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1800))

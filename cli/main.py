"""The `deedlog` command: a table of commands, each in a module that is imported when it is called, so that it is quick.

Whatever goes wrong is told once, here: what happened, why, and the next command to type. The exit codes are those of
`answers.py`, the same everywhere.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, Final

import typer
import typer.core
import typer.main

from cli.answers import WRONG_USE, complain, exit_code
from infra.embedded.obstacle import in_words
from shared.kernel.errors import DeedlogError

COMMANDS: Final = {
    "up": "running",
    "down": "running",
    "status": "running",
    "doctor": "doctor",
    "demo": "demo.command",
    "organisations": "organisations",
    "keys": "keys",
    "connect": "connect",
    "people": "people",
    "alignments": "alignments",
    "framework": "framework",
    "publish": "publish",
    "import": "imports",
    "events": "events",
    "retention": "retention",
    "projects": "projects",
    "reviews": "reviews",
    "raters": "raters",
    "profile": "profile",
    "gap": "gap",
    "explain": "gap",
    "predict": "predict",
    "requests": "requests",
    "consents": "consents",
    "credentials": "credentials",
    "record": "record",
    "verify": "verify",
    "trust": "verify",
    "dlq": "dlq",
    "rebuild": "rebuild",
    "calibrate": "calibrate",
    "releases": "releases",
    "audit": "audit",
    "backup": "backup",
    "restore": "backup",
    "migrate": "migrate",
}
"""Every command by the module it is in, under `cli`. What the module's `app` has no command for is a group."""

EXIT_CODES: Final = "Exit codes: 0 fine, 1 the answer is no, 2 wrong use, 3 unavailable."
INTERRUPTED: Final = 130


class Commands(typer.core.TyperGroup):
    """The table above as a group of commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands that are installed, as they stand in the table."""
        return [name for name, place in COMMANDS.items() if importlib.util.find_spec(f"cli.{place}") is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, imported now; None when there is none of this name."""
        place = COMMANDS.get(cmd_name)
        if place is None or cmd_name not in self.list_commands(ctx):
            return None
        module: typer.Typer = importlib.import_module(f"cli.{place}").app
        module.rich_markup_mode = None  # plain everywhere: in our words a bracket is a bracket
        group = typer.main.get_group(module)
        return group.commands.get(cmd_name, group)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


@app.callback()
def deedlog() -> None:
    """A verifiable record, for each person, of what they have built, shipped and kept running."""


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; everything it had to say is written."""
    try:
        app(arguments, prog_name="deedlog", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else WRONG_USE
    except DeedlogError as error:
        return _told(error, arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has read enough; what is still buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _told(in_words(error), arguments)
    return 0


def _told(error: DeedlogError, arguments: list[str]) -> int:
    complain(error, "--json" in arguments)
    return exit_code(error)


def main() -> None:
    """Run the command of this process and end it."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

"""deedlog backup and restore: a whole house in one file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.answers import Json, facts, show, terminal
from cli.surroundings import Surroundings
from infra.embedded.backup import make_backup
from infra.embedded.restore import restore_backup
from shared.kernel.clock import SystemClock

app = typer.Typer()


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where it goes; replaced if it is there.")],
    json: Json = False,
) -> None:
    """Write the whole house into one file.

    Databases, signing keys, secrets and files, of one instant, whether or not the house runs.
    Keep it as safe as the house itself: whoever has it can sign in its name.
    """
    around = Surroundings.look()
    with _steps(json) as step:
        kept = asyncio.run(make_backup(around.home, file.absolute(), SystemClock(), step))
    answer = {
        "file": str(file.absolute()),
        "made_at": kept.made_at,
        "services": list(kept.services),
        "members": kept.members,
        "bytes": kept.size,
    }
    size = f"{kept.size / 2**20:.1f} MB, {kept.members} members"
    pairs = [("file", str(file)), ("size", size), ("holds", kept.services), ("back again", f"deedlog restore {file}")]
    show(answer, json, lambda: facts(pairs))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file of `deedlog backup`.")],
    force: Annotated[bool, typer.Option("--force", help="Lose the house that this data folder holds now.")] = False,
    json: Json = False,
) -> None:
    """Lay a backup into the data folder.

    That is DEEDLOG_HOME; the house there is another epoch from now on. Refused while a house runs there.
    """
    around = Surroundings.look()
    with _steps(json) as step:
        services = asyncio.run(restore_backup(around.home, file.absolute(), is_forced=force, step=step))
    answer = {"home": str(around.home.path), "services": list(services)}
    pairs = [("home", str(around.home.path)), ("holds", services), ("next", "deedlog up")]
    show(answer, json, lambda: facts(pairs))


@contextmanager
def _steps(json: bool) -> Iterator[Callable[[str], None]]:
    """Lend what says which step is under way, on a line that goes when all is done."""
    if json:
        yield lambda _: None
        return
    with terminal(is_error=True).status("starting") as status:
        yield status.update

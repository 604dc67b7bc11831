"""deedlog verify and trust: verification with no network and no house, under keys that were pinned before."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.answers import FINE, Json, show
from cli.surroundings import Surroundings
from shared.kernel.clock import SystemClock
from shared.verifier.cli import run_trust_add, run_trust_list, run_trust_remove, run_verify

app = typer.Typer(no_args_is_help=True, help="Pin the keys that `deedlog verify` believes.")
Trust = Annotated[
    Path | None, typer.Option("--trust", dir_okay=False, help="The file of pinned keys, instead of the usual one.")
]


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A presentation, as `deedlog credentials export` writes it.")],
    trust: Trust = None,
    json: Json = False,
) -> None:
    """Verify credential, status and record offline. Exit code 0 valid, 1 the answer is no, 2 wrong use."""
    raise typer.Exit(run_verify(file, _trust(trust), SystemClock().now(), json, sys.stdout))


@app.command("add")
def add(
    words: Annotated[list[str], typer.Argument(metavar="DID KEY… | VKEY | FILE")],
    trust: Trust = None,
    json: Json = False,
) -> None:
    """Pin an issuer's keys, a log, or all that a trust file pins; from a source you believe."""
    path = _trust(trust)
    _changed(run_trust_add(words, path, said := io.StringIO()), said, path, json)


@app.command("list")
def list_pins(trust: Trust = None, json: Json = False) -> None:
    """Show what is pinned."""
    raise typer.Exit(run_trust_list(_trust(trust), json, sys.stdout))


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="An issuer's DID, one key, or a log.")],
    trust: Trust = None,
    json: Json = False,
) -> None:
    """Unpin an issuer, one key, or a log."""
    path = _trust(trust)
    _changed(run_trust_remove(name, path, said := io.StringIO()), said, path, json)


def _changed(code: int, said: io.StringIO, path: Path, json: bool) -> None:
    """Say what came of a change: for programs what is pinned now, or why nothing changed."""
    if not json:
        sys.stdout.write(said.getvalue())
    elif code == FINE:
        run_trust_list(path, True, sys.stdout)
    else:
        show({"error": {"exit_code": code, "detail": said.getvalue().strip()}}, True, lambda: None)
    raise typer.Exit(code)


def _trust(named: Path | None) -> Path:
    return named or Surroundings.look().trust_file()

"""deedlog alignments: what the activities of a platform are evidence for, as a CSV table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.answers import Json, facts, show
from cli.api import with_query
from cli.callers import Key, caller

app = typer.Typer(no_args_is_help=True, help="Say which activities are evidence for which skills.")
Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", metavar="ID", help="Whose; an operator names it, a key need not.")
]


@app.command()
def upload(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV: activity, skill, difficulty, assurance.")
    ],
    organisation: Organisation = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Bring a whole table into force, all lines or none; statements from before are judged by it too."""
    with caller(key) as api:
        path = with_query("/v1/alignments", {"organisation": organisation})
        adopted = api.send("PUT", path, file.read_bytes(), "text/csv")
    show(adopted, json, lambda: facts([(name.replace("_", " "), value) for name, value in adopted.items()]))


@app.command("show")
def show_table(organisation: Organisation = None, key: Key = None) -> None:
    """Write the table in force, as it was sent."""
    with caller(key) as api:
        sys.stdout.write(api.text(with_query("/v1/alignments", {"organisation": organisation})))

"""deedlog events: what arrives at the house, as it arrives."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from cli.answers import Json, printable, terminal
from cli.api import Api
from cli.callers import Key, caller

app = typer.Typer(no_args_is_help=True, help="Look at what arrives.")
POLL_SECONDS: Final = 0.5


@app.callback()
def events() -> None:
    """Look at what arrives."""


@app.command()
def tail(
    key: Key = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f", help="Go on as more arrives.")] = True,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="So many of the newest first.")] = 10,
    json: Json = False,
) -> None:
    """Write the newest events of an organisation (its key, scope read), and go on as more arrive; Ctrl-C ends it."""
    with caller(key) as api:
        token = _written(api, json, limit=limit)
        while follow:
            before = token
            token = _written(api, json, limit=100, cursor=token)
            if token == before:
                time.sleep(POLL_SECONDS)


def _written(api: Api, as_json: bool, **query: Any) -> str:
    """Write one page and return the token behind it."""
    page = api.get("/v1/events", **query)
    for one in page["items"]:
        if as_json:
            sys.stdout.write(jsonlib.dumps(one, ensure_ascii=False) + "\n")
        else:
            terminal().print(_line(one))
    sys.stdout.flush()
    return str(page["sync_token"])


def _line(one: dict[str, Any]) -> Text:
    verb = str(one["verb"]).rstrip("/").rpartition("/")[2]
    score = "" if one["score"] is None else f"  {_score(one['score'])}"
    mark = "  void" if one["is_void"] else ""
    line = f"{one['stored_at'][:19]}Z  {one['person'] or '-':<30}  {verb:<12}  {one['object']}{score}{mark}"
    return Text(printable(line), overflow="fold")


def _score(score: Any) -> str:
    return str(score.get("scaled", score)) if isinstance(score, dict) else str(score)

"""deedlog events: what arrives at the house, as it arrives, and what was refused of it."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from cli import refusals
from cli.answers import Json, Refusal, printable, terminal
from cli.api import Api, Away
from cli.callers import Key, caller

app = typer.Typer(no_args_is_help=True, help="Look at what arrives; mend what was refused.")
PAUSE_SECONDS: Final = 1.0
"""Before a stream that ended is asked for again; it ends every five minutes, and when the house goes down."""
TRIES: Final = 30


@app.callback()
def events() -> None:
    """Look at what arrives; mend what was refused."""


app.command()(refusals.refused)
app.command()(refusals.mend)
app.command()(refusals.resend)


@app.command()
def tail(
    key: Key = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f", help="Go on as more arrives.")] = True,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="So many of the newest first.")] = 10,
    json: Json = False,
) -> None:
    """Write the newest events of an organisation (its key, scope read), and go on as more are taken or refused.

    Ctrl-C ends it.
    """
    with caller(key) as api:
        token = _written(api, json, limit=limit)
        tries = 0
        while follow:
            try:
                for kind, data, last in api.messages("/v1/events/stream", token):
                    token, tries = last, 0
                    if kind == "cut":
                        _say(jsonlib.loads(data))
                    elif data:
                        _show(kind, jsonlib.loads(data), json)
            except (Away, Refusal) as error:
                tries += 1
                if tries == TRIES or (isinstance(error, Refusal) and error.status != 503):
                    raise
            time.sleep(PAUSE_SECONDS)


def _written(api: Api, as_json: bool, **query: Any) -> str:
    """Write one page and return the token behind it."""
    page = api.get("/v1/events", **query)
    for one in page["items"]:
        _show("accepted", one, as_json)
    return str(page["sync_token"])


def _show(kind: str, one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(jsonlib.dumps(one, ensure_ascii=False) + "\n")
    else:
        terminal().print(_line(one) if kind == "accepted" else _refusal(one))
    sys.stdout.flush()


def _say(one: dict[str, Any]) -> None:
    """Say on standard error why the house ended the stream; it is asked for again."""
    terminal(is_error=True).print(Text(printable(f"{one['rule']}. {one['mend']}"), style="yellow"))


def _refusal(one: dict[str, Any]) -> Text:
    """Return a refused delivery in a line: when, what it was answered, and the first fault with its mend."""
    first = one["errors"][0] if one["errors"] else {"pointer": "", "rule": "it was not taken", "mend": ""}
    where = f"{first['pointer']}: " if first["pointer"] else ""
    told = f"{where}{first['rule']}. {first['mend']}".rstrip()
    line = f"{one['received_at'][:19]}Z  refused {one['status']}  {one['path']}  {told}  ({one['id']})"
    return Text(printable(line), style="red", overflow="fold")


def _line(one: dict[str, Any]) -> Text:
    verb = str(one["verb"]).rstrip("/").rpartition("/")[2]
    score = "" if one["score"] is None else f"  {_score(one['score'])}"
    mark = "  void" if one["is_void"] else ""
    line = f"{one['stored_at'][:19]}Z  {one['person'] or '-':<30}  {verb:<12}  {one['object']}{score}{mark}"
    return Text(printable(line), overflow="fold")


def _score(score: Any) -> str:
    return str(score.get("scaled", score)) if isinstance(score, dict) else str(score)

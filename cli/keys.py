"""deedlog keys: API keys of organisations. A secret is shown once, when its key is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from cli.answers import Json, facts, show, table
from cli.callers import LIMIT, Limit, caller

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the API keys of organisations.")


@app.command()
def create(
    organisation: Annotated[str, typer.Option("--organisation", "-o", metavar="ID", help="Whose key it is.")],
    scopes: Annotated[
        str,
        typer.Option(
            "--scopes", "-s", help="Commas between: write, read, read/mine, state, profile, admin, review; all."
        ),
    ],
    name: Annotated[str | None, typer.Option("--name", help="What it is for.")] = None,
    expires_at: Annotated[str | None, typer.Option("--expires-at", help="Such as 2027-01-31T00:00:00Z.")] = None,
    test: Annotated[bool, typer.Option("--test", help="A key that sees test data only.")] = False,
    json: Json = False,
) -> None:
    """Make a key. Its secret is shown now and never again; xAPI clients send id and secret by Basic."""
    wanted = {"organisation": organisation, "scopes": [one.strip() for one in scopes.split(",") if one.strip()]}
    chosen = {"name": name, "expires_at": expires_at, "is_test": test or None}
    with caller() as api:
        made = api.post("/v1/api-keys", wanted | {field: value for field, value in chosen.items() if value is not None})
    pairs = [("id", made["id"]), ("secret", Text(made["secret"], style="bold")), ("scopes", made["scopes"])]
    later = [
        ("data", data_of(made)),
        ("expires", made["expires_at"]),
        ("keep it", "the secret is shown this once only"),
    ]
    show(made, json, lambda: facts([*pairs, *later]))


@app.command("list")
def list_keys(
    organisation: Annotated[
        str | None, typer.Option("--organisation", "-o", metavar="ID", help="Its keys only.")
    ] = None,
    limit: Limit = LIMIT,
    json: Json = False,
) -> None:
    """List keys, without their secrets."""
    with caller() as api:
        found = api.items("/v1/api-keys", limit, organisation=organisation)
    show(found, json, lambda: draw_keys(found))


@app.command()
def revoke(key: Annotated[str, typer.Argument(metavar="ID")], json: Json = False) -> None:
    """Revoke a key. It opens nothing from now on."""
    with caller() as api:
        api.delete(f"/v1/api-keys/{key}")
    show({"id": key, "is_revoked": True}, json, lambda: Text(f"revoked: {key}"))


def data_of(key: dict[str, Any]) -> str:
    """Return which data the key writes and sees, in a word."""
    return "test" if key["is_test"] else "real"


def draw_keys(found: Sequence[dict[str, Any]]) -> RenderableType:
    """Return the keys as a table, a row each, with which data each is for."""
    names = ("id", "name", "organisation", "scopes", "expires_at", "revoked_at")
    rows = ((*(one[name] for name in names[:4]), data_of(one), *(one[name] for name in names[4:])) for one in found)
    return table(("id", "name", "organisation", "scopes", "data", "expires", "revoked"), rows, "no keys yet")

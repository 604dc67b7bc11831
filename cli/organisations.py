"""deedlog organisations: the tenants of the house."""

from __future__ import annotations

import typer

from cli.answers import Json, facts, show, table
from cli.callers import LIMIT, Limit, caller

app = typer.Typer(no_args_is_help=True, help="Register and list organisations: platforms, employers.")


@app.command()
def create(name: str, json: Json = False) -> None:
    """Register an organisation."""
    with caller() as api:
        made = api.post("/v1/organisations", {"name": name})
    hint = f"deedlog keys create --organisation {made['id']} --scopes write,read"
    show(made, json, lambda: facts([("id", made["id"]), ("name", made["name"]), ("next", hint)]))


@app.command("list")
def list_organisations(limit: Limit = LIMIT, json: Json = False) -> None:
    """List organisations, oldest first."""
    with caller() as api:
        found = api.items("/v1/organisations", limit)
    rows = ((one["id"], one["name"], one["created_at"]) for one in found)
    show(found, json, lambda: table(("id", "name", "created"), rows, "no organisations yet"))

"""deedlog retention: how long an organisation's data is kept."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from cli.answers import Json, facts, show, table
from cli.api import with_query
from cli.callers import Key, caller
from shared.kernel.errors import Rejected

app = typer.Typer(no_args_is_help=True, help="Say how long statements are kept, and see what has gone.")
Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", metavar="ID", help="Whose; an operator names it, a key need not.")
]
Days = Annotated[int | None, typer.Option("--days", min=1, max=36_500, help="So long since they were stored.")]
ForEver = Annotated[bool, typer.Option("--for-ever", help="Keep everything, as where nothing was set.")]
Test = Annotated[bool, typer.Option("--test", help="Of test data; without it, of real data.")]
Documents = Annotated[bool, typer.Option("--documents", help="States and profiles too, by their last change.")]


@app.command("set")
def set_policy(
    organisation: Organisation = None,
    days: Days = None,
    for_ever: ForEver = False,
    test: Test = False,
    documents: Documents = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how much would go.")] = False,
    key: Key = None,
    json: Json = False,
) -> None:
    """Keep statements for so many days, or for ever. What is older begins to go at once, and does not come back."""
    if (days is None) is not for_ever:
        raise Rejected.of("--days", "expected either a number of days or --for-ever", "Give one of the two.")
    policy = {"days": days, "is_test": test, "documents": documents}
    path = with_query("/v1/retention:preview" if dry_run else "/v1/retention", {"organisation": organisation})
    with caller(key) as api:
        if dry_run:
            told = api.post(path, policy)
        else:
            told = api.send("PUT", path, jsonlib.dumps(policy).encode(), "application/json")
    show(told, json, lambda: facts([(name.replace("_", " "), value) for name, value in told.items()]))


@app.command("show")
def show_policies(organisation: Organisation = None, key: Key = None, json: Json = False) -> None:
    """Show how long real and test data are kept, how much has gone, and when nothing older was left at the latest."""
    with caller(key) as api:
        found = api.get("/v1/retention", organisation=organisation)["items"]
    rows = (
        (
            "test" if one["is_test"] else "real",
            "for ever" if one["days"] is None else one["days"],
            "go too" if one["documents"] else "stay",
            one["removed"],
            one["documents_removed"],
            one["swept_at"],
        )
        for one in found
    )
    columns = ("data", "days", "documents", "statements gone", "documents gone", "done at")
    show(found, json, lambda: table(columns, rows, "nothing is kept for this caller"))

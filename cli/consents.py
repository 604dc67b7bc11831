"""deedlog consents: who may look at a person's profile, and who did. All of it as the person."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from cli.answers import Json, show, table
from cli.callers import LIMIT, Limit, caller

app = typer.Typer(no_args_is_help=True, help="See who may look and who did; withdraw consent.")
Person = Annotated[str, typer.Argument(metavar="PERSON", help="Signed in by the operator.")]


@app.command("list")
def list_consents(person: Person, limit: Limit = LIMIT, json: Json = False) -> None:
    """List the consents a person gave."""
    with caller(person=person) as api:
        found = api.items("/v1/consents", limit)
    columns = ("id", "organisation", "purpose", "expires", "withdrawn")
    rows = (
        (one["id"], one["organisation"], one["purpose"], one["expires_at"], one.get("withdrawn_at")) for one in found
    )
    show(found, json, lambda: table(columns, rows, "no consents were given"))


@app.command()
def withdraw(
    consent: Annotated[str, typer.Argument(metavar="CONSENT")],
    person: Annotated[str, typer.Option("--as", metavar="PERSON", help="Whose it is, signed in by the operator.")],
    json: Json = False,
) -> None:
    """Withdraw a consent. It holds at once."""
    with caller(person=person) as api:
        api.delete(f"/v1/consents/{consent}")
    show({"id": consent, "is_withdrawn": True}, json, lambda: Text(f"withdrawn: {consent}"))


@app.command()
def accesses(person: Person, limit: Limit = LIMIT, json: Json = False) -> None:
    """List who looked at a person's profile: when, what for, and under which consent."""
    with caller(person=person) as api:
        found = api.items("/v1/accesses", limit)
    rows = (
        (one["read_at"], one["organisation_name"] or one["organisation"], one["purpose"], one["grant"]) for one in found
    )
    show(found, json, lambda: table(("when", "who", "what for", "consent"), rows, "nobody looked"))

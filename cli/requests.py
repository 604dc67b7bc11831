"""deedlog requests: an organisation asks to see a profile; the person decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from cli.answers import Json, facts, show, table
from cli.callers import LIMIT, As, Key, Limit, caller
from shared.kernel.clock import SystemClock, rfc3339

app = typer.Typer(no_args_is_help=True, help="Ask to see a profile; approve or decline as the person.")
DAYS: Final = 90
RequestId = Annotated[str, typer.Argument(metavar="REQUEST")]
Person = Annotated[str, typer.Option("--as", metavar="PERSON", help="The person asked, signed in by the operator.")]


@app.command()
def create(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Whose profile.")],
    purpose: Annotated[str, typer.Argument(help="What for, in words the person will read.")],
    key: Key = None,
    json: Json = False,
) -> None:
    """Ask to see a person's profile, with the organisation's key (scope profile)."""
    with caller(key) as api:
        made = api.post("/v1/verification-requests", {"person": person, "purpose": purpose})
    show(made, json, lambda: facts(made.items()))


@app.command("list")
def list_requests(key: Key = None, acting: As = None, limit: Limit = LIMIT, json: Json = False) -> None:
    """List requests: an organisation its own (--key), a person those to them (--as)."""
    with caller(key, acting) as api:
        found = api.items("/v1/verification-requests", limit)
    rows = ((one["id"], one["state"], one.get("person"), one.get("organisation"), one["purpose"]) for one in found)
    show(found, json, lambda: table(("id", "state", "person", "organisation", "purpose"), rows, "no requests"))


@app.command()
def approve(
    request: RequestId,
    person: Person,
    days: Annotated[int, typer.Option("--days", min=1, max=730, help="How long the consent holds.")] = DAYS,
    json: Json = False,
) -> None:
    """Consent, as the person asked, for the purpose of the request and until a day."""
    expires_at = rfc3339(SystemClock().now() + timedelta(days=days))
    _decided(request, person, "approve", {"expires_at": expires_at}, json)


@app.command()
def decline(request: RequestId, person: Person, json: Json = False) -> None:
    """Decline, as the person asked. No reason is asked for."""
    _decided(request, person, "decline", None, json)


def _decided(request: str, person: str, verb: str, body: Any, json: bool) -> None:
    with caller(person=person) as api:
        answer = api.post(f"/v1/verification-requests/{request}:{verb}", body)
    show(answer, json, lambda: facts(answer.items()))

"""deedlog dlq: parked streams and facts set aside, and how a stream is set flowing again. Nothing is ever dropped."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from cli.answers import ANSWER_IS_NO, Json, facts, show, table, terminal
from cli.callers import LIMIT, caller

app = typer.Typer(no_args_is_help=True, help="See what could not be used; set streams flowing again.")
Service = Annotated[str, typer.Argument(metavar="SERVICE", help="The service in which it is parked.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The service that told it.")]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="The stream, such as a person.")]


@app.command("list")
def list_letters(
    service: Annotated[str | None, typer.Option("--service", "-s", help="Of this service only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = LIMIT,
    json: Json = False,
) -> None:
    """List parked streams and facts set aside, of all services."""
    with caller() as api:
        found = api.get("/v1/dead-letters", service=service, limit=limit)
    rows = (
        (one["service"], one["kind"], one["source"], one["subject"], one["number"], one["reason"])
        for one in found["items"]
    )
    columns = ("service", "kind", "source", "subject", "number", "reason")
    show(found, json, lambda: table(columns, rows, "nothing is parked or set aside"))
    if not json:
        for gap in found["unreachable"]:
            terminal(is_error=True).print(Text(f"{gap['service']} was not asked: {gap['reason']}", style="yellow"))


@app.command("show")
def show_letters(service: Service, subject: Subject, json: Json = False) -> None:
    """Show all that is told of one stream, and what to type next."""
    with caller() as api:
        items = api.get("/v1/dead-letters", service=service, limit=500)["items"]
    found = [one for one in items if one["subject"] == subject]
    show(found, json, lambda: None)
    if not json:
        for one in found:
            terminal().print(_letter(one))
    if not found:
        terminal(is_error=True).print(f"nothing of {subject} is parked or set aside in {service}")
        raise typer.Exit(ANSWER_IS_NO)


@app.command()
def redrive(service: Service, source: Source, subject: Subject, json: Json = False) -> None:
    """Read a parked stream again from its owner. Exit code 1 when it stays parked."""
    with caller() as api:
        done = api.post("/v1/dead-letters:redrive", {"service": service, "source": source, "subject": subject})
    reason = done["reason"] if done["is_parked"] else None
    show(done, json, lambda: facts([("applied", done["applied"]), ("parked", done["is_parked"]), ("reason", reason)]))
    if done["is_parked"]:
        raise typer.Exit(ANSWER_IS_NO)


@app.command()
def skip(
    service: Service,
    source: Source,
    subject: Subject,
    number: Annotated[int, typer.Argument(min=1, help="The fact it is parked at; named so that no other is skipped.")],
    json: Json = False,
) -> None:
    """Pass over the fact a stream is parked at, for good. Exit code 1 when it is parked at the next."""
    body = {"service": service, "source": source, "subject": subject, "number": number}
    with caller() as api:
        done = api.post("/v1/dead-letters:skip", body)
    show(done, json, lambda: facts([("skipped", number), ("parked still", done["is_parked"])]))
    if done["is_parked"]:
        raise typer.Exit(ANSWER_IS_NO)


def _letter(one: dict[str, Any]) -> Any:
    place = f"{one['service']} {one['source']} {one['subject']}"
    pairs = [(name.replace("_", " "), one[name]) for name in ("kind", "source", "number", "type", "fact_id", "since")]
    pairs.append(("reason", one["reason"]))
    if one["kind"] == "parked":
        pairs.append(("next", f"deedlog dlq redrive {place}\ndeedlog dlq skip {place} {one['number']}"))
    return facts(pairs)

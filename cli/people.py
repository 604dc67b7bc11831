"""deedlog people: people, their sign-in, their accounts at platforms, and the linking of two records into one."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from cli.answers import Json, facts, show, table
from cli.api import Api
from cli.callers import LIMIT, As, Key, Limit, caller
from shared.kernel.errors import Rejected

app = typer.Typer(no_args_is_help=True, help="Register people, sign them in, link their accounts.")
Person = Annotated[str, typer.Argument(metavar="PERSON", help="Such as prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC.")]


@app.command()
def create(name: Annotated[str | None, typer.Argument()] = None, json: Json = False) -> None:
    """Register a person. The name is for people to read; nothing depends on it."""
    with caller() as api:
        made = api.post("/v1/people", {} if name is None else {"name": name})
    show(made, json, lambda: _person(made))


@app.command("list")
def list_people(
    name: Annotated[str | None, typer.Option("--name", help="Whose name holds this.")] = None,
    limit: Limit = LIMIT,
    json: Json = False,
) -> None:
    """List people."""
    with caller() as api:
        found = api.items("/v1/people", limit, name=name)
    rows = ((one["id"], one["name"], one["origin"], one["created_at"], one["canonical"]) for one in found)
    show(found, json, lambda: table(("id", "name", "came by", "registered", "is part of"), rows, "no people yet"))


@app.command("show")
def show_person(person: Person, json: Json = False) -> None:
    """Show one person."""
    with caller() as api:
        found = api.get(f"/v1/people/{person}")
    show(found, json, lambda: _person(found))


@app.command("sign-in")
def sign_in(person: Person, json: Json = False) -> None:
    """Open a session for a person and show its token; embedded mode only, for it proves nothing."""
    with caller() as api:
        session = api.post("/v1/sessions", {"person": person})
    pairs = [("token", Text(session["token"], style="bold")), ("person", session["person"])]
    show(session, json, lambda: facts([*pairs, ("expires", session["expires_at"])]))


@app.command()
def accounts(person: Person, json: Json = False) -> None:
    """List a person's accounts at platforms as they see them: by which proof each is theirs, and who looked."""
    with caller(person=person) as api:
        found = api.get("/v1/people/me/accounts")
    show(found, json, lambda: _accounts(found, person))


@app.command()
def link(
    person: Person,
    other: Annotated[str | None, typer.Argument(metavar="[OTHER]", help="The other person, who confirms.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Or an account, which its platform attests.")] = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Link two people into one, with proof from both sides.

    The other side is a person who confirms, or a platform (--key) that attests an account of its own.
    """
    if (other is None) == (account is None):
        raise Rejected.of("OTHER", "name the other person or --account, one of them", "See deedlog people link --help.")
    with caller() as api:
        opened = api.as_person(person).post("/v1/account-links", {})
        linked = _proven(api, opened, other, account, key)
    show(linked, json, lambda: facts([(name.replace("_", " "), value) for name, value in linked.items()]))


@app.command()
def unlink(
    unlinked: Annotated[str, typer.Argument(metavar="ACCOUNT|LINK", help="As `deedlog people accounts` shows it.")],
    person: As = None,
    json: Json = False,
) -> None:
    """Undo a link, or take an account away that is not yours: the two are two again. Either may ask for it (--as)."""
    if person is None:
        raise Rejected.of("--as", "only a linked person may undo it", "Name the person: --as prs_…")
    with caller(person=person) as api:
        if unlinked.startswith("acc_"):
            done = api.post(f"/v1/people/me/accounts/{unlinked}:unlink", {})
        else:
            api.delete(f"/v1/account-links/{unlinked}")
            done = {"id": unlinked, "is_linked": False}
    show(done, json, lambda: Text(f"no longer linked: {unlinked}"))


@app.command()
def declare(
    identifiers: Annotated[list[str], typer.Argument(metavar="IDENTIFIER…", help="Such as mbox:ada@example.org.")],
    key: Key = None,
    json: Json = False,
) -> None:
    """Declare that accounts of a platform are one person's. Its key has the scope admin (--key)."""
    with caller(key) as api:
        made = api.post("/v1/personas", {"identifiers": identifiers})
    show(made, json, lambda: facts([("persona", made["id"]), ("person", made["canonical"]), ("proof", _proof(made))]))


@app.command()
def personas(key: Key = None, limit: Limit = LIMIT, json: Json = False) -> None:
    """List what a platform has declared (--key)."""
    with caller(key) as api:
        found = api.items("/v1/personas", limit)
    rows = ((one["id"], one["declared_at"], one["key"], one["ended_at"], one["ended_by"]) for one in found)
    show(found, json, lambda: table(("persona", "declared", "by", "ended", "ended by"), rows, "nothing was declared"))


@app.command("take-back")
def take_back(persona: Annotated[str, typer.Argument(metavar="PERSONA")], key: Key = None, json: Json = False) -> None:
    """Take a declaration back: the accounts are different people's again (--key)."""
    with caller(key) as api:
        api.delete(f"/v1/personas/{persona}")
    show({"id": persona, "is_linked": False}, json, lambda: Text(f"taken back: {persona}"))


@app.command("opt-out")
def opt_out(person: Person, json: Json = False) -> None:
    """Have nothing inferred of a person any more, at their wish: estimates are withdrawn, the record stays whole."""
    with caller() as api:
        _prefer(api, person, json, is_opted_out=True)


@app.command("opt-in")
def opt_in(person: Person, json: Json = False) -> None:
    """Have skills inferred of a person again, as they ask for themself: from all the evidence that was kept."""
    with caller(person=person) as api:
        _prefer(api, person, json, is_opted_out=False)


@app.command()
def erase(
    person: Person,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    including_declared: Annotated[
        bool, typer.Option("--including-declared", help="Also accounts that are theirs by a platform's word alone.")
    ] = False,
    json: Json = False,
) -> None:
    """Erase a person's data for ever. Numbers of facts stay, and prove that nothing else went."""
    if not yes:
        typer.confirm(f"Erase all data of {person} for ever?", abort=True)
    with caller() as api:
        done = api.post("/v1/erasures", {"person": person, "including_declared": including_declared})
    show(done, json, lambda: Text(f"erased: {person}"))


def _prefer(api: Api, person: str, json: bool, *, is_opted_out: bool) -> None:
    body = f'{{"is_opted_out": {str(is_opted_out).lower()}}}'.encode()
    said = api.send("PUT", f"/v1/people/{person}/inference", body, "application/json")
    pairs = [("person", said["person"]), ("opted out", said["is_opted_out"]), ("since", said["opted_out_at"])]
    show(said, json, lambda: facts(pairs))


def _proven(api: Api, opened: Any, other: str | None, account: str | None, key: str | None) -> dict[str, Any]:
    """Return the link once its other side has proven that it agrees."""
    path = f"/v1/account-links/{opened['id']}"
    if other is not None:
        return dict(api.as_person(other).post(f"{path}:confirm", {"code": opened["code"]}))
    if key is None:
        raise Rejected.of("--key", "an account is attested by its platform", "Name a key of it with the scope write.")
    return dict(api.as_caller(key).post(f"{path}:attest", {"code": opened["code"], "identifier": account}))


def _accounts(found: dict[str, Any], person: str) -> Any:
    """Return what a person sees of their accounts, and how to undo what is wrong."""
    rows = [
        (one["id"], one["organisation_name"], one["identifier"], one["is_yours_since"], _proof(one))
        for one in found["accounts"]
    ]
    listed = table(("account", "platform", "identifier", "yours since", "proof"), rows, "no accounts yet")
    words = [f"One that is not yours: deedlog people unlink ACCOUNT --as {person}"]
    words += [f"{one['reader']} looked at {one['read_at']}" for one in found["readings"]]
    return Group(listed, Text("\n".join(words)))


def _proof(one: dict[str, Any]) -> str:
    return str(one["proof_words"])


def _person(person: dict[str, Any]) -> Any:
    return facts(
        [
            ("id", person["id"]),
            ("name", person.get("name")),
            ("came by", person.get("origin")),
            ("registered", person.get("created_at")),
            ("is part of", person.get("canonical")),
            ("is also", person.get("aliases") or None),
        ]
    )

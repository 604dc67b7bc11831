"""deedlog credentials: what was issued to a person; the file they hand over; revocation.

The file holds all that a verifier needs. It is put together from what the house publishes and what is the person's
own; it counts only for who has pinned the issuer's and the log's keys before.
"""

from __future__ import annotations

import json as jsonlib
import time
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from cli.answers import Json, Refusal, facts, show, table
from cli.api import Api
from cli.callers import LIMIT, As, Limit, caller
from shared.kernel.errors import Unavailable

app = typer.Typer(no_args_is_help=True, help="List, export and revoke credentials.")
FORMAT: Final = "deedlog/presentation/v1"
COVERED_SECONDS_MAX: Final = 30.0
"""How long a proof is waited for: the log signs a checkpoint every second or so."""
POLL_SECONDS: Final = 0.25
Credential = Annotated[str, typer.Argument(metavar="CREDENTIAL", help="Such as vcr_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC.")]


@app.command("list")
def list_credentials(
    person: Annotated[str, typer.Argument(metavar="PERSON")], limit: Limit = LIMIT, json: Json = False
) -> None:
    """List a person's credentials, newest first."""
    with caller() as api:
        found = api.items(f"/v1/people/{person}/credentials", limit)
    rows = (
        (one["id"], one["skill"], one["level"], one["issued_at"], one["valid_until"], one["is_revoked"])
        for one in found
    )
    columns = ("id", "skill", "level", "issued", "valid until", "revoked")
    show(found, json, lambda: table(columns, rows, "no credentials yet"))


@app.command("show")
def show_credential(credential: Credential, acting: As = None) -> None:
    """Write a credential as it was signed, and the fact that tells it; JSON."""
    with caller(person=acting) as api:
        show(api.get(f"/v1/credentials/{credential}"), True, lambda: None)


@app.command()
def export(
    credential: Credential,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where the presentation goes.")],
    acting: As = None,
    json: Json = False,
) -> None:
    """Write the file that `deedlog verify` reads: credential, keys, status and the proof that it is in the record."""
    with caller(person=acting) as api:
        presentation = presentation_of(api, credential)
        log_key = api.text("/log/vkey").strip()
    file.write_text(jsonlib.dumps(presentation, ensure_ascii=False) + "\n")
    pins = [f"deedlog trust add {words}" for words in (_issuer_pin(presentation), log_key)]
    answer = {"file": str(file.absolute()), "credential": credential, "pins": pins}
    pairs = [("file", str(file)), ("verify", f"deedlog verify {file}"), ("after", "\n".join(pins))]
    show(answer, json, lambda: facts(pairs))


@app.command()
def revoke(
    credential: Credential,
    reason: Annotated[str, typer.Argument(help="A short code that everybody may read, such as issued-in-error.")],
    json: Json = False,
) -> None:
    """Revoke a credential. Whoever has a newer status list sees it."""
    with caller() as api:
        revoked = api.post(f"/v1/credentials/{credential}:revoke", {"reason": reason})
    show(revoked, json, lambda: facts(revoked.items()))


def presentation_of(api: Api, credential: str) -> dict[str, Any]:
    """Return the presentation of a credential, as its person or an operator may put it together.

    Waits until a checkpoint covers its issuing. Raises Unavailable when none does in time, Refusal otherwise.
    """
    held = api.get(f"/v1/credentials/{credential}")
    document = held["credential"]
    status_list = urlsplit(document["credentialStatus"]["statusListCredential"]).path
    return {
        "format": FORMAT,
        "credential": document,
        "did_document": api.get("/.well-known/did.json", did=_issuer(document)),
        "status_list": api.get(status_list),
        "record": _record(api, held["person"], held["fact"]),
    }


def _record(api: Api, person: str, fact: str) -> Any:
    ends_at = time.monotonic() + COVERED_SECONDS_MAX
    while True:
        try:
            return api.get(f"/v1/people/{person}/record/proofs/{fact}")
        except Refusal as refusal:
            if refusal.status not in {404, 409} or refusal.problem.get("code") == "erased":
                raise
        if time.monotonic() > ends_at:
            raise Unavailable(f"no checkpoint covers the credential after {COVERED_SECONDS_MAX:g} s; deedlog doctor")
        time.sleep(POLL_SECONDS)


def _issuer(document: dict[str, Any]) -> str:
    issuer = document["issuer"]
    return str(issuer if isinstance(issuer, str) else issuer["id"])


def _issuer_pin(presentation: dict[str, Any]) -> str:
    """Return what to pin of the issuer: its DID and the keys that may assert. Pin it from a source you believe."""
    document = presentation["did_document"]
    asserting = set(document["assertionMethod"])
    keys = [one["publicKeyMultibase"] for one in document["verificationMethod"] if one["id"] in asserting]
    return " ".join([document["id"], *keys])

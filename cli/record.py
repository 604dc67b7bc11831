"""deedlog record: a person's record, and whether the log it is in only ever grew."""

from __future__ import annotations

import base64
import json as jsonlib
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.answers import ANSWER_IS_NO, Json, facts, show, table
from cli.api import Api
from cli.callers import As, caller
from cli.surroundings import Surroundings
from infra.embedded.home import make_folder, write_private
from shared.kernel.checkpoint import SignedCheckpoint, open_checkpoint
from shared.kernel.errors import ProofRejected, Rejected
from shared.kernel.merkle import verify_consistency
from shared.kernel.signed_note import VerifierKey, parse_vkey
from shared.verifier.trust import load

app = typer.Typer(no_args_is_help=True, help="See a person's record; check the log that holds it.")
FORMAT: Final = "deedlog/checkpoint-seen/v1"


@app.command("show")
def show_record(
    person: Annotated[str, typer.Argument(metavar="PERSON")], acting: As = None, json: Json = False
) -> None:
    """Show the streams of a person's record: how many entries of which kind, and where their heads are in the log."""
    with caller(person=acting) as api:
        found = api.get(f"/v1/people/{person}/record")
    rows = (
        (one["stream"], one["size"], _kinds(one["kinds"]), one["erased"], (one["head"] or {}).get("log_index"))
        for one in found["streams"]
    )
    columns = ("stream", "entries", "kinds", "erased", "head at")
    show(found, json, lambda: table(columns, rows, "nothing stands in this record yet"))


@app.command()
def verify(json: Json = False) -> None:
    """Verify the log's checkpoint, and that the log only grew since the one seen here last.

    The key is the one pinned (`deedlog trust add`); without a pin the log's own word is taken, and said so. Exit code 1
    when the checkpoint does not hold or the log was rewritten.
    """
    around = Surroundings.look()
    with caller() as api:
        key, is_pinned = _log_key(api, around.trust_file())
        note = api.text("/log/checkpoint")
        seen_file = around.home.path / "checkpoint-seen.json"
        answer = _verified(api, note, key, seen_file) | {"is_pinned": is_pinned}
    if answer["is_valid"]:
        make_folder(around.home.path, for_servers=True)
        write_private(seen_file, jsonlib.dumps({"format": FORMAT, "note": note}) + "\n")
    show(answer, json, lambda: facts((name.replace("_", " "), value) for name, value in answer.items()))
    if not answer["is_valid"]:
        raise typer.Exit(ANSWER_IS_NO)


def _verified(api: Api, note: str, key: VerifierKey, seen_file: Path) -> dict[str, Any]:
    try:
        now = open_checkpoint(note, [key])
        before = _seen(seen_file, key)
        grown = _grown(api, before, now)
    except (ProofRejected, Rejected) as error:
        return {"is_valid": False, "log": key.name, "reason": str(error)}
    checkpoint = now.checkpoint
    return {"is_valid": True, "log": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex(),
            "since_the_last_look": grown}  # fmt: skip


def _grown(api: Api, before: SignedCheckpoint | None, now: SignedCheckpoint) -> str:
    """Return how the log grew. Raises ProofRejected when it did anything else."""
    if before is None:
        return "this is the first look"
    old, new = before.checkpoint, now.checkpoint
    if old.size > new.size:
        raise ProofRejected(f"the log had {old.size} leaves and has {new.size}; it was rewritten")
    if old.size == 0:
        return f"{new.size} leaves more"
    proof = api.get("/log/consistency", old=old.size, new=new.size)["proof"] if old.size < new.size else []
    verify_consistency(old.size, new.size, old.root, new.root, [base64.b64decode(one) for one in proof])
    return f"{new.size - old.size} leaves more, and nothing before was changed"


def _seen(file: Path, key: VerifierKey) -> SignedCheckpoint | None:
    """Return the checkpoint that was verified last, if it is of this log."""
    try:
        note = jsonlib.loads(file.read_text())["note"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    try:
        return open_checkpoint(note, [key])
    except Rejected:
        return None


def _log_key(api: Api, trust_file: Path) -> tuple[VerifierKey, bool]:
    told = parse_vkey(api.text("/log/vkey").strip())
    pinned = next((one for one in load(trust_file).log_keys() if one.name == told.name), None)
    return (told, False) if pinned is None else (pinned, True)


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind.rpartition('.')[0].rpartition('.')[2] or kind}" for kind, count in kinds.items())

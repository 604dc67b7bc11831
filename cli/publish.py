"""deedlog publish: sends a file of xAPI statements, in batches, each stored whole or refused whole.

A batch that was lost on the way is sent again: a statement has an id, so that it is stored once.
"""

from __future__ import annotations

import gzip
import json as jsonlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.answers import ANSWER_IS_NO, Json, Refusal, facts, show, terminal
from cli.api import Api
from cli.callers import Key, caller
from shared.kernel.errors import Rejected
from shared.kernel.ids import system_uuid7

app = typer.Typer()
BATCH: Final = 50
FAULTS_SHOWN: Final = 10


@app.command()
def publish(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A statement, an array, or one a line; .gz too.")
    ],
    key: Key = None,
    batch: Annotated[int, typer.Option("--batch", min=1, max=500, help="Statements a request.")] = BATCH,
    version: Annotated[str, typer.Option("--xapi-version", help="The version of xAPI the statements speak.")] = "1.0.3",
    json: Json = False,
) -> None:
    """Publish a file of xAPI statements.

    With an organisation's key (--key or DEEDLOG_KEY, scope write). Exit code 1 when some were
    refused; the good batches are kept.
    """
    statements = list(read_statements(file))
    stored, refused = 0, []
    with caller(key) as api, _progress(json) as progress:
        task = progress.add_task(file.name, total=len(statements))
        for start in range(0, len(statements), batch):
            part = statements[start : start + batch]
            fault = _sent(api, part, version)
            if fault is None:
                stored += len(part)
            else:
                refused.append({"first": start, "count": len(part), "problem": fault})
            progress.update(task, advance=len(part))
    answer = {"statements": len(statements), "stored": stored, "refused": refused}
    show(answer, json, lambda: _drawn(answer))
    if refused:
        raise typer.Exit(ANSWER_IS_NO)


def read_statements(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the statements of a file: one, an array, or one a line; each with an id, so that it can be sent again.

    Raises Rejected for what is no JSON, with the line, and for what is no whole gzip file.
    """
    raw = _inflated(file) if file.suffix == ".gz" else file.read_bytes()
    try:
        whole = jsonlib.loads(raw)
        found = whole if isinstance(whole, list) else [whole]
    except (ValueError, RecursionError):
        found = [_read_line(number, line) for number, line in enumerate(raw.splitlines(), start=1) if line.strip()]
    for one in found:
        if not isinstance(one, dict):
            raise Rejected.of(file.name, "a statement is a JSON object", "Send statements, an array or one a line.")
        yield one if "id" in one else {"id": str(system_uuid7()), **one}


def _inflated(file: Path) -> bytes:
    try:
        return gzip.decompress(file.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Rejected.of(file.name, f"it is no whole gzip file ({error})", "Pack it again.") from None


def _read_line(number: int, line: bytes) -> Any:
    try:
        return jsonlib.loads(line)
    except (ValueError, RecursionError) as error:
        raise Rejected.of(f"line {number}", f"it is no JSON ({error})", "Send one statement a line.") from None


def _sent(api: Api, part: list[dict[str, Any]], version: str) -> dict[str, Any] | None:
    """Return None when the batch was stored, else why it was refused. Raises what a retry cannot mend."""
    try:
        api.post("/xapi/statements", part, {"X-Experience-API-Version": version})
    except Refusal as refusal:
        if refusal.status not in {400, 409}:
            raise
        return refusal.problem
    return None


def _progress(json: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=terminal(is_error=True), transient=True, disable=json)


def _drawn(answer: dict[str, Any]) -> Any:
    faults = [
        f"{one['first'] + 1} to {one['first'] + one['count']}: {one['problem'].get('detail')}"
        for one in answer["refused"][:FAULTS_SHOWN]
    ]
    pairs = [("statements", answer["statements"]), ("stored", answer["stored"])]
    return facts([*pairs, ("refused", "\n".join(faults) or None)])

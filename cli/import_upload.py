"""Carries a file over into an import, and stays until it has ended; killed anywhere, the same file goes on from there.

What makes that so is the request key: it follows from the file's content, so that the house finds the import it has of
it, and says how many bytes of it it keeps. Nothing is remembered here.
"""

from __future__ import annotations

import hashlib
import json as jsonlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, Final, TypeVar

from cli.answers import Refusal
from cli.api import IDEMPOTENCY_KEY, Api, Away
from shared.kernel.errors import Rejected

BYTES_MAX: Final = 2 << 30
"""What the house takes as one import."""
PART_BYTES: Final = 8 << 20
POLL_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 60.0
"""How long a house that is away is waited for, once something was begun."""
ATTEMPTS_MAX: Final = 100
"""Imports of one file that are looked through for one to go on with."""
ENDED_BADLY: Final = frozenset({"failed", "cancelled"})

Watch = Callable[[dict[str, Any]], None]
R = TypeVar("R")


def carried_over(
    api: Api, file: BinaryIO, name: str, watch: Watch, *, is_again: bool = False, purpose: str = ""
) -> dict[str, Any]:
    """Return the import of this file once it has ended. watch: is called with how it is, again and again.

    purpose: the same bytes for another purpose are another import.
    An import of it that goes on, or went well, is the one returned, unless `is_again` asks for another beside those
    that have ended. Raises Rejected for an empty file or one over BYTES_MAX; Refusal; Away after PATIENCE_SECONDS.
    """
    size, digest = _measured(file)
    if not 0 < size <= BYTES_MAX:
        rule = f"an import has 1 to {BYTES_MAX} bytes, this has {size}"
        raise Rejected.of(name, rule, "Cut it by lines, for example with split -l 1000000.")
    one = _begun(api, f"{digest}-{size}" + (f"-{purpose}" if purpose else ""), size, name, is_again)
    while one["state"] == "receiving":
        watch(one)
        one = _patiently(partial(_continued, api, file, one))
    while one["ended_at"] is None:
        watch(one)
        time.sleep(POLL_SECONDS)
        one = _patiently(partial(api.get, f"/v1/imports/{one['id']}"))
    watch(one)
    return one


def reported(api: Api, one: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of an import that were not taken."""
    if not one["reported_lines"]:
        return []
    text: str = _patiently(lambda: api.text(f"/v1/imports/{one['id']}/report"))
    return [jsonlib.loads(line) for line in text.split("\n") if line]


def has_refused(one: dict[str, Any]) -> bool:
    """Say whether something of the file was not taken."""
    return one["state"] != "done" or bool(one["counts"]["invalid"] + one["counts"]["conflict"])


def _measured(file: BinaryIO) -> tuple[int, str]:
    state = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(PART_BYTES):
        state.update(chunk)
    return file.tell(), state.hexdigest()


def _begun(api: Api, what: str, size: int, name: str, is_again: bool) -> dict[str, Any]:
    for attempt in range(1, ATTEMPTS_MAX + 1):
        key = {IDEMPOTENCY_KEY: f"import-{what}-{attempt}"}
        one: dict[str, Any] = api.post("/v1/imports", {"bytes": size}, key)
        is_passed_over = one["state"] in ENDED_BADLY or (is_again and one["ended_at"] is not None)
        if not is_passed_over:
            return one
    raise Rejected.of(name, f"there are {ATTEMPTS_MAX} ended imports of it", "Look at why they ended.")


def _continued(api: Api, file: BinaryIO, one: dict[str, Any]) -> dict[str, Any]:
    """Send the next part, and return the import; where the house is at another place, return it as it is there."""
    path, place = f"/v1/imports/{one['id']}", one["received_bytes"]
    file.seek(place)
    try:
        kind, headers = "application/offset+octet-stream", {"Upload-Offset": str(place)}
        sent: dict[str, Any] = api.send("PATCH", path, file.read(PART_BYTES), kind, headers)
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        sent = api.get(path)
        if sent["state"] == "receiving" and sent["received_bytes"] == place:
            raise
    except Away:
        # What of the part was kept is known to the house alone.
        sent = _patiently(lambda: api.get(path))
    return sent


def _patiently(ask: Callable[[], R]) -> R:
    """Return what the house answers. Raises Away, or the house's own 5xx, where PATIENCE_SECONDS do not heal it."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except (Away, Refusal) as error:
            is_transient = isinstance(error, Away) or error.status >= 500 or error.status == 429
            if not is_transient or time.monotonic() > ends_at:
                raise
        time.sleep(POLL_SECONDS)

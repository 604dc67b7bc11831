"""An organisation's gate: whoever stores goes through it with others, whoever needs to be alone holds it.

It makes references between statements independent of order: a transaction that stores one that refers to another holds
the gate alone, all others share it, so that of the two statements the later one sees the earlier.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Final, cast

from shared.runtime.postgres import Connection

GATE: Final = 0x766F_6964
"""The first half of the gates' advisory lock keys; "void" in ASCII. Keys in two halves never meet those of subjects."""

_SHARE: Final = "SELECT pg_advisory_xact_lock_shared($1, $2), clock_timestamp()"
_HOLD: Final = "SELECT pg_advisory_xact_lock($1, $2), clock_timestamp()"


async def share_gate(connection: Connection, organisation: str) -> datetime:
    """Go through the gate with others and return the time by then. Comes before all other locks."""
    return cast("datetime", await connection.fetchval(_SHARE, GATE, _gate(organisation), column=1))


async def hold_gate(connection: Connection, organisation: str) -> datetime:
    """Hold the gate alone until the end and return the time by then. Comes before all other locks."""
    return cast("datetime", await connection.fetchval(_HOLD, GATE, _gate(organisation), column=1))


def _gate(organisation: str) -> int:
    """Return the second half of the gate's key. Two organisations that share one only wait a little for each other."""
    return zlib.crc32(organisation.encode()) - (1 << 31)

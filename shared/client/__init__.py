"""Sends learning events to Deedlog, and loses none: not to an outage, not to the death of the sending process.

    from deedlog.client import Client

    with Client("https://deedlog.example", key, "events.spool") as client:
        client.send({"actor": …, "verb": …, "object": …})

`send` keeps the event in a file and returns; a thread of its own (or a task, in AsyncClient) delivers it. Imports the
standard library and httpx, and nothing of any server.
"""

from __future__ import annotations

from .access import ClientCredentials
from .async_client import AsyncClient
from .client import Client
from .errors import ClientClosed, ClientError, NotSendable, SpoolFailed, SpoolFull, SpoolInUse
from .options import Options
from .progress import Progress, Reason, Refusal, RefusedItem

__all__ = [
    "AsyncClient",
    "Client",
    "ClientClosed",
    "ClientCredentials",
    "ClientError",
    "NotSendable",
    "Options",
    "Progress",
    "Reason",
    "Refusal",
    "RefusedItem",
    "SpoolFailed",
    "SpoolFull",
    "SpoolInUse",
]

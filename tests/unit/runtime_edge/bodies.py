"""Request bodies as a server would deliver them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from shared.runtime.request_body import BYTES_MAX, SECONDS_MAX, RequestBody


def body_of(
    parts: Sequence[bytes], *, seconds_max: float = SECONDS_MAX, pause_seconds: float = 0, **headers: str
) -> RequestBody:
    """Return a body that arrives in these parts. Headers: underscores become hyphens."""
    left = list(parts) or [b""]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause_seconds)
        if not left:
            return {"type": "http.disconnect"}
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestBody({"transfer-encoding": "chunked", **named}, receive, seconds_max)


async def chunks_of(body: RequestBody, bytes_max: int = BYTES_MAX) -> bytes:
    """Return the body read chunk by chunk."""
    return b"".join([chunk async for chunk in body.chunks(bytes_max)])

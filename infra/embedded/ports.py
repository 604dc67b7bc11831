"""Ports on 127.0.0.1: finding free ones for tests, and saying clearly when a chosen one is taken.

Free ports come from below the range that systems hand to outgoing connections (32768 and up on Linux). Inside that
range a client that retries while our server is down can be given the server's own port as its source, and then
either connects to itself or keeps the server from starting again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from typing import Final

from shared.kernel.errors import Conflict, Unavailable

HOST: Final = "127.0.0.1"
FIRST: Final = 20_000
COUNT: Final = 10_000

_handed_out: set[int] = set()


class PortTaken(Conflict):
    """Another process listens on the port we were told to use."""

    code = "port-taken"


def is_free(port: int) -> bool:
    """Say whether a server could listen on `port` of 127.0.0.1 now. Another process may take it the moment after."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def require_free(port: int, purpose: str) -> None:
    """Return when `port` is free. Raises PortTaken naming the port and what it was wanted for."""
    if not is_free(port):
        raise PortTaken(f"port {port} on {HOST} is taken, and {purpose} needs it; end its holder or choose another")


def free_port() -> int:
    """Return a free port that this process was not given before. Raises Unavailable when all of the range are taken."""
    start = secrets.randbelow(COUNT)
    for step in range(COUNT):
        port = FIRST + (start + step) % COUNT
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    raise Unavailable(f"no free port between {FIRST} and {FIRST + COUNT - 1}")


async def answers(port: int, seconds_max: float = 1.0) -> bool:
    """Say whether something accepts a connection on `port` of 127.0.0.1 within `seconds_max`."""
    try:
        async with asyncio.timeout(seconds_max):
            _, writer = await asyncio.open_connection(HOST, port)
    except OSError:  # TimeoutError is one
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True

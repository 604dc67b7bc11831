"""Serves an ASGI application on a socket, as a component: uvicorn without its signals, its log and its exits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from shared.kernel.errors import Unavailable
from shared.runtime.lifecycle import Readiness

GRACE_SECONDS: Final = 5
"""How long requests under way may go on after a stop; then their connections are closed."""
KEEP_ALIVE_SECONDS: Final = 20
"""How long an idle connection is kept; longer than the intervals at which platforms send."""
BACKLOG: Final = 1024
"""Connections the kernel may hold for us; more are refused by it."""
START_SECONDS_MAX: Final = 10.0


class HttpServer:
    """A component that serves `app` on host:port. With port 0 the system chooses; `port` says which, once started."""

    def __init__(
        self, app: Any, host: str, port: int, *, name: str = "http", grace_seconds: int = GRACE_SECONDS
    ) -> None:
        self.name = name
        self.host = host
        self.port = port
        self._config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=grace_seconds,
        )
        self._server = _Server(self._config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Be listening on return. Raises Unavailable, naming the address, when the address is taken."""
        listener = _listener(self.host, self.port)
        self.port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name=self.name)
        async with asyncio.timeout(START_SECONDS_MAX):
            while not self._server.started and not self._serving.done():
                await asyncio.sleep(0.005)
        if self._serving.done():
            self._serving.result()

    async def stop(self) -> None:
        """Have answered what was under way, within the grace, and closed the socket."""
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)

    def readiness(self) -> Readiness:
        """Say whether it is listening."""
        is_listening = self._serving is not None and not self._serving.done() and not self._server.should_exit
        return Readiness(self.name, is_listening, "" if is_listening else "it does not listen")


class _Server(uvicorn.Server):
    """Leaves the signals to `lifecycle.run`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, so that asyncio turns off Nagle's delay on what it accepts: else each reply waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(f"{host}:{port} cannot be listened on: {error.strerror}. Choose another port.") from error
    listener.setblocking(False)
    return listener

"""Both clients behind one face, so that what holds for one is shown of the other by the same tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from shared.client import AsyncClient, Client, Options, Progress, RefusedItem

THREADS: Final = 40
T = TypeVar("T")
Told = Callable[[Progress], None]


class Threaded:
    """Client with the face of AsyncClient: each call runs in a thread, of its own so that the server keeps its own."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._threads = ThreadPoolExecutor(THREADS)

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def send(self, item: dict[str, Any], *, wait_seconds: float | None = None) -> str:
        return await self._run(lambda: self.client.send(item, wait_seconds=wait_seconds))

    async def send_many(self, items: list[dict[str, Any]], *, wait_seconds: float | None = None) -> list[str]:
        return await self._run(lambda: self.client.send_many(items, wait_seconds=wait_seconds))

    async def flush(self, timeout_seconds: float | None = None) -> bool:
        return await self._run(self.client.flush, timeout_seconds)

    async def progress(self) -> Progress:
        return self.client.progress()

    async def refused(self, limit: int = 1000) -> list[RefusedItem]:
        return self.client.refused(limit)

    async def resend(self, item_id: str, mended: dict[str, Any] | None = None, *, source: str = "") -> str:
        return self.client.resend(item_id, mended, source=source)

    async def discard(self, item_id: str, *, source: str = "") -> None:
        self.client.discard(item_id, source=source)

    async def close(self, timeout_seconds: float = 5.0) -> None:
        await self._run(self.client.close, timeout_seconds)


Face = AsyncClient | Threaded
Kind = type[Client] | type[AsyncClient]


@asynccontextmanager
async def opened(
    kind: Kind, origin: str, key: str, spool: Path, options: Options = Options(), on_progress: Told | None = None
) -> AsyncIterator[Face]:
    """A client of this kind, closed without waiting for what is left."""
    client: Face
    if kind is Client:
        client = Threaded(Client(origin, key, spool, options, on_progress=on_progress))
    else:
        client = await AsyncClient(origin, key, spool, options, on_progress=on_progress).__aenter__()
    try:
        yield client
    finally:
        await client.close(0)

"""The client for asyncio programs: the same as Client, with a task in place of the thread.

The spool is written by one thread that this client owns, so that a flush to disk holds up no other task. That thread
does one thing after the other, which is all the locking there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

import httpx

from . import machine
from .access import ClientCredentials, NoToken
from .client import CLOSE_SECONDS, REFUSED_LIMIT
from .courier import Pause
from .errors import ClientClosed, SpoolFull, refuse_unusable
from .exchange import Answer, Request
from .item import Item, item_of
from .options import ANSWER_BYTES_MAX, USER_AGENT, Options, access_of, address, opened, patience
from .progress import Progress, RefusedItem

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class AsyncClient:
    """Sends to one server through one spool file, for the tasks of one event loop. Use it as `async with`."""

    def __init__(
        self,
        origin: str,
        key: str | ClientCredentials,
        spool: str | os.PathLike[str],
        options: Options = Options(),
        *,
        on_progress: Callable[[Progress], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Hold the spool; delivery begins with `async with`.

        key: the secret of an API key with the scope `write`, or its id and secret to fetch access tokens with.
        on_progress: called in the event loop after each batch and each failure. Raises ValueError, SpoolInUse,
        SpoolFailed.
        """
        self._options = options
        self._on_progress = on_progress
        self._process = os.getpid()
        origin_url = address(origin, options)
        self._access = access_of(key, origin_url, options)
        self._spool, self._courier = opened(spool, options)
        self._http = httpx.AsyncClient(base_url=origin_url, headers=USER_AGENT, timeout=patience(), transport=transport)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="deedlog-client")
        self._wake = asyncio.Event()
        self._changed = asyncio.Condition()
        self._is_closed = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._deliver(), name="deedlog-client")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, item: dict[str, Any], *, wait_seconds: float | None = None) -> str:
        """Keep a statement or CloudEvent for delivery and return its id; it is durable in the spool.

        Never waits for the network. In a full spool it waits for room, `wait_seconds` or as the options say.
        Raises NotSendable, SpoolFull, SpoolFailed, ClientClosed; nothing was kept then. Cancelled, it may have been.
        """
        return (await self.send_many([item], wait_seconds=wait_seconds))[0]

    async def send_many(self, items: Iterable[dict[str, Any]], *, wait_seconds: float | None = None) -> list[str]:
        """Keep all of them or none, in one write, and return their ids. Otherwise as `send`."""
        checked = [item_of(item, machine.new_id, machine.timestamp) for item in items]
        deadline = time.monotonic() + (self._options.wait_seconds if wait_seconds is None else wait_seconds)
        while not await self._is_kept(checked, deadline):
            await self._change_until(deadline)
        self._wake.set()
        return [item.id for item in checked]

    async def flush(self, timeout_seconds: float | None = None) -> bool:
        """Return True once all that was sent before was delivered or refused; False when the time is up."""
        deadline = float("inf") if timeout_seconds is None else time.monotonic() + timeout_seconds
        last = await self._in_turn(self._spool.last_number)
        await self._in_turn(self._courier.hurry)
        self._wake.set()
        while not await self._in_turn(lambda: self._spool.is_settled(last)):
            if time.monotonic() >= deadline:
                return False
            await self._change_until(deadline)
        return True

    async def progress(self) -> Progress:
        """Return how far the delivery is."""
        return await self._in_turn(lambda: self._courier.progress)

    async def refused(self, limit: int = REFUSED_LIMIT) -> list[RefusedItem]:
        """Return what the server refused, the oldest first, with its reasons. It stays until resent or discarded."""
        return await self._in_turn(lambda: self._spool.refused_items(limit))

    async def resend(self, item_id: str, mended: dict[str, Any] | None = None, *, source: str = "") -> str:
        """Have a refused item delivered after all, as it was or mended, and return its id.

        A mended item without an id keeps the old one. source: of a CloudEvent. Raises KeyError where nothing was
        refused under this id, and as `send` does.
        """
        item = None if mended is None else item_of({"id": item_id} | mended, machine.new_id, machine.timestamp)
        await self._in_turn(lambda: self._spool.replace(item_id, source, item))
        self._wake.set()
        return item_id if item is None else item.id

    async def discard(self, item_id: str, *, source: str = "") -> None:
        """Have a refused item gone for good. Raises KeyError where nothing was refused under this id."""
        await self._in_turn(lambda: self._spool.discard(item_id, source))
        await self._announce()

    async def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Deliver for at most so long, then let the spool go. What waits is delivered by the next client of the spool.

        Calling it again does nothing.
        """
        if self._is_closed or self._process != os.getpid():
            return
        try:
            if self._task is not None:
                await self.flush(timeout_seconds)
        finally:
            self._is_closed = True
            await self._stop()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._http.aclose()
        await asyncio.get_running_loop().run_in_executor(self._writer, self._spool.close)
        self._writer.shutdown(wait=False)
        await self._announce()

    async def _in_turn(self, work: Callable[[], _T]) -> _T:
        """Return what the work returns, done by the thread that owns the spool."""
        refuse_unusable(self._process, is_closed=self._is_closed)
        if self._task is None:
            raise ClientClosed("the client is not open yet: use it as `async with AsyncClient(…) as client`")
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    async def _is_kept(self, items: list[Item], deadline: float) -> bool:
        """Keep the items; say False where there is no room and time to wait for it."""
        try:
            await self._in_turn(lambda: self._spool.append(items))
        except SpoolFull:
            if time.monotonic() >= deadline:
                raise
            return False
        return True

    async def _change_until(self, deadline: float) -> None:
        """Return when something left the spool, at most a second later, or when the time is up."""
        seconds = max(0.0, min(1.0, deadline - time.monotonic()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait()

    async def _announce(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _deliver(self) -> None:
        while True:
            try:
                step = await self._in_turn(self._courier.step)
                if isinstance(step, Pause):
                    await self._idle(step.seconds)
                    continue
                await self._carry_out(step)
            except Exception as error:  # noqa: BLE001 - whatever it is, what waits must be tried again
                _log.exception("the delivery failed and is tried again")
                text = f"the delivery fails: {type(error).__name__}: {error}"
                await self._in_turn(lambda text=text: self._courier.lost(text))  # type: ignore[misc]
            await self._announce()
            await self._tell()

    async def _idle(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _carry_out(self, request: Request) -> None:
        try:
            answer = await self._post(request)
        except NoToken as error:
            problem, after_seconds = error.problem, error.after_seconds
            await self._in_turn(lambda: self._courier.lost(problem, after_seconds))
        except httpx.HTTPError as error:
            text = f"the server is not reached: {type(error).__name__}: {error}"
            await self._in_turn(lambda: self._courier.lost(text))
        else:
            await self._in_turn(lambda: self._courier.answered(answer))

    async def _post(self, request: Request) -> Answer:
        """Return the answer to a delivery. Where a token was good until now, it is tried once more with a new one."""
        answer = await self._post_once(request)
        return await self._post_once(request) if self._access.is_outdated(answer) else answer

    async def _post_once(self, request: Request) -> Answer:
        needed = self._access.needed()
        if needed is not None:
            self._access.told(await self._asked(needed, {}))
        return await self._asked(request, self._access.headers())

    async def _asked(self, request: Request, more: dict[str, str]) -> Answer:
        headers = request.headers | more
        sent = self._http.stream("POST", request.path, headers=headers, content=request.content)
        async with sent as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise httpx.ReadError("the reply is too large to be one of the record store")
            return Answer(response.status_code, response.headers, bytes(content))

    async def _tell(self) -> None:
        if self._on_progress is None:
            return
        progress = await self.progress()
        try:
            self._on_progress(progress)
        except Exception:  # noqa: BLE001 - the caller's fault must not end the delivery
            _log.exception("on_progress failed; the delivery goes on")

"""The client for ordinary programs: `send` writes to the spool, a thread of its own delivers.

One lock guards spool and courier; it is held for a write to the spool and never while the network is waited for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Self

import httpx

from . import machine
from .access import ClientCredentials, NoToken
from .courier import Pause
from .errors import ClientClosed, SpoolFull, refuse_unusable
from .exchange import Answer, Request
from .item import Item, item_of
from .options import ANSWER_BYTES_MAX, USER_AGENT, Options, access_of, address, opened, patience
from .progress import Progress, RefusedItem

CLOSE_SECONDS: Final = 5.0
STOP_SECONDS_MAX: Final = 2.0
"""How long a request under way may still take when its client is closed; its items wait for the next client."""
WAIT_SECONDS_MAX: Final = 60.0
"""Between two looks at a full spool; a lock cannot be waited for without end."""
REFUSED_LIMIT: Final = 1000

_log = logging.getLogger(__name__)


class Client:
    """Sends to one server through one spool file. May be used by many threads of one process."""

    def __init__(
        self,
        origin: str,
        key: str | ClientCredentials,
        spool: str | os.PathLike[str],
        options: Options = Options(),
        *,
        on_progress: Callable[[Progress], None] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Hold the spool and begin to deliver what waits in it.

        key: the secret of an API key with the scope `write`, or its id and secret to fetch access tokens with.
        on_progress: called by the delivering thread after each batch and each failure; it may resend and discard, and
        must not flush or close, which wait for that thread. Raises ValueError, SpoolInUse, SpoolFailed.
        """
        self._options = options
        self._on_progress = on_progress
        self._process = os.getpid()
        origin_url = address(origin, options)
        self._access = access_of(key, origin_url, options)
        self._spool, self._courier = opened(spool, options)
        self._http = httpx.Client(base_url=origin_url, headers=USER_AGENT, timeout=patience(), transport=transport)
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._deliver, name="deedlog-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, item: dict[str, Any], *, wait_seconds: float | None = None) -> str:
        """Keep a statement or CloudEvent for delivery and return its id; it is durable in the spool.

        Never waits for the network. In a full spool it waits for room, `wait_seconds` or as the options say.
        Raises NotSendable, SpoolFull, SpoolFailed, ClientClosed; nothing was kept then.
        """
        return self.send_many([item], wait_seconds=wait_seconds)[0]

    def send_many(self, items: Iterable[dict[str, Any]], *, wait_seconds: float | None = None) -> list[str]:
        """Keep all of them or none, in one write, and return their ids. Otherwise as `send`."""
        checked = [item_of(item, machine.new_id, machine.timestamp) for item in items]
        deadline = time.monotonic() + (self._options.wait_seconds if wait_seconds is None else wait_seconds)
        with self._held():
            while not self._is_kept(checked, deadline):
                self._changed.wait(min(WAIT_SECONDS_MAX, deadline - time.monotonic()))
        self._wake.set()
        return [item.id for item in checked]

    def flush(self, timeout_seconds: float | None = None) -> bool:
        """Return True once all that was sent before was delivered or refused; False when the time is up."""
        with self._held():
            last = self._spool.last_number()
            self._courier.hurry()
            self._wake.set()
            done = self._changed.wait_for(lambda: self._is_closed or self._spool.is_settled(last), timeout_seconds)
            return done and not self._is_closed

    def progress(self) -> Progress:
        """Return how far the delivery is."""
        with self._held():
            return self._courier.progress

    def refused(self, limit: int = REFUSED_LIMIT) -> list[RefusedItem]:
        """Return what the server refused, the oldest first, with its reasons. It stays until resent or discarded."""
        with self._held():
            return self._spool.refused_items(limit)

    def resend(self, item_id: str, mended: dict[str, Any] | None = None, *, source: str = "") -> str:
        """Have a refused item delivered after all, as it was or mended, and return its id.

        A mended item without an id keeps the old one. source: of a CloudEvent. Raises KeyError where nothing was
        refused under this id, and as `send` does.
        """
        item = None if mended is None else item_of({"id": item_id} | mended, machine.new_id, machine.timestamp)
        with self._held():
            self._spool.replace(item_id, source, item)
        self._wake.set()
        return item_id if item is None else item.id

    def discard(self, item_id: str, *, source: str = "") -> None:
        """Have a refused item gone for good. Raises KeyError where nothing was refused under this id."""
        with self._held():
            self._spool.discard(item_id, source)
            self._changed.notify_all()

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Deliver for at most so long, then let the spool go. What waits is delivered by the next client of the spool.

        Calling it again does nothing.
        """
        if self._is_closed or self._process != os.getpid():
            return
        with contextlib.suppress(ClientClosed):
            self.flush(timeout_seconds)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._wake.set()
        self._thread.join(STOP_SECONDS_MAX)
        self._http.close()
        self._thread.join(STOP_SECONDS_MAX)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock. After a fork nobody would ever release it, so that is looked at first."""
        refuse_unusable(self._process, is_closed=False)
        with self._changed:
            refuse_unusable(self._process, is_closed=self._is_closed)
            yield

    def _is_kept(self, items: list[Item], deadline: float) -> bool:
        """Keep the items; say False where there is no room and time to wait for it."""
        if self._is_closed:
            raise ClientClosed("the client was closed while `send` waited for room; nothing was kept")
        try:
            self._spool.append(items)
        except SpoolFull:
            if time.monotonic() >= deadline:
                raise
            return False
        return True

    def _deliver(self) -> None:
        try:
            while not self._is_closed:
                self._deliver_once()
        finally:
            with self._changed:
                self._spool.close()

    def _deliver_once(self) -> None:
        try:
            with self._changed:
                step = self._courier.step()
            if isinstance(step, Pause):
                self._wake.wait(step.seconds)
                self._wake.clear()
                return
            self._carry_out(step)
        except Exception as error:  # noqa: BLE001 - whatever it is, what waits must be tried again
            if self._is_closed:
                return
            _log.exception("the delivery failed and is tried again")
            with self._changed:
                self._courier.lost(f"the delivery fails: {type(error).__name__}: {error}")
        self._tell()

    def _carry_out(self, request: Request) -> None:
        try:
            answer = self._post(request)
        except NoToken as error:
            with self._changed:
                self._courier.lost(error.problem, error.after_seconds)
        except httpx.HTTPError as error:
            with self._changed:
                self._courier.lost(f"the server is not reached: {type(error).__name__}: {error}")
        else:
            with self._changed:
                self._courier.answered(answer)
                self._changed.notify_all()

    def _post(self, request: Request) -> Answer:
        """Return the answer to a delivery. Where a token was good until now, it is tried once more with a new one."""
        answer = self._post_once(request)
        return self._post_once(request) if self._access.is_outdated(answer) else answer

    def _post_once(self, request: Request) -> Answer:
        needed = self._access.needed()
        if needed is not None:
            self._access.told(self._asked(needed, {}))
        return self._asked(request, self._access.headers())

    def _asked(self, request: Request, more: dict[str, str]) -> Answer:
        headers = request.headers | more
        with self._http.stream("POST", request.path, headers=headers, content=request.content) as response:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise httpx.ReadError("the reply is too large to be one of the record store")
            return Answer(response.status_code, response.headers, bytes(content))

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        with self._changed:
            progress = self._courier.progress
        try:
            self._on_progress(progress)
        except Exception:  # noqa: BLE001 - the caller's fault must not end the delivery
            _log.exception("on_progress failed; the delivery goes on")

"""Starting in order, stopping in the reverse order, and never hanging on the way out.

A process is a list of components. `run` starts them one after another, says when all are ready, waits for SIGINT or
SIGTERM, and stops them last first, within one budget of time. A supervised loop is a component too: `background.Task`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from shared.kernel.errors import Broken, DeedlogError

STOP_SECONDS: Final = 10.0
"""What Ctrl-C may take; after it a supervisor kills."""
COLLECTOR_THRESHOLD: Final = 50_000
"""Objects made and not let go before the collector looks for rings among them; a few batches of facts."""
_RESERVE_SECONDS: Final = 0.25
"""Kept back for each component still to stop, so that one that hangs does not rob the others."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a component does its work now. `reason` is one sentence, safe to show; empty when there is none."""

    name: str
    is_ready: bool
    reason: str = ""


class Component(Protocol):
    """A part of a process with a beginning and an end."""

    @property
    def name(self) -> str:
        """Short, lower-case, unique in its process: it stands in /readyz, in logs and in metrics."""
        ...

    async def start(self) -> None:
        """Be at work on return. Raises when it cannot; nothing of it runs then."""
        ...

    async def stop(self) -> None:
        """Have let go of everything on return. May be cancelled when it takes too long; may be called once only."""
        ...

    def readiness(self) -> Readiness:
        """Say whether it does its work now; cheap, and without IO."""
        ...


class StartFailed(DeedlogError):
    """A component did not start; those before it were stopped again. The cause is chained."""

    code = "start-failed"


async def run(
    components: Sequence[Component],
    *,
    ready: Callable[[], None] | None = None,
    stop_seconds: float = STOP_SECONDS,
    stopping: asyncio.Event | None = None,
) -> None:
    """Have started all components, waited for a signal, and stopped them, on return.

    They start in order and stop in reverse order, all within `stop_seconds`; which one was cut short is logged.
    `ready` is called when all have started. SIGINT, SIGTERM or setting `stopping` ends the run, also while starting.
    Raises StartFailed when a component does not start, after stopping those that had.
    """
    stopping = stopping or asyncio.Event()
    restore_signals = _on_signals(stopping.set)
    started: list[Component] = []
    try:
        if await _start_all(components, started, stopping):
            if ready is not None:
                ready()
            await stopping.wait()
    finally:
        await stop_all(started, stop_seconds)
        restore_signals()


async def stop_all(started: Sequence[Component], stop_seconds: float = STOP_SECONDS) -> list[str]:
    """Have stopped these components, last first; return the names of those that were cut short or failed to stop."""
    ends_at = asyncio.get_running_loop().time() + stop_seconds
    unclean = []
    for left, component in zip(range(len(started) - 1, -1, -1), reversed(started), strict=True):
        seconds = ends_at - asyncio.get_running_loop().time() - left * _RESERVE_SECONDS
        if not await _stop(component, max(seconds, _RESERVE_SECONDS)):
            unclean.append(component.name)
    return unclean


def launch(main: Coroutine[Any, Any, _T]) -> _T:
    """Return what `main` returns, run on uvloop where it is installed, else on the loop of the standard library."""
    _calm_collector()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _calm_collector() -> None:
    """Leave what was imported out of garbage collections, and have these less often.

    It is some 300,000 objects that stay for good. To walk them again and again took a fifth of the processor time of a
    listener under full load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTOR_THRESHOLD, 20, 100)


async def _start_all(components: Sequence[Component], started: list[Component], stopping: asyncio.Event) -> bool:
    """Start each in order, noting it in `started`; return False when asked to stop before all had."""
    names = [component.name for component in components]
    if len(set(names)) != len(names):
        raise Broken(f"two components share a name: {sorted(names)}")
    for component in components:
        if not await _start(component, stopping):
            _log.info("asked to stop before everything had started", extra={"component": component.name})
            return False
        started.append(component)
        _log.info("started", extra={"component": component.name})
    return True


async def _start(component: Component, stopping: asyncio.Event) -> bool:
    """Start one; return False when asked to stop first. Raises StartFailed, whatever the cause."""
    starting = asyncio.ensure_future(component.start())
    asked = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return False
        await starting
    except Exception as error:
        raise StartFailed(f"{component.name} did not start: {_sentence(error)}") from error
    finally:
        await _dropped(asked, starting)
    return True


async def _dropped(*tasks: asyncio.Future[Any]) -> None:
    """Have cancelled those of the tasks that still run, and waited for them."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _stop(component: Component, seconds: float) -> bool:
    """Stop one within `seconds`; return False, having logged why, when it was cut short or failed."""
    stop = asyncio.ensure_future(component.stop())
    await asyncio.wait((stop,), timeout=seconds)
    if not stop.done():
        stop.cancel()
        _log.error("cut short while stopping", extra={"component": component.name, "after_seconds": round(seconds, 2)})
        await asyncio.wait((stop,), timeout=_RESERVE_SECONDS)
        return False
    error = None if stop.cancelled() else stop.exception()
    if error is not None:
        _log.error("failed while stopping", extra={"component": component.name}, exc_info=error)
        return False
    _log.info("stopped", extra={"component": component.name})
    return True


def _sentence(error: BaseException) -> str:
    text = str(error) or "no reason given"
    return text if isinstance(error, DeedlogError) else f"{type(error).__name__}: {text}"


def _on_signals(callback: Callable[[], None]) -> Callable[[], None]:
    """Call back on SIGINT and SIGTERM from now on; return what undoes it. Does nothing outside the main thread."""
    loop = asyncio.get_running_loop()
    caught = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, callback)
        except (ValueError, RuntimeError, NotImplementedError):
            continue
        caught.append(number)

    def restore() -> None:
        for number in caught:
            loop.remove_signal_handler(number)

    return restore


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - a speed-up that is absent on some platforms
    except ImportError:
        return None
    return uvloop.new_event_loop

"""What every bench measures with and says in the same words: machine, processor time by class of process, plain loop.

A figure alone says little on a machine that others use too. So each stands beside two others of the same run: what a
plain asyncpg loop does that inserts the same rows in batches of the same size, and how busy the rest of the machine
was meanwhile. Nothing here judges speed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
import psutil  # type: ignore[import-untyped]

LOAD: Final = "load"
"""The class of process that sends: it is no part of the house, so its cost is told apart."""
PLAIN_SECONDS_MAX: Final = 3.0
READINGS_MAX: Final = 20
"""Readings of a tree of processes until none of them ended meanwhile."""
_LABEL_WIDTH: Final = 15
_BUSY: Final = ("user", "nice", "system", "irq", "softirq", "steal")
_T = TypeVar("_T")


def machine() -> str:
    """Return what this runs on, without naming it, and how busy it was over the last minute."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_cpu_model()}, {cores} cores, Python {platform.python_version()}; load before {os.getloadavg()[0]:.2f}"


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for text in Path("/proc/cpuinfo").read_text().splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.machine()


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Spent:
    """What some rows cost. cpu: seconds of processor by class of process; elsewhere: of all else on the machine."""

    rows: int
    seconds: float
    cpu: Mapping[str, float]
    elsewhere: float = 0.0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor a row, over all processes but the load."""
        return sum(seconds for name, seconds in self.cpu.items() if name != LOAD) / self.rows * 1e6

    def cpu_us_of(self, name: str) -> float:
        """Microseconds of processor a row in one class of process."""
        return self.cpu[name] / self.rows * 1e6


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a meter stood. machine: seconds of processor that anybody has used since the machine started."""

    at: float
    cpu: Mapping[str, float]
    machine: float


class Meter:
    """Reads the processor time of the processes of a bench, by class.

    trees: processes whose descendants count with them; alone: those whose do not. Both by the name of the class.
    """

    def __init__(self, *, alone: Mapping[str, int], trees: Mapping[str, int]) -> None:
        self._alone = {name: psutil.Process(pid) for name, pid in alone.items()}
        self._trees = {name: psutil.Process(pid) for name, pid in trees.items()}

    def read(self) -> Reading:
        """Return where the meter stands."""
        alone = {name: _seconds(process) for name, process in self._alone.items()}
        trees = {name: _tree_seconds(process) for name, process in self._trees.items()}
        times = psutil.cpu_times()
        return Reading(time.perf_counter(), alone | trees, sum(getattr(times, name, 0.0) for name in _BUSY))

    def spent(self, since: Reading, rows: int) -> Spent:
        """Return what these rows cost since that reading."""
        now = self.read()
        cpu = {name: seconds - since.cpu[name] for name, seconds in now.cpu.items()}
        elsewhere = now.machine - since.machine - sum(cpu.values())
        return Spent(rows, now.at - since.at, cpu, max(0.0, elsewhere))


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _tree_seconds(root: psutil.Process) -> float:
    """Of children that ended too: a database's connections come and go.

    Read again where one ended meanwhile: it would count among neither, or among both.
    """
    ended = running = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        for _ in range(READINGS_MAX):
            ended = _ended_seconds(root)
            running = sum(map(_seconds, (root, *root.children(recursive=True))))
            if _ended_seconds(root) == ended:
                break
    return ended + running


def _ended_seconds(root: psutil.Process) -> float:
    times = root.cpu_times()
    return float(times.children_user + times.children_system)


# ── the plain loop ───────────────────────────────────────────────────────────────────────────────────────────────────


def in_batches(values: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Yield the values in order, `size` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


async def plain_loop(
    dsn: str,
    postgres_pid: int,
    columns: Mapping[str, str],
    batches: Iterable[Sequence[tuple[Any, ...]]],
    connections: int = 1,
) -> Spent:
    """Return what it costs to insert the batches, a transaction each, into a table of its own and do nothing else.

    columns: types by name, the first is the key. Ends early after PLAIN_SECONDS_MAX.
    """
    pool = await asyncpg.create_pool(dsn, min_size=connections, max_size=connections)
    meter = Meter(alone={"loop": os.getpid()}, trees={"postgres": postgres_pid})
    try:
        await pool.execute("DROP TABLE IF EXISTS plain")
        described = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        await pool.execute(f"CREATE TABLE plain ({described}, PRIMARY KEY ({next(iter(columns))}))")
        arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(columns.values(), 1))
        before = meter.read()
        shared = _until(before.at + PLAIN_SECONDS_MAX, batches)
        query = f"INSERT INTO plain SELECT * FROM unnest({arrays})"
        inserted = await asyncio.gather(*(_insert(pool, query, shared) for _ in range(connections)))
        spent = meter.spent(before, sum(inserted))
        await pool.execute("DROP TABLE plain")
    finally:
        await pool.close()
    return spent


def _until(ends_at: float, batches: Iterable[_T]) -> Iterator[_T]:
    for batch in batches:
        if time.perf_counter() >= ends_at:
            return
        yield batch


async def _insert(pool: Any, query: str, shared: Iterator[Sequence[tuple[Any, ...]]]) -> int:
    rows = 0
    async with pool.acquire() as connection:
        for batch in shared:
            await connection.execute(query, *map(list, zip(*batch, strict=True)))
            rows += len(batch)
    return rows


# ── how it is said ───────────────────────────────────────────────────────────────────────────────────────────────────


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values, in any order, does not exceed; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def line(label: str, text: str) -> str:
    """Return a line of a report."""
    return f"{label:<{_LABEL_WIDTH}}{text}"


def at_least(goal: float, measured: float) -> str:
    """Return what puts a measured figure beside a goal to be reached."""
    return f"(goal: at least {goal:,.0f}; this is {measured / goal:.2f} of it)"


def at_most(goal: float, measured: float) -> str:
    """Return what puts a measured figure beside a goal not to be exceeded."""
    return f"(goal: at most {goal:,.0f}; this is {measured / goal:.2f} of it)"


def elsewhere(spent: Spent) -> str:
    """Return how busy the rest of the machine was meanwhile."""
    return f"{spent.elsewhere / spent.seconds:.2f} cores busy with other work"


def cost(spent: Spent, plain: Spent, row: str, goal: str = "", *, is_paced: bool = False) -> Iterator[str]:
    """Yield the lines that say what the rows cost, by class of process and beside the plain loop.

    row: what one is. is_paced: whether the rows came at a given rate, so that theirs says nothing beside the loop's.
    """
    yield line("CPU", f"{spent.cpu_us:.1f} µs a {row} over all processes {goal}".rstrip())
    sending = f"; sending it {spent.cpu_us_of(LOAD):.1f} more" if LOAD in spent.cpu else ""
    yield line("", ", ".join(f"{name} {spent.cpu_us_of(name):.1f}" for name in spent.cpu if name != LOAD) + sending)
    yield line("elsewhere", elsewhere(spent))
    if plain.cpu_us == 0.0:
        yield line("plain loop", f"{plain.rate:,.0f} rows/s, over before its CPU could be read")
        return
    rates = "" if is_paced else f"{spent.rate / plain.rate:.2f} of its rate for "
    yield line(
        "plain loop",
        f"{plain.rate:,.0f} rows/s at {plain.cpu_us:.1f} µs a row; "
        f"this is {rates}{spent.cpu_us / plain.cpu_us:.1f} times its CPU",
    )

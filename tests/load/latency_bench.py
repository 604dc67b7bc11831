"""From acknowledged to visible: three hops through a whole house at 1,000 scored, aligned statements a second.

    python -m tests.load.latency_bench [--rate 1000] [--seconds 12]

Statements enter over HTTP, become facts, are folded into estimates, and estimates into profiles; seen is when the
profile's row is committed. Sender, watcher and house share the machine. Statements are sent when they are due, however
late the house is, and lateness is told too, because a house that falls behind would otherwise look quick. It prints,
and judges nothing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

from cli.demo import cast
from infra.embedded.postgres import EmbeddedPostgres
from shared.kernel.ids import system_uuid7
from shared.runtime.lifecycle import launch
from tests.journeys.house import JourneyHouse, running_house
from tests.load.http_client import RawClient
from tests.load.options import asked_for
from tests.load.yardstick import LOAD, Meter, Spent, at_most, cost, in_batches, line, machine, percentile, plain_loop

BATCH: Final = 50
SENDERS: Final = 8
WATCHED_EVERY: Final = 4
GOAL_MS: Final = 500
SETTLE_SECONDS_MAX: Final = 180.0
SEEN_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.02
LOOK_REST: Final = 4.0
"""For how long the watcher rests, in times of what its look took: a house far behind is not slowed by being watched."""
CALM_LOOK_SECONDS: Final = 0.25
SECONDS_A_LINE: Final = 15
COLUMNS: Final = {"id": "uuid", "body": "bytea"}


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: how many statements a second, and for how long.

    It is one aligned statement a person: the first always moves a level, so that it must show. All are known before.
    """

    rate: int = 1_000
    seconds: float = 12.0

    @property
    def people(self) -> int:
        """How many people there are, in whole batches."""
        return max(1, round(self.rate * self.seconds / BATCH)) * BATCH


@dataclass(frozen=True, slots=True)
class Wait:
    """Of one watched statement, in seconds after the first was due: when it was due, was acknowledged and was seen."""

    due: float
    acknowledged: float
    seen: float

    @property
    def ms(self) -> float:
        """From acknowledged to visible, in milliseconds."""
        return (self.seen - self.acknowledged) * 1e3


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. spent: from the first statement until every service had heard all that followed from it.

    told: facts of learning_events. caught_up: seconds after the last acknowledgement, by service. held: streams that
    are parked and facts that were set aside, anywhere.
    """

    spent: Spent
    plain: Spent
    sent_in: float
    waits: Sequence[Wait]
    unseen: int
    told: int
    held: int
    caught_up: Mapping[str, float]


@dataclass(slots=True)
class Bench:
    """A running house, who sends to it, and what they noted, by account; times by the clock of time.monotonic."""

    house: JourneyHouse
    load: Load
    headers: Mapping[str, str]
    begun: float = 0.0
    due: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)

    async def send(self, *, is_watched: bool) -> float:
        """Send a statement about everybody and return how long it took: steadily when watched, else at once."""
        starts = iter(range(0, self.load.people, BATCH))
        self.begun = time.monotonic()
        await asyncio.gather(*(self._sender(starts, is_watched=is_watched) for _ in range(SENDERS)))
        return time.monotonic() - self.begun

    async def _sender(self, starts: Iterator[int], *, is_watched: bool) -> None:
        async with RawClient("127.0.0.1", self.house.port, "/xapi/statements", self.headers) as client:
            for start in starts:
                body = json.dumps([statement(place, is_aligned=is_watched) for place in range(start, start + BATCH)])
                due = self.begun + start / self.load.rate
                if is_watched:
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                status = await client.post(body.encode())
                if status != 200:
                    raise RuntimeError(f"statements were answered with {status}: {client.content.decode()[:300]}")
                if is_watched:
                    watched = [account(place) for place in range(start, start + BATCH, WATCHED_EVERY)]
                    self.due.update(dict.fromkeys(watched, due))
                    self.acknowledged.update(dict.fromkeys(watched, time.monotonic()))

    async def look(self, people: Mapping[str, str]) -> None:
        """Note when each awaited person first stands in a profile with a skill, by the read model's own table."""
        accounts = {person: name for name, person in people.items()}
        async with self.house.database("skill_profiles") as profiles:
            while True:
                began = time.monotonic()
                awaited = [people[name] for name in self.acknowledged.keys() - self.seen.keys()]
                rows = await profiles.fetch("SELECT DISTINCT person FROM estimates WHERE person = ANY ($1)", awaited)
                now = time.monotonic()
                self.seen.update((accounts[person], now) for (person,) in rows)
                await asyncio.sleep(max(LOOK_SECONDS, LOOK_REST * (now - began)))

    async def all_seen(self, looking: asyncio.Future[None]) -> None:
        """Return when everybody watched was seen, or when it has taken too long. Raises what the watcher raised."""
        ends_at = time.monotonic() + SEEN_SECONDS_MAX
        while not self.acknowledged.keys() <= self.seen.keys() and time.monotonic() < ends_at:
            if looking.done():
                looking.result()
            await asyncio.sleep(0.05)

    def waits(self) -> list[Wait]:
        """Return what was noted of those who were seen, in the order in which they were acknowledged."""
        times = ((self.due[name], at, self.seen[name]) for name, at in self.acknowledged.items() if name in self.seen)
        return [Wait(*(at - self.begun for at in one)) for one in times]

    async def people(self) -> dict[str, str]:
        """Return the person of each account."""
        async with self.house.database("identity") as connection:
            rows = await connection.fetch("SELECT person, identifier FROM accounts")
        return {identifier.rpartition("|")[2]: person for person, identifier in rows}

    async def services(self) -> list[dict[str, Any]]:
        """Return what each service says it told and heard."""
        with self.house.api() as api:
            answer = await asyncio.to_thread(api.get, "/v1/services")
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def caught_up(self) -> dict[str, float]:
        """Return when each service had heard all there is, once all have, by time.monotonic. Raises TimeoutError."""
        level: dict[str, float] = {}
        async with asyncio.timeout(SETTLE_SECONDS_MAX):
            while True:
                services = await self.services()
                now, told = time.monotonic(), {one["service"]: one["facts_told"] for one in services}
                behind = {one["service"] for one in services if not has_heard(one, told)}
                level = {name: level.get(name, now) for name in told if name not in behind}
                if not behind:
                    return level
                await asyncio.sleep(CALM_LOOK_SECONDS)

    def meter(self) -> Meter:
        """Return a meter of the house and of this process."""
        state = self.house.state()
        trees = {one.name: one.pid for one in state.processes}
        return Meter(alone={LOAD: os.getpid(), "supervisor": state.pid}, trees=trees)

    async def plain(self) -> Spent:
        """Insert as many of the same statements into a plain table of the house's own database."""
        postgres = self.house.state().process("postgres")
        assert postgres is not None
        dsn = EmbeddedPostgres(self.house.home.postgres, self.house.port + 1).admin_dsn
        one = json.dumps(statement(0, is_aligned=True)).encode()
        rows = ([(system_uuid7(), one) for _ in range(BATCH)] for _ in range(self.load.people // BATCH))
        return await plain_loop(dsn, postgres.pid, COLUMNS, rows, SENDERS)


def account(place: int) -> str:
    """Return the name of a person's account."""
    return f"learner-{place}"


def statement(place: int, *, is_aligned: bool) -> dict[str, Any]:
    """Return a scored statement about an activity."""
    activity = cast.ACTIVITIES[place % len(cast.ACTIVITIES)]
    at = datetime.now(UTC) - timedelta(seconds=place % 3600)
    return {
        "id": str(system_uuid7()),
        "actor": {"account": {"homePage": cast.PLATFORM_HOME, "name": account(place)}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {"id": activity.iri if is_aligned else f"{activity.iri}/unaligned"},
        "result": {"score": {"scaled": 0.8}, "success": True},
        "timestamp": at.isoformat(),
    }


def has_heard(service: Mapping[str, Any], told: Mapping[str, int]) -> bool:
    """Say whether a service has heard everything that was told."""
    return all(hearing["facts"] >= told[hearing["source"]] for hearing in service["hearings"])


async def measure(load: Load) -> Measured:
    """Return how a whole house of its own does under this load."""
    with running_house() as house:
        bench = Bench(house, load, prepared(house))
        await bench.send(is_watched=False)
        await bench.caught_up()
        meter, told = bench.meter(), await facts_told(bench)
        looking = asyncio.ensure_future(bench.look(await bench.people()))
        try:
            before = meter.read()
            sent_in = await bench.send(is_watched=True)
            ended = bench.begun + sent_in
            level, _ = await asyncio.gather(bench.caught_up(), bench.all_seen(looking))
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
        spent = meter.spent(before, load.people)
        services = await bench.services()
        held = sum(h["parked"] + h["set_aside"] for one in services for h in one["hearings"])
        waits = bench.waits()
        return Measured(
            spent,
            await bench.plain(),
            sent_in,
            waits,
            len(bench.acknowledged) - len(waits),
            await facts_told(bench) - told,
            held,
            {name: max(0.0, at - ended) for name, at in level.items()},
        )


def prepared(house: JourneyHouse) -> dict[str, str]:
    """Return what a platform sends in its headers, once its activities are aligned with skills."""
    organisation = house.answer("organisations", "create", "A platform")["id"]
    key = house.answer("keys", "create", "--organisation", organisation, "--scopes", "write,read")
    with house.api() as api:
        api.as_caller(key["secret"]).send("PUT", "/v1/alignments", cast.alignments_csv().encode(), "text/csv")
    return {
        "content-type": "application/json",
        "x-experience-api-version": "2.0.0",
        "authorization": "Basic " + base64.b64encode(f"{key['id']}:{key['secret']}".encode()).decode(),
    }


async def facts_told(bench: Bench) -> int:
    """Return how many facts learning_events has told."""
    return next(int(one["facts_told"]) for one in await bench.services() if one["service"] == "learning_events")


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    waits, late = [one.ms for one in measured.waits], [(one.acknowledged - one.due) * 1e3 for one in measured.waits]
    p99 = percentile(waits, 0.99)
    yield line("sent", f"{load.people:,} statements at {load.rate:,}/s, {BATCH} a request, one a person")
    yield line("acknowledged", f"{load.people / measured.sent_in:,.0f} statements/s in {measured.sent_in:.1f} s")
    yield line("", f"after it was due: p50 {percentile(late, 0.5):.0f} ms, p99 {percentile(late, 0.99):.0f} ms")
    yield line("visible", f"p99 {p99:.0f} ms after it was acknowledged {at_most(GOAL_MS, p99)}")
    seen = f"p50 {percentile(waits, 0.5):.0f} ms, most {max(waits, default=0.0):.0f} ms"
    yield line("", f"{seen}; {len(waits):,} watched, {measured.unseen} never seen")
    yield from by_second(measured.waits)
    record, others = measured.caught_up["record_log"], set(measured.caught_up) - {"record_log"}
    last = max(others, key=lambda name: measured.caught_up[name])
    yield line("heard all", f"record_log {record:.1f} s after the last acknowledgement")
    yield line("", f"{last} {measured.caught_up[last]:.1f} s, the last of the others")
    yield from cost(measured.spent, measured.plain, "statement", is_paced=True)


def by_second(waits: Sequence[Wait]) -> Iterator[str]:
    """Yield median and most of the waits by the second in which the statement was acknowledged: spikes show."""
    seconds: defaultdict[int, list[float]] = defaultdict(list)
    for wait in waits:
        seconds[int(wait.acknowledged)].append(wait.ms)
    for row in in_batches(sorted(seconds), SECONDS_A_LINE):
        for label, of in ((f"from {row[0]} s, p50", median), ("    and most", max)):
            yield line(label, " ".join(f"{of(seconds[second]):5.0f}" for second in row))


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "latency_bench", "Acknowledged to visible")
    print(line("machine", machine()))
    print(*report(load, launch(measure(load))), sep="\n")


if __name__ == "__main__":
    main()

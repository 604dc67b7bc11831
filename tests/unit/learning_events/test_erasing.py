"""Who was erased is erased twice before identity may forget by which accounts they were named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from services.learning_events.domain.erased_identifiers import Redaction
from services.learning_events.handlers.erasing import CLOCKS_APART, ErasingPeople
from services.learning_events.jobs import Erasing
from services.learning_events.store.erasures import DueErasure, PostgresErasures
from shared.kernel.errors import Unavailable

AT = datetime(2026, 3, 1, tzinfo=UTC)


class Story:
    """Everything an erasure touches, and what happened to it in which order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.removed: list[tuple[str, Redaction]] = []
        self.waiting = [DueErasure("prs_A", AT, False), DueErasure("prs_B", AT + timedelta(days=1), False)]
        self.is_identity_away = False
        self.again_seconds: list[float] = []

    async def due(self, limit: int) -> list[DueErasure]:
        return self.waiting[:limit]

    async def again(self, person: str, after: timedelta) -> None:
        self.again_seconds.append(after.total_seconds())
        self.waiting = [
            DueErasure(one.person, one.erased_at, one.is_last or one.person == person) for one in self.waiting
        ]

    async def done(self, person: str) -> None:
        self.told.append(f"done {person}")
        self.waiting = [one for one in self.waiting if one.person != person]

    async def erased_accounts(self, person: str) -> Sequence[tuple[str, str]]:
        if self.is_identity_away:
            raise Unavailable("identity is away", 0)
        return [("org_1", f"mbox:{person}@x.example"), (f"org_{person}", f"mbox:{person}@y.example")]

    async def forget_erased(self, person: str) -> None:
        self.told.append(f"forget {person}")

    async def remove(self, organisation: str, redaction: Redaction) -> None:
        self.told.append(f"remove {organisation}")
        self.removed.append((organisation, redaction))

    async def erase(self, person: str) -> None:
        self.told.append(f"erase {person}")


async def until_empty(story: Story) -> None:
    people = ErasingPeople(story, story, [story])
    job = asyncio.create_task(Erasing(cast("PostgresErasures", cast("Any", story)), people, 60).run())
    try:
        async with asyncio.timeout(10):
            while story.waiting:
                await asyncio.sleep(0)
    finally:
        job.cancel()


async def test_everything_is_done_twice_and_identity_forgets_at_the_end() -> None:
    story = Story()
    await until_empty(story)
    once = ["erase prs_A", "erase prs_B", "remove org_1", "remove org_prs_A", "remove org_prs_B"]
    ends = ["forget prs_A", "done prs_A", "forget prs_B", "done prs_B"]
    assert story.told == [*once, *once, *ends]
    assert story.again_seconds == [60, 60]


async def test_one_look_at_an_organisation_serves_all_who_are_due_each_until_their_own_time() -> None:
    story = Story()
    await until_empty(story)
    organisation, redaction = story.removed[0]
    assert organisation == "org_1"
    assert redaction.people == ["prs_A", "prs_B"]
    later = redaction.until_then(AT + CLOCKS_APART + timedelta(seconds=1))
    assert later.people == ["prs_B"]


async def test_what_is_the_persons_own_goes_while_identity_is_away_and_nothing_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.learning_events.jobs.OUTAGE_SECONDS", 0.01)
    story = Story()
    story.is_identity_away = True
    job = asyncio.create_task(until_empty(story))
    async with asyncio.timeout(10):
        while len(story.told) < 4:
            await asyncio.sleep(0.005)
    assert set(story.told) == {"erase prs_A", "erase prs_B"}
    story.is_identity_away = False
    await job
    assert story.told[-1] == "done prs_B"

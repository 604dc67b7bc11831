"""State is a function of the set of facts: whatever way they come, the same bits stand, and a rebuild finds them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from services.skill_inference.domain.alignment import targets
from services.skill_inference.domain.alignment_csv import parse_alignments
from services.skill_inference.domain.claims import claimable_level
from services.skill_inference.domain.estimate import Estimate
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.people import People
from services.skill_inference.domain.reading import Evidence, observations
from services.skill_inference.domain.revision import presentable
from services.skill_inference.domain.sorting import sort_out
from services.skill_inference.domain.telling import MOVE_MIN
from shared.events.event import decode
from shared.events.fact import Fact
from shared.events.learning_events import Score
from shared.events.project_submissions import Mark
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House, Tenant, inference_house, line, table
from tests.suites.skill_inference.owners import NOW, Owners
from tests.unit.skill_inference.people import APIS, DRIFT, framework, release, rules

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACTIVITIES = ("https://lms.example/a", "https://lms.example/b", "https://lms.example/not-aligned")
LINES = (line(ACTIVITIES[0], APIS, 0.5), line(ACTIVITIES[1], DRIFT, -0.5), line(ACTIVITIES[1], APIS, -0.5))
SKILLS = (APIS, DRIFT)

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Stories are short as they are drawn; to shrink one asks a database for minutes."""

Operation = tuple[Any, ...]

_persons = st.integers(0, 2)
_hours = st.integers(-30_000, 30)
_operations = st.lists(
    st.one_of(
        st.tuples(st.just("statement"), _persons, st.integers(0, 2), _hours, st.sampled_from((0.0, 0.4, 1.0, 7.0))),
        st.tuples(st.just("review"), _persons, st.integers(0, 1), st.integers(0, 5), _hours, st.integers(0, 2)),
        st.tuples(st.just("void"), _persons, st.integers(0, 4)),
        st.tuples(st.just("merge"), _persons, _persons),
        st.tuples(st.just("split"), _persons, _persons),
        st.tuples(st.just("erase"), _persons, st.sampled_from((IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS))),
    ),
    min_size=1,
    max_size=14,
)


class Story:
    """What the owners told of three people, from a list of operations."""

    def __init__(self, owners: Owners, organisation: str) -> None:
        self.people = [system_id("person") for _ in range(3)]
        self.facts: list[Fact] = []
        self._owners = owners
        self._organisation = organisation
        self._statements: defaultdict[str, list[str]] = defaultdict(list)

    def tell(self, operation: Operation) -> None:
        kind, person, *rest = operation
        told: Any = getattr(self, f"_{kind}")(self.people[person], *rest)
        self.facts += [told] if isinstance(told, Fact) else told or []

    def _statement(self, person: str, activity: int, hours: int, scaled: float) -> Fact:
        self._statements[person].append(name := f"{person} {len(self._statements[person])}")
        at, score = NOW + timedelta(hours=hours), Score(scaled=scaled)
        where = ACTIVITIES[activity]
        return self._owners.statement(
            person, self._organisation, where, at=at, success=None, score=score, statement=name
        )

    def _review(self, person: str, project: int, value: int, hours: int, reviewer: int) -> Fact:
        marks = [Mark(criterion=skill, skill=skill, layer="", value=value) for skill in (*SKILLS, "no.skill")]
        at = NOW + timedelta(hours=hours)
        return self._owners.review(person, f"prj_{project}", self.people[reviewer], marks, at=at)

    def _void(self, person: str, which: int) -> Fact:
        return self._owners.voided(person, self._organisation, f"{person} {which}")

    def _merge(self, person: str, other: int) -> list[Fact]:
        alias = self.people[other]
        # As identity does it: an alias is merged into nobody else, and nobody becomes part of their own alias.
        return [] if person == alias else self._owners.merged(person, alias)

    def _split(self, person: str, other: int) -> list[Fact]:
        return [] if person == self.people[other] else self._owners.split(person, self.people[other])

    def _erase(self, person: str, source: Any) -> Fact:
        return self._owners.erased(source, person)

    def expected(self, organisation: str) -> dict[str, dict[str, Estimate]]:
        """What is to be said of each, from the facts as their owners have them now."""
        streams = {(fact.source, fact.subject) for fact in self.facts}
        facts = [fact for stream in sorted(streams) for fact in self._owners.facts(*stream)]
        heard = [(fact, None if fact.data is None else decode(fact.type, fact.data)) for fact in facts]
        testimony = sort_out(heard, framework().skills)
        links: dict[str, str] = {}
        for link in testimony.links:
            links.pop(link.alias, None)
            if link.canonical is not None:
                links[link.alias] = link.canonical
        people = People(links)
        shows = {organisation: targets(parse_alignments(table(*LINES), framework().skills).rows)}
        found = {}
        for person in self.people:
            canonical = people.canonical(person)
            members = people.members(canonical)
            void = {(one.organisation, one.statement) for one in testimony.voidings if one.subject in members}
            statements = tuple(
                one
                for one in testimony.statements
                if one.subject in members and (one.organisation, one.statement) not in void
            )
            reviews = tuple(one for one in testimony.reviews if one.subject in members)
            seen = observations(Evidence(statements, reviews), shows, framework().skills, members)
            said = presentable(fold(seen, release()), release())
            found[person] = said if canonical == person else {}
        return found


async def matches(house: House, story: Story, tenant: Tenant) -> None:
    """Assert that answers have the expected bits, and that what stands told is near enough to them."""
    for person, expected in story.expected(tenant.id).items():
        standing = await house.standing(person)
        assert standing.keys() == expected.keys()
        for skill, said in expected.items():
            assert abs(standing[skill].mean - said.mean) <= MOVE_MIN
        if expected:
            answered = await house.estimates(person)
            bits = {skill: (repr(one.mean), repr(one.variance), one.works) for skill, one in answered.items()}
            assert bits == {skill: (repr(one.mean), repr(one.variance), one.works) for skill, one in expected.items()}
            rows = await house.rows("SELECT skill, claim FROM told WHERE person = $1", person)
            assert dict(rows) == {skill: claimable_level(one, rules().standard) for skill, one in expected.items()}


def deal(facts: Sequence[Fact], chance: random.Random) -> list[list[Fact]]:
    """Return the facts in batches: shuffled, with duplicates, some missing until the end."""
    dealt = [*facts, *chance.sample(facts, len(facts) // 2)]
    chance.shuffle(dealt)
    batches: list[list[Fact]] = [[]]
    for fact in dealt:
        batches[-1].append(fact)
        if chance.random() < 0.3:
            batches.append([])
    return [*(batch for batch in batches if batch), list(facts)]


@settings(max_examples=25, deadline=None, phases=PHASES)
@given(_operations, st.randoms(use_true_random=False))
async def test_facts_in_any_order_batches_and_repetition_lead_to_the_same_bits(
    house: House, operations: list[Operation], chance: random.Random
) -> None:
    tenant = house.organisation()
    await tenant.align(*LINES)
    story = Story(house.owners, tenant.id)
    for operation in operations:
        story.tell(operation)
    for batch in deal(story.facts, chance) if story.facts else []:
        await house.hear(batch)
    await house.settle()
    await matches(house, story, tenant)


@settings(max_examples=10, deadline=None, phases=PHASES)
@given(_operations)
async def test_facts_heard_as_they_happen_lead_there_too(house: House, operations: list[Operation]) -> None:
    """Erasures are heard after what they erase was heard whole."""
    tenant = house.organisation()
    await tenant.align(*LINES)
    story = Story(house.owners, tenant.id)
    for operation in operations:
        before = len(story.facts)
        story.tell(operation)
        await house.hear(story.facts[before:])
    await house.settle()
    await matches(house, story, tenant)


async def test_the_rebuilt_state_of_everybody_here_is_the_live_one(house: House) -> None:
    progress = await house.rebuild()
    assert progress.facts > 0
    assert progress.live_digest == progress.rebuilt_digest


async def test_alignments_that_come_late_lead_to_the_same_bits(house: House, rng: random.Random) -> None:
    tenant = house.organisation()
    story = Story(house.owners, tenant.id)
    for number in range(30):
        story.tell(("statement", number % 3, number % 2, -rng.randrange(30_000), rng.random()))
    await house.hear(story.facts)
    await tenant.align(*LINES)
    await matches(house, story, tenant)


async def test_a_restart_in_between_changes_no_bit(house: House, servers: Any, rng: random.Random) -> None:
    service = "skill_inference_restarted"
    owners = Owners()
    where = servers.postgres.admin_dsn, servers.broker.address
    async with inference_house(*where, owners, service=service) as first:
        tenant = first.organisation()
        await tenant.align(*LINES)
        story = Story(owners, tenant.id)
        for number in range(20):
            story.tell(("statement", number % 2, number % 2, -rng.randrange(30_000), rng.random()))
        await first.hear(story.facts)
    middle = len(story.facts)
    async with inference_house(*where, owners, service=service) as second:
        for number in range(20):
            story.tell(("statement", number % 2, number % 2, -rng.randrange(30_000), rng.random()))
        await second.hear(story.facts[middle:])
        await matches(second, story, Tenant(second, tenant.id))

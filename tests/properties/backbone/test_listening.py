"""A listener as a machine: facts are told, delivered in any way, broken, mended, skipped and redriven, step by step.

The machine holds what Postgres would: positions and what was applied. Between them stands the code that decides,
`Batch` and `decide`, with the owner's history as the feed. What is compared is a model that knows the whole stream.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.events.fact import Fact
from shared.events.learning_events import StatementRecorded
from shared.events.sources import LEARNING_EVENTS
from shared.kernel.ids import Subject
from shared.runtime.batch import Batch, by_stream, decide
from shared.runtime.positions import NOWHERE, Park, StreamKey
from shared.runtime.stream_rules import Position, step

from .facts import SOUND, fact

SUBJECTS = ("ada", "bea")
TYPES = frozenset({StatementRecorded.type})
subjects = st.sampled_from(SUBJECTS)


def key_of(subject: str) -> StreamKey:
    return StreamKey(LEARNING_EVENTS.name, Subject(subject))


class Listening(RuleBasedStateMachine):
    """One listener of two streams."""

    def __init__(self) -> None:
        super().__init__()
        self.owner: dict[str, list[Fact]] = {subject: [] for subject in SUBJECTS}
        self.positions: dict[StreamKey, Position] = {}
        self.parks: dict[StreamKey, Park] = {}
        self.applied: dict[str, list[int]] = {subject: [] for subject in SUBJECTS}

    @rule(subject=subjects, is_sound=st.booleans())
    def tell(self, subject: str, is_sound: bool) -> None:
        number = len(self.owner[subject]) + 1
        self.owner[subject].append(fact(subject, number, data=SOUND if is_sound else b'{"verb": 1}'))

    @rule(choices=st.lists(st.tuples(subjects, st.integers(0, 30)), max_size=12))
    def deliver(self, choices: list[tuple[str, int]]) -> None:
        """Any facts told so far, in any order, any number of times; the rest may come later or never."""
        self._hear([self.owner[subject][n % len(self.owner[subject])] for subject, n in choices if self.owner[subject]])

    @rule(subject=subjects)
    def check_tail(self, subject: str) -> None:
        """The owner's head is compared with ours."""
        self._hear(self.owner[subject][-1:])

    @precondition(lambda self: self.parks)
    @rule(is_mended=st.booleans())
    def redrive(self, is_mended: bool) -> None:
        key, park = min(self.parks.items())
        if is_mended:
            told = self.owner[key.subject]
            told[park.number - 1] = told[park.number - 1]._replace(data=SOUND)
        self._unpark(key)
        self._hear(self.owner[key.subject])

    @precondition(lambda self: self.parks)
    @rule()
    def skip(self) -> None:
        key, park = max(self.parks.items())
        before = self.positions.get(key, NOWHERE)
        told = self.owner[key.subject][park.number - 1]
        self.positions[key] = Position(told.number, told.id, False, before.skipped | {told.number})
        del self.parks[key]
        self._hear(self.owner[key.subject])

    def _unpark(self, key: StreamKey) -> None:
        del self.parks[key]
        self.positions[key] = self.positions.get(key, NOWHERE)._replace(is_parked=False)

    def _hear(self, facts: list[Fact]) -> None:
        batch = Batch()
        for key, arrived in by_stream(facts).items():
            position, complete = self.positions.get(key, NOWHERE), list(arrived)
            while (missing := step(position, complete).missing) is not None:
                complete += self.owner[key.subject][missing.first - 1 : missing.last]
            batch.add(key, complete, TYPES)
        decision = decide(batch, self.positions, TYPES)
        for heard in decision.ready:
            self.applied[heard.fact.subject].append(heard.fact.number)
        for key, last in decision.last.items():
            self.positions[key] = self.positions.get(key, NOWHERE)._replace(number=last.number, fact_id=last.id)
        for key, park in decision.parks.items():
            self.parks[key] = park
            self.positions[key] = self.positions.get(key, NOWHERE)._replace(is_parked=True)

    @invariant()
    def each_fact_is_applied_once_in_order_but_those_skipped(self) -> None:
        for subject in SUBJECTS:
            position = self.positions.get(key_of(subject), NOWHERE)
            expected = [number for number in range(1, position.number + 1) if number not in position.skipped]
            assert self.applied[subject] == expected

    @invariant()
    def a_stream_is_parked_at_the_broken_fact_that_comes_next_and_at_no_other(self) -> None:
        for key, park in self.parks.items():
            assert park.number == self.positions[key].number + 1
            assert self.owner[key.subject][park.number - 1].data != SOUND

    def teardown(self) -> None:
        """In the end every tail is checked: nothing is left behind but what is parked."""
        for subject in SUBJECTS:
            self.check_tail(subject)
            if key_of(subject) not in self.parks:
                assert self.positions.get(key_of(subject), NOWHERE).number == len(self.owner[subject])


TestListening = Listening.TestCase
TestListening.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

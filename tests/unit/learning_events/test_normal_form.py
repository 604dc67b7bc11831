"""What a statement says in short."""

from __future__ import annotations

from datetime import UTC, datetime

from services.learning_events.domain.faults import Faults
from services.learning_events.domain.normal_form import (
    FACT_TEXT_BYTES_MAX,
    NormalEvent,
    Score,
    check_fits_fact,
    normal_form,
)
from shared.events.learning_events import Score as ToldScore
from shared.events.learning_events import StatementRecorded
from tests.unit.learning_events.samples import ACTIVITY, ADA, BEN, ID, OTHER_ID, full, small

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DIGEST = bytes(range(32))


def test_the_normal_form_says_what_the_statement_says() -> None:
    assert normal_form(full(), ID, NOW, DIGEST) == NormalEvent(
        statement_id=ID,
        actor="account:https://lms.example|4711",
        is_group=False,
        verb="http://adlnet.gov/expapi/verbs/answered",
        object_id=ACTIVITY,
        object_type="Activity",
        score=Score(0.5, 5, 0, 10),
        success=True,
        completion=False,
        duration_seconds=90.256,
        registration="ec531277-b57b-4c15-8d91-d292c5b2b8f7",
        occurred_at=datetime(2026, 3, 1, 9, 30, 0, 123_456, tzinfo=UTC),
        digest=DIGEST,
        is_voiding=False,
    )


def test_a_statement_without_a_timestamp_happened_when_it_came_in() -> None:
    assert normal_form(small(), ID, NOW, DIGEST).occurred_at == NOW


def test_what_a_statement_does_not_say_is_none() -> None:
    event = normal_form(small(), ID, NOW, DIGEST)
    assert (event.score, event.success, event.completion, event.duration_seconds, event.registration) == (None,) * 5


def test_only_an_activity_has_an_activity_id() -> None:
    about_person = normal_form(small(object={"objectType": "Agent", **ADA}), ID, NOW, DIGEST)
    assert (about_person.object_id, about_person.activity_id) == ("account:https://lms.example|4711", None)
    assert normal_form(small(), ID, NOW, DIGEST).activity_id == ACTIVITY


def test_a_sub_statement_is_told_by_what_it_is_about_and_is_no_activity() -> None:
    sub = {"objectType": "SubStatement", "actor": BEN, "verb": {"id": "a:b"}, "object": {"id": "a:c"}}
    event = normal_form(small(object=sub), ID, NOW, DIGEST)
    assert (event.object_type, event.object_id, event.activity_id) == ("SubStatement", "a:c", None)


def test_a_voiding_statement_names_the_one_it_voids_in_lower_case() -> None:
    void = small(
        verb={"id": "http://adlnet.gov/expapi/verbs/voided"},
        object={"objectType": "StatementRef", "id": OTHER_ID.upper()},
    )
    event = normal_form(void, ID, NOW, DIGEST)
    assert event.is_voiding
    assert event.voided_id == OTHER_ID


def test_a_reference_under_another_verb_voids_nothing() -> None:
    event = normal_form(small(object={"objectType": "StatementRef", "id": OTHER_ID}), ID, NOW, DIGEST)
    assert event.voided_id is None


def test_a_group_is_told_as_one() -> None:
    event = normal_form(small(actor={"objectType": "Group", "member": [BEN]}), ID, NOW, DIGEST)
    assert event.is_group
    assert event.actor == f"anonymous:{ID}"


def test_identifiers_at_the_bound_fit_a_fact_and_one_byte_more_is_refused_at_the_longest() -> None:
    actor = 'account:https://lms.example|"' + "ä" * 200
    free = FACT_TEXT_BYTES_MAX - len(actor.encode()) - 1 - len("a:b")
    for over in (0, 1):
        event = _event(actor, "a:b", "x:" + "y" * (free - 2 + over))
        faults = Faults()
        check_fits_fact(event, "/3", faults)
        assert [fault.pointer for fault in faults.listed] == ["/3/object"] * over
        if not over:
            assert len(_told(event).encode()) <= 2_048


def _event(actor: str, verb: str, object_id: str) -> NormalEvent:
    score = Score(-0.123456789012345, -1.7976931348623157e308, -1.7976931348623157e308, 1.7976931348623157e308)
    return NormalEvent(
        ID, actor, False, verb, object_id, "SubStatement", score, False, False, 1e15, OTHER_ID, NOW, DIGEST, False
    )


def _told(event: NormalEvent) -> StatementRecorded:
    score = event.score
    assert score is not None
    return StatementRecorded(
        statement=event.statement_id,
        account=event.actor,
        verb=event.verb,
        object=event.object_id,
        object_type=event.object_type,
        score=ToldScore(scaled=score.scaled, raw=score.raw, min=score.min, max=score.max),
        success=event.success,
        completion=event.completion,
        duration_seconds=event.duration_seconds,
        registration=event.registration,
        digest=f"sha256:{event.digest.hex()}",
        is_test=False,
    )

"""What is told of a person: whole, within a fact's bounds, and only what moved."""

from __future__ import annotations

import math
from dataclasses import replace

from services.skill_inference.domain.claims import claimable_level
from services.skill_inference.domain.explanation import parted
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Assurance, Observation
from services.skill_inference.domain.revision import estimate_data, merged_away, presentable, revisions
from services.skill_inference.domain.state import PersonState
from services.skill_inference.domain.telling import Told
from shared.events.event import decode
from shared.events.fact import DATA_BYTES_MAX
from shared.events.skill_estimates import EstimateRevised, EstimateWithdrawn
from tests.unit.skill_inference.people import APIS, DRIFT, framework, outcome, release, reviewed_works, rules


def _much(fact_length: int) -> PersonState:
    """Evidence of every kind with ids of `fact_length` characters."""
    seen: list[Observation] = [*reviewed_works(12, (3, 4), 4)]
    for kind in Assurance:
        work = "prj-x" if kind is Assurance.DEPLOYMENT else None
        seen += [outcome(n, task=f"{kind} {n}", assurance=kind, work=work) for n in range(30)]
    return fold([replace(one, fact=f"{number:0{fact_length}}") for number, one in enumerate(seen)], release())


def _event(state: PersonState) -> EstimateRevised:
    said, rule = presentable(state, release())[APIS], rules().standard
    data = estimate_data(state, parted(state), said, claimable_level(said, rule), framework(), release(), rule)
    event = decode(EstimateRevised.type, data)
    assert isinstance(event, EstimateRevised)
    assert data == event.encode()
    return event


def _sum(event: EstimateRevised) -> float:
    return event.prior + math.fsum(event.contributions.logits) + event.contributions_rest


def test_twenty_contributions_fit_under_ids_as_they_are() -> None:
    event = _event(_much(36))
    assert len(event.contributions.facts) == 20
    assert len(event.assurance_mix) == len(Assurance)
    assert len(event.encode()) <= DATA_BYTES_MAX
    assert abs(_sum(event) - event.mean) <= 1e-9


def test_fewer_are_told_where_twenty_would_not_fit_and_the_sum_stays_whole() -> None:
    event = _event(_much(90))
    assert 0 < len(event.contributions.facts) < 20
    assert len(event.encode()) <= DATA_BYTES_MAX
    assert event.contributions_rest_count + len(event.contributions.facts) == 24 + 30 * 4
    assert abs(_sum(event) - event.mean) <= 1e-9


def test_none_is_told_where_one_would_not_fit() -> None:
    event = _event(_much(2_000))
    assert event.contributions.facts == ()
    assert len(event.encode()) <= DATA_BYTES_MAX


def test_an_event_is_read_as_it_was_told() -> None:
    event = _event(_much(36))
    assert decode(event.type, event.encode()) == event


def test_contributions_are_listed_largest_first_with_their_source() -> None:
    event = _event(_much(36))
    listed = event.contributions.listed()
    assert [abs(logits) for _, _, logits in listed] == sorted((abs(one[2]) for one in listed), reverse=True)
    assert {source for _, source, _ in listed} == {"learning_events", "project_submissions"}


def test_what_is_told_once_is_not_told_again() -> None:
    state = fold([outcome(1), outcome(2, DRIFT)], release())
    first = revisions(state, {}, framework(), release(), rules().standard)
    told = {one.skill: one.told for one in first if one.told is not None}
    assert [one.skill for one in first] == [APIS, DRIFT]
    assert revisions(state, told, framework(), release(), rules().standard) == []


def test_what_has_no_evidence_of_weight_any_more_is_withdrawn() -> None:
    state = fold([outcome(1, assurance=Assurance.SELF_CLAIM)], release())
    (one,) = revisions(state, {APIS: Told(0.3, "0-x", 0)}, framework(), release(), rules().standard)
    assert decode(one.type, one.data) == EstimateWithdrawn(skill=APIS, reason="no-evidence")
    assert one.told is None


def test_who_is_part_of_another_withdraws_everything() -> None:
    told = {DRIFT: Told(0.3, "0-x", 0), APIS: Told(0.1, "0-x", 2)}
    assert [decode(one.type, one.data) for one in merged_away(told)] == [
        EstimateWithdrawn(skill=APIS, reason="merged"),
        EstimateWithdrawn(skill=DRIFT, reason="merged"),
    ]


def test_an_estimate_is_as_of_its_own_last_evidence() -> None:
    state = fold([outcome(1), outcome(900, DRIFT)], release())
    shown = presentable(state, release())
    assert [shown[skill].as_of for skill in (APIS, DRIFT)] == [
        shown[skill].newest_evidence_at for skill in (APIS, DRIFT)
    ]
    assert shown[APIS].as_of < shown[DRIFT].as_of


def test_an_estimate_names_the_rule_it_is_held_to_and_the_level_that_may_be_claimed() -> None:
    rule = rules().standard
    sound = _event(fold(reviewed_works(3, (4, 4), 4), release()))
    assert (sound.claim, sound.claim_rule) == (3, rule.id)
    assert _event(fold([outcome(1)], release())).claim == 0


def test_an_estimate_told_before_rules_were_named_is_still_spelled_without_one() -> None:
    event = _event(_much(36)).model_copy(update={"claim": None, "claim_rule": None})
    assert b'"claim' not in event.encode()
    assert decode(event.type, event.encode()) == event

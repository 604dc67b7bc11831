"""Explanations, gaps and suggestions as services are answered, over a database."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

import pytest

from deedlog.skill_inference.v1 import explanation_pb2, gap_pb2
from shared.events.fact import Fact
from shared.kernel.errors import NotFound, Rejected
from shared.kernel.ids import system_id
from shared.runtime.grpc import kernel_errors
from tests.suites.skill_inference.house import House
from tests.suites.skill_inference.test_hearing import marks
from tests.unit.skill_inference.people import APIS, roles, rules

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROLE = "ml-operations-engineer"


async def _reviewed(house: House, works: int = 3) -> list[Fact]:
    """Have heard of a new person with so many works, each marked 4 on the whole rubric by two reviewers."""
    person = system_id("person")
    facts = [
        house.owners.review(person, f"prj-{person}-{work}", f"prs_r{reviewer}", marks(4))
        for work in range(works)
        for reviewer in range(2)
    ]
    await house.hear(facts)
    return facts


async def _explained(house: House, person: str, **more: Any) -> explanation_pb2.ExplainEstimateResponse:
    with kernel_errors("skill_inference"):
        return await house.rpc.ExplainEstimate(
            explanation_pb2.ExplainEstimateRequest(person=person, skill=APIS, **more)
        )


async def _gap(house: House, person: str, role: str = ROLE) -> gap_pb2.Gap:
    with kernel_errors("skill_inference"):
        return (await house.rpc.ComputeGap(gap_pb2.ComputeGapRequest(person=person, role=role))).gap


async def test_all_pages_of_an_explanation_sum_to_mean_minus_prior(house: House) -> None:
    facts = await _reviewed(house)
    token, logits, pages = "", [], 0
    while True:
        page = await _explained(house, facts[0].subject, page_size=4, page_token=token)
        logits += [one.logits for one in page.estimate.contributions]
        whole = math.fsum((*(one.logits for one in page.estimate.contributions), page.estimate.contributions_rest))
        assert abs(whole - (page.estimate.mean - page.estimate.prior)) <= 1e-9
        pages += 1
        if not (token := page.next_page_token):
            break
    assert (pages, len(logits), page.contributions_count) == (2, 6, 6)
    assert abs(math.fsum(logits) - (page.estimate.mean - page.estimate.prior)) <= 1e-9
    assert [one.months for one in page.outlook] == [6, 12]
    assert page.estimate.claim_rule == rules().standard.id


async def test_a_page_of_an_explanation_that_no_longer_stands_is_refused(house: House) -> None:
    facts = await _reviewed(house)
    person = facts[0].subject
    first = await _explained(house, person, page_size=2)
    await house.hear(house.owners.review(person, "prj-later", "prs_r0", marks(1)))
    with pytest.raises(Rejected, match="moved since"):
        await _explained(house, person, page_size=2, page_token=first.next_page_token)


async def test_without_a_fact_is_what_the_others_alone_lead_to(house: House) -> None:
    facts = await _reviewed(house)
    asked = await _explained(house, facts[0].subject, without_facts=[facts[-1].id, "unheard-of"])
    assert list(asked.without.removed) == [facts[-1].id]
    assert 0 < asked.without.estimate.mean < asked.estimate.mean
    assert asked.without.estimate.observations == 5
    everything = await _explained(house, facts[0].subject, without_facts=[fact.id for fact in facts])
    assert not everything.without.HasField("estimate")


async def test_a_gap_names_every_skill_of_the_role_and_what_operational_work_covers(house: House) -> None:
    facts = await _reviewed(house)
    gap = await _gap(house, facts[0].subject)
    demands = roles().roles[ROLE].demands
    assert [(one.skill, one.target, one.weight) for one in gap.skills] == [tuple(astuple(one)) for one in demands]
    assert gap.readiness_low <= gap.readiness <= gap.readiness_high
    assert 0 < gap.unseen < 1
    assert APIS in gap.experience.skills
    seen = next(one for one in gap.skills if one.skill == APIS)
    assert (seen.works, seen.operational_works, seen.raters, seen.is_reached) == (3, 3, 2, True)


async def test_an_alias_has_the_gap_of_whom_it_is_part_of(house: House) -> None:
    facts = await _reviewed(house)
    person, alias = facts[0].subject, system_id("person")
    await house.hear(house.owners.merged(person, alias))
    assert (await _gap(house, alias)).person == person


async def test_suggestions_come_by_gain_times_chance_and_as_many_as_asked_for(house: House) -> None:
    facts = await _reviewed(house)
    asked = gap_pb2.SuggestEvidenceRequest(person=facts[0].subject, role=ROLE, limit=7)
    answer = await house.rpc.SuggestEvidence(asked)
    worth = [one.gain * one.chance for one in answer.suggestions]
    assert len(worth) == 7
    assert worth == sorted(worth, reverse=True)
    assert all(one.chance_after > one.chance for one in answer.suggestions)
    assert answer.readiness == pytest.approx((await _gap(house, facts[0].subject)).readiness, abs=1e-9)


async def test_a_role_or_a_skill_that_is_not_there_is_said_not_to_be(house: House) -> None:
    person = system_id("person")
    with pytest.raises(NotFound, match=ROLE):
        await _gap(house, person, "astronaut")
    with pytest.raises(NotFound, match="nothing is said"):
        await _explained(house, person)
    assert (await _gap(house, person)).unseen == 1.0


async def test_questions_beyond_their_bounds_are_refused(house: House) -> None:
    person = system_id("person")
    with pytest.raises(Rejected, match="/page_size"):
        await _explained(house, person, page_size=1_001)
    with pytest.raises(Rejected, match="/without_facts"):
        await _explained(house, person, without_facts=["x"] * 101)
    with pytest.raises(Rejected, match="/limit"), kernel_errors("skill_inference"):
        await house.rpc.SuggestEvidence(gap_pb2.SuggestEvidenceRequest(person=person, role=ROLE, limit=101))

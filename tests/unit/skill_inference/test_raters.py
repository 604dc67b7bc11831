"""From kept reviews to a report of reviewers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pytest

from services.skill_inference.domain.observation import Mark
from services.skill_inference.domain.people import People
from services.skill_inference.handlers import raters
from services.skill_inference.handlers.raters import KeptReview, Sittings, rater_report, read_sittings, spreads
from tests.unit.skill_inference.people import APIS, DRIFT, release

SKILLS = {APIS, DRIFT}


def kept(subject: str, reviewer: str, value: int = 3, skill: str = APIS) -> KeptReview:
    return KeptReview(subject, f"work of {subject}", reviewer, (Mark("c", skill, value),))


class Desk:
    """Reviews in memory."""

    def __init__(
        self, reviews: Sequence[KeptReview], aliases: Mapping[str, str] = {}, out: Collection[str] = ()
    ) -> None:
        self.reviews, self.links, self.out = reviews, aliases, out

    async def newest_reviews(self, limit: int, of_one: int) -> Sequence[KeptReview]:
        return self.reviews[:limit]

    async def people(self, persons: Collection[str]) -> People:
        return People(self.links)

    async def opted_out(self, members: Mapping[str, Collection[str]]) -> Collection[str]:
        return {person for person, ids in members.items() if {*ids} & {*self.out}}


async def test_two_ids_of_one_reviewer_are_one_reviewer() -> None:
    sittings = await read_sittings(Desk([kept("p", "a"), kept("q", "b")], {"b": "a"}))
    (found,) = rater_report(sittings, release(), SKILLS).raters
    assert (found.severity.reviewer, found.links.people) == ("a", 2)


async def test_a_review_of_oneself_under_another_id_is_none() -> None:
    sittings = await read_sittings(Desk([kept("a", "b")], {"b": "a"}))
    assert rater_report(sittings, release(), SKILLS).raters == ()


async def test_who_opted_out_is_left_out_with_reviews_by_and_of_them_whichever_id_said_so() -> None:
    desk = Desk([kept("p", "a"), kept("a", "c"), kept("q", "c")], {"b": "a"}, out={"b"})
    sittings = await read_sittings(desk)
    assert ([person for person, _ in sittings.reviews], sittings.left_out) == (["q"], 2)


async def test_only_so_many_reviews_are_read_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raters, "SITTINGS_MAX", 2)
    whole = await read_sittings(Desk([kept("p", "a"), kept("q", "a")]))
    more = await read_sittings(Desk([kept("p", "a"), kept("q", "a"), kept("r", "a")]))
    assert (len(whole.reviews), whole.is_newest_only) == (2, False)
    assert (len(more.reviews), more.is_newest_only) == (2, True)


def test_marks_on_skills_that_are_no_more_are_passed_over() -> None:
    assert rater_report(Sittings((("p", kept("p", "a", skill="lost")),), False, 0), release(), SKILLS).raters == ()


def test_who_marks_the_same_works_lower_than_others_is_harsher() -> None:
    reviews = [(f"p{n}", kept(f"p{n}", who, mark)) for n in range(8) for who, mark in (("low", 1), ("high", 4))]
    high, low = rater_report(Sittings(tuple(reviews), False, 0), release(), SKILLS).raters
    assert low.severity.severity > 0 > high.severity.severity
    assert low.links.shared_works == 8


def test_the_spreads_of_a_sitting_are_those_of_the_release() -> None:
    found = spreads(release(), 4.0)
    assert found.person == pytest.approx(3.1)
    assert found.mark == pytest.approx(0.5)

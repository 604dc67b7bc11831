"""A link under any order of tries, times and ends behaves like the plainest model of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.account_links import (
    CODE_BYTES,
    LIFETIME,
    TRIES_MAX,
    Claim,
    LinkNotOpen,
    code_digest,
    propose_link,
)
from shared.kernel.ids import PersonId

START = datetime(2026, 1, 1, tzinfo=UTC)
ONE, OTHER = PersonId("prs_one"), PersonId("prs_other")
codes = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES)
actions = st.lists(st.sampled_from(["right", "wrong", "undo", "wait"]), max_size=20)


@given(codes, actions)
def test_a_link_opens_to_the_right_code_once_in_time_and_within_five_tries(random: bytes, taken: list[str]) -> None:
    link, code = propose_link("lnk_1", ONE, random, START)
    now, state, wrong = START, "open", 0
    for action in taken:
        if action == "wait":
            now += LIFETIME / 4
        elif action == "undo":
            link = link.undone()
            state = {"open": "closed", "linked": "ended"}.get(state, state)
        elif state != "open" or now >= START + LIFETIME:
            try:
                link.tried(code, now)
            except LinkNotOpen:
                continue
            raise AssertionError("a link that is not open took a code")
        elif action == "right":
            assert link.tried(code, now) == link
            link = link.linked(Claim(OTHER), now)
            state = "linked"
        else:
            link = link.tried("not the code", now)
            wrong += 1
            state = "closed" if wrong == TRIES_MAX else "open"
            assert str(TRIES_MAX - wrong) in link.wrong_code().message or state == "closed"
        assert (link.state, link.wrong_tries) == (state, wrong)
        assert (link.claim is not None) == (state in {"linked", "ended"})


@given(codes, st.data())
def test_a_code_is_read_whatever_its_case_gaps_and_look_alikes(random: bytes, data: st.DataObject) -> None:
    link, code = propose_link("lnk_1", ONE, random, START)
    looks = {"0": "0Oo", "1": "1IiLl"}
    typed = "".join(data.draw(st.sampled_from(looks.get(one, one + one.lower()))) for one in code.replace("-", ""))
    at = data.draw(st.integers(0, len(typed)))
    assert link.tried(f"{typed[:at]} {typed[at:]}", START) == link


@given(codes, codes)
def test_two_codes_are_told_apart_and_one_code_by_its_link(one: bytes, other: bytes) -> None:
    _, code = propose_link("lnk_1", ONE, one, START)
    _, different = propose_link("lnk_1", ONE, other, START)
    assert (code_digest("lnk_1", code) == code_digest("lnk_1", different)) == (one == other)
    assert code_digest("lnk_1", code) != code_digest("lnk_2", code)


@given(st.timedeltas(timedelta(), 2 * LIFETIME))
def test_a_link_is_open_for_its_lifetime_and_no_longer(elapsed: timedelta) -> None:
    link, _ = propose_link("lnk_1", ONE, bytes(CODE_BYTES), START)
    assert link.is_open(START + elapsed) == (elapsed < LIFETIME)

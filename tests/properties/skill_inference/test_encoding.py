"""An estimate's own encoding is the one every event has, byte for byte."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.events.event import Event, decode
from shared.events.skill_estimates import Contributions, EstimateRevised, EstimateWithdrawn, encode_estimate

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-9.0, 9.0) | st.floats(-2e-4, 2e-4)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
COUNTS = st.integers(0, 2**53 - 1)
ZONES = st.just(UTC) | st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
CONTRIBUTIONS = st.builds(
    Contributions,
    facts=st.lists(TEXTS, max_size=4).map(tuple),
    sources=st.lists(TEXTS, max_size=2).map(tuple),
    by=st.lists(COUNTS, max_size=4).map(tuple),
    logits=st.lists(NUMBERS, max_size=4).map(tuple),
)
ESTIMATES = st.fixed_dictionaries(
    {
        **dict.fromkeys(("skill", "layer", "release"), TEXTS),
        **dict.fromkeys(("mean", "variance", "interval_low", "interval_high"), NUMBERS),
        **dict.fromkeys(("half_life_days", "prior", "contributions_rest"), NUMBERS),
        **dict.fromkeys(("level", "works", "raters", "observations", "contributions_rest_count"), COUNTS),
        "level_probabilities": st.lists(NUMBERS, max_size=5).map(tuple),
        "has_deployment_attestation": st.booleans(),
        "assurance_mix": st.dictionaries(TEXTS, COUNTS, max_size=3),
        "last_evidence_at": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES),  # noqa: DTZ001
        "contributions": CONTRIBUTIONS,
    }
)


@given(ESTIMATES)
def test_an_estimate_has_the_bytes_of_any_event(fields: dict[str, object]) -> None:
    event = EstimateRevised.model_validate(fields)
    assert event.encode() == Event.encode(event)
    assert decode(event.type, event.encode()) == event


@given(ESTIMATES)
def test_fields_have_the_bytes_of_the_estimate_they_make(fields: dict[str, Any]) -> None:
    mix = {f"kind-{number}": count for number, count in enumerate(fields["assurance_mix"].values())}
    moment = fields["last_evidence_at"].astimezone(UTC)
    plain = {**fields, "assurance_mix": mix, "last_evidence_at": moment}
    event = EstimateRevised.model_validate(plain)
    assert encode_estimate({**plain, "contributions": event.contributions.model_dump()}) == Event.encode(event)


@given(ESTIMATES, st.sampled_from([math.nan, math.inf, -math.inf]), st.sampled_from(["mean", "contributions_rest"]))
def test_fields_of_which_one_is_no_number_make_no_estimate(fields: dict[str, Any], number: float, name: str) -> None:
    with pytest.raises(ValidationError):
        encode_estimate({**fields, "contributions": fields["contributions"].model_dump(), name: number})


@given(NUMBERS)
@example(0.0)
@example(-0.0)
@example(1e-4)
@example(0.00009999999999999999)
@example(1e-5)
@example(-1.5e-5)
@example(1e-6)
@example(9.999999999999999e-7)
@example(1e-7)
@example(5e-324)
@example(1e15)
@example(123456789012345.67)
@example(1e21)
@example(2.0**53)
def test_a_number_is_spelled_as_in_any_event(number: float) -> None:
    why = Contributions(facts=(), sources=(), by=(), logits=(number, -number))
    fields = dict.fromkeys(("mean", "variance", "interval_low", "interval_high", "half_life_days"), number)
    told = dict.fromkeys(("level", "works", "raters", "observations", "contributions_rest_count"), 1)
    event = EstimateRevised.model_validate(
        {
            **fields,
            **told,
            **dict.fromkeys(("skill", "layer", "release"), "x"),
            **dict.fromkeys(("prior", "contributions_rest"), number),
            "level_probabilities": (number,),
            "has_deployment_attestation": False,
            "assurance_mix": {},
            "last_evidence_at": datetime(2026, 1, 2, tzinfo=UTC),
            "contributions": why,
        }
    )
    assert event.encode() == Event.encode(event)


def test_a_withdrawal_is_encoded_as_any_event() -> None:
    event = EstimateWithdrawn(skill="a", reason="merged")
    assert event.encode() == b'{"reason":"merged","skill":"a"}'

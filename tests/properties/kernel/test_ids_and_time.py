"""Identifiers sort as the time they were made, and instants survive their text."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.clock import parse_rfc3339, rfc3339
from shared.kernel.ids import has_prefix, prefixed, system_fact_id, uuid7, uuid7_text

moments = st.integers(0, 2**48 - 1)
chance = st.binary(min_size=10, max_size=10)
offsets = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001


@given(moments, chance, moments, chance)
def test_identifiers_sort_as_their_time_whatever_chance_gave(
    earlier: int, some: bytes, later: int, other: bytes
) -> None:
    earlier, later = sorted((earlier, later))
    first, second = uuid7(earlier, lambda _: some), uuid7(later, lambda _: other)
    if earlier < later:
        assert str(first) < str(second)
    assert (prefixed("prs", first) < prefixed("prs", second)) == (first.int < second.int)


@given(moments, chance)
def test_uuid7_keeps_its_time_version_and_variant(moment: int, random_bits: bytes) -> None:
    value = uuid7(moment, lambda _: random_bits)
    assert (value.int >> 80, value.version, value.variant) == (moment, 7, uuid.RFC_4122)


@given(moments, chance)
def test_the_text_of_a_uuid7_is_made_without_it(moment: int, random_bits: bytes) -> None:
    assert uuid7_text(moment, lambda _: random_bits) == str(uuid7(moment, lambda _: random_bits))


def test_no_two_fact_ids_are_the_same() -> None:
    assert len({system_fact_id() for _ in range(1_000)}) == 1_000


@given(st.uuids(), st.uuids())
def test_prefixed_ids_are_equal_only_for_equal_uuids_and_sort_alike(first: uuid.UUID, second: uuid.UUID) -> None:
    texts = prefixed("sub", first), prefixed("sub", second)
    assert (texts[0] == texts[1], texts[0] < texts[1]) == (first == second, first < second)
    assert has_prefix(texts[0], "sub")
    assert not has_prefix(texts[0], "prs")


@given(instants)
def test_instant_survives_its_text(instant: datetime) -> None:
    assert parse_rfc3339(rfc3339(instant)) == instant
    assert parse_rfc3339(instant.isoformat()) == instant


@given(instants, instants)
def test_texts_sort_as_their_instants(first: datetime, second: datetime) -> None:
    assert (rfc3339(first) < rfc3339(second)) == (first.astimezone(UTC) < second.astimezone(UTC))

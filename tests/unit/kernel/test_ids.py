"""Identifiers say what they name, and fresh ones are fresh."""

from __future__ import annotations

import uuid

import pytest

from shared.kernel.ids import (
    PREFIXES,
    has_prefix,
    prefixed,
    system_fact_id,
    system_id,
    system_uuid4,
    system_uuid7,
    uuid4_in_order,
    uuid7,
)


def test_uuid7_is_that_of_rfc_9562() -> None:
    # Appendix A.6 of the RFC: its time and its random bits give its UUID.
    random_bits = 0xCC3 << 64 | 0x18C4DC0C0C07398F
    value = uuid7(0x017F22E279B0, lambda count: random_bits.to_bytes(count, "big"))
    assert str(value) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert value.version == 7
    assert value.variant == uuid.RFC_4122


def test_prefixed_id_is_crockford_base_32_of_all_128_bits() -> None:
    assert prefixed("prs", uuid.UUID(int=0)) == "prs_" + "0" * 26
    assert prefixed("prs", uuid.UUID(int=2**128 - 1)) == "prs_7" + "Z" * 25
    assert prefixed("org", uuid.UUID(int=33)) == "org_" + "0" * 24 + "11"


def test_prefixes_are_three_letters_and_distinct() -> None:
    assert all(len(prefix) == 3 and prefix.isalpha() and prefix.islower() for prefix in PREFIXES.values())
    assert len(set(PREFIXES.values())) == len(PREFIXES)


@pytest.mark.parametrize("kind", PREFIXES)
def test_fresh_id_has_the_prefix_of_its_kind_and_no_other(kind: str) -> None:
    fresh = system_id(kind)
    assert [each for each in PREFIXES if has_prefix(fresh, PREFIXES[each])] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prs_",
        "prs_" + "0" * 25,
        "prs_" + "0" * 27,
        "prs_" + "0" * 25 + "I",
        "prs-" + "0" * 26,
        "prs_" + "a" * 26,
        "prs_" + "0" * 26 + "\n",
    ],
)
def test_malformed_text_has_no_prefix(text: str) -> None:
    assert not has_prefix(text, "prs")


def test_id_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        system_id("elephant")


def test_fresh_identifiers_differ_and_fact_ids_are_uuid7_text() -> None:
    assert len({system_uuid7() for _ in range(1000)}) == 1000
    assert uuid.UUID(system_fact_id()).version == 7
    assert len(system_fact_id()) == 36


def test_a_uuid4_in_order_calls_itself_4_and_sorts_by_time() -> None:
    early = uuid4_in_order(1, lambda count: b"\xff" * count)
    late = uuid4_in_order(2, bytes)
    assert early < late
    assert {(one.version, one.variant) for one in (early, late, system_uuid4())} == {(4, uuid.RFC_4122)}
    assert len({system_uuid4() for _ in range(1000)}) == 1000

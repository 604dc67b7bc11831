"""A status list says who was revoked, until when it counts, and gives no order away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.credential_issuing.domain.status_list import (
    VALIDITY_DEFAULT,
    VALIDITY_EMBEDDED_DEFAULT,
    drawn_index,
    is_full,
    status_list,
)
from shared.kernel import bitstring
from shared.kernel.errors import Rejected
from tests.unit.verifier.house import DID, LIST_URL, NOW


def test_exactly_the_revoked_entries_are_set() -> None:
    subject = status_list(LIST_URL, DID, {3, 131_071}, NOW)["credentialSubject"]
    packed = bitstring.decode(subject["encodedList"])
    assert [index for index in range(131_072) if bitstring.is_set(packed, index)] == [3, 131_071]
    assert subject["statusPurpose"] == "revocation"


def test_a_list_counts_a_day_unless_told_otherwise() -> None:
    document = status_list(LIST_URL, DID, (), NOW)
    assert (document["validFrom"], document["validUntil"]) == ("2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z")
    assert timedelta(hours=24) == VALIDITY_DEFAULT
    longer = status_list(LIST_URL, DID, (), NOW, VALIDITY_EMBEDDED_DEFAULT)
    assert longer["validUntil"] == "2026-11-30T12:00:00Z"


def test_the_list_s_own_id_is_the_one_entries_name() -> None:
    document = status_list(LIST_URL, DID, (), NOW)
    assert document["id"] == LIST_URL
    assert document["credentialSubject"]["id"] == f"{LIST_URL}#list"


def test_a_list_that_never_counts_is_not_made() -> None:
    with pytest.raises(Rejected, match="a second at least"):
        status_list(LIST_URL, DID, (), NOW, timedelta(0))


def test_an_entry_outside_the_list_is_refused() -> None:
    with pytest.raises(Rejected, match="lies outside"):
        status_list(LIST_URL, DID, {131_072}, NOW)


def test_an_index_is_drawn_evenly_from_the_whole_list() -> None:
    assert drawn_index(bytes(8)) == 0
    assert drawn_index(b"\xff" * 8) == 131_071
    assert drawn_index((131_072 * 5 + 7).to_bytes(8, "big")) == 7
    for random, bits in ((bytes(7), 131_072), (bytes(8), 200_000)):
        with pytest.raises(ValueError, match="an index is drawn"):
            drawn_index(random, bits)


def test_a_list_is_full_at_half_its_entries() -> None:
    assert not is_full(65_535)
    assert is_full(65_536)

"""The leaves of the record are these bytes, today and for ever."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from shared.kernel.errors import Rejected
from shared.kernel.record_leaf import HeadLeaf, event_leaf, opens_kind, tag_commitment

KIND_SALT, EVENT_SALT = bytes(range(16)), bytes(range(32))


def test_an_event_leaf_is_the_two_commitments_side_by_side() -> None:
    leaf = event_leaf(KIND_SALT, "kind", EVENT_SALT, b"{}")
    assert leaf[:32] == hmac.digest(KIND_SALT, b"kind", hashlib.sha256)
    assert leaf[32:] == hmac.digest(EVENT_SALT, b"{}", hashlib.sha256)
    assert len(leaf) == 64


def test_the_event_leaf_of_the_golden_case_has_its_golden_bytes() -> None:
    leaf = event_leaf(KIND_SALT, "deedlog.credentials.credential-issued.v1", EVENT_SALT, b'{"data":null}')
    assert leaf.hex() == GOLDEN_EVENT_LEAF


def test_the_head_leaf_of_the_golden_case_has_its_golden_bytes() -> None:
    head = HeadLeaf(b"\x11" * 32, 0x0102, b"\x22" * 32, tag_commitment(b"\x33" * 32, b"\x44" * 32))
    assert head.encode().hex() == GOLDEN_HEAD_LEAF
    assert len(head.encode()) == 105


GOLDEN_EVENT_LEAF = (
    "eaefa96b11902b650ab596baa468325e9f9f3d1e15f121984742671edd4e906e"
    "b0971514503fa40d885a2fddbc9b6936cd3807daaf1147b59e7e40d0e2d77844"
)
GOLDEN_HEAD_LEAF = (
    "01"
    + "11" * 32
    + "0000000000000102"
    + "22" * 32
    + "182aa520f4de9e1351b8dea4facbe1e2369fa4ca0262ac9bc41c27d55903a695"
)


def test_a_head_leaf_reads_back_as_itself() -> None:
    head = HeadLeaf(b"\x11" * 32, 7, b"\x22" * 32, b"\x33" * 32)
    assert HeadLeaf.decode(head.encode()) == head


@pytest.mark.parametrize(
    ("leaf", "rule"),
    [
        (b"", "has 105 bytes"),
        (b"\x01" + bytes(103), "has 105 bytes"),
        (b"\x01" + bytes(105), "has 105 bytes"),
        (b"\x02" + bytes(104), "of version 2"),
        (b"\x01" + bytes(104), "not 0"),
        (b"\x01" + bytes(32) + b"\xff" * 8 + bytes(64), "holds 1 to"),
    ],
)
def test_other_bytes_are_no_head_leaf(leaf: bytes, rule: str) -> None:
    with pytest.raises(Rejected, match=rule):
        HeadLeaf.decode(leaf)


def test_salts_of_another_length_are_refused() -> None:
    # HMAC pads its key with zeros, so a shorter salt could open the same leaf as a longer one.
    with pytest.raises(Rejected, match="kind salt has 16 bytes"):
        event_leaf(KIND_SALT + b"\0", "kind", EVENT_SALT, b"{}")
    with pytest.raises(Rejected, match="event salt has 32 bytes"):
        event_leaf(KIND_SALT, "kind", EVENT_SALT[:31], b"{}")
    assert not opens_kind(event_leaf(KIND_SALT, "kind", EVENT_SALT, b"{}"), KIND_SALT + b"\0", "kind")


def test_a_kind_is_opened_without_the_event() -> None:
    leaf = event_leaf(KIND_SALT, "deploy-failed", EVENT_SALT, b"{}")
    assert opens_kind(leaf, KIND_SALT, "deploy-failed")
    assert not opens_kind(leaf, KIND_SALT, "deploy-succeeded")

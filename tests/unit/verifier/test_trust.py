"""Pins are kept whole, private and exactly; what is no key is never pinned."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from shared.kernel import canonical_json
from shared.kernel.errors import NotFound, Rejected
from shared.verifier import TrustStore, load_trust, save_trust
from tests.unit.verifier.house import DID, ISSUER_KEY, LOG, STRANGER_KEY, TRUST, vkey


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "trust.json"
    save_trust(TRUST, path)
    assert load_trust(path) == TRUST


def test_no_file_pins_nothing(tmp_path: Path) -> None:
    assert load_trust(tmp_path / "none.json") == TrustStore()


def test_the_file_is_its_owner_s_alone_whatever_it_was_before(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_text("{}")
    path.chmod(0o666)
    previous = os.umask(0)
    try:
        save_trust(TRUST, path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_save_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trust.json"
    save_trust(TRUST, path)

    def no_disk(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", no_disk)
    with pytest.raises(OSError, match="no space"):
        save_trust(TrustStore(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["trust.json"]
    assert load_trust(path) == TRUST


def test_a_key_counts_for_its_own_issuer_only() -> None:
    assert TRUST.pins_key(DID, ISSUER_KEY.multikey)
    assert not TRUST.pins_key("did:web:other.example", ISSUER_KEY.multikey)
    assert not TRUST.pins_key(DID, STRANGER_KEY.multikey)


def test_an_issuer_keeps_its_old_keys_beside_a_new_one() -> None:
    both = TRUST.with_issuer(DID, STRANGER_KEY.multikey)
    assert both.issuers[DID] == {ISSUER_KEY.multikey, STRANGER_KEY.multikey}
    assert TRUST.issuers[DID] == {ISSUER_KEY.multikey}


def test_pins_are_taken_away_by_issuer_key_origin_or_vkey() -> None:
    assert DID not in TRUST.without(DID).issuers
    assert DID not in TRUST.without(ISSUER_KEY.multikey).issuers
    assert TRUST.without(LOG).logs == frozenset()
    assert TRUST.without(vkey()).logs == frozenset()
    assert TRUST.with_issuer(DID, STRANGER_KEY.multikey).without(STRANGER_KEY.multikey) == TRUST
    with pytest.raises(NotFound, match="nothing is pinned"):
        TRUST.without("did:web:other.example")


def test_two_stores_together_pin_what_either_does() -> None:
    other = TrustStore().with_issuer(DID, STRANGER_KEY.multikey).with_log(vkey(STRANGER_KEY))
    both = TRUST.with_all(other)
    assert both.issuers[DID] == {ISSUER_KEY.multikey, STRANGER_KEY.multikey}
    assert both.logs == {vkey(), vkey(STRANGER_KEY)}


@pytest.mark.parametrize(
    ("did", "key"),
    [("deedlog.example", ISSUER_KEY.multikey), ("did:web: x", ISSUER_KEY.multikey), (DID, "z6Mk"), (DID, "")],
)
def test_what_is_no_issuer_or_no_key_is_not_pinned(did: str, key: str) -> None:
    with pytest.raises(Rejected):
        TrustStore().with_issuer(did, key)


@pytest.mark.parametrize("text", ["", LOG, vkey()[:-4], vkey().replace("+8", "+9"), vkey() + " "])
def test_what_is_no_vkey_is_not_pinned(text: str) -> None:
    with pytest.raises(Rejected):
        TrustStore().with_log(text)


@pytest.mark.parametrize(
    "bend",
    [
        {"format": "deedlog/trust/v2"},
        {"issuers": None},
        {"issuers": [{"did": DID}]},
        {"issuers": [{"did": DID, "keys": ["z6Mk"]}]},
        {"issuers": [{"did": DID, "keys": [], "note": "x"}]},
        {"logs": ["x"]},
        {"logs": [7]},
        {"witnesses": []},
    ],
)
def test_a_trust_file_with_a_fault_pins_nothing_of_it(bend: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_bytes(canonical_json.dumps({**TRUST.as_json(), **bend}))
    with pytest.raises(Rejected):
        load_trust(path)

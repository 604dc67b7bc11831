"""An event that was ever told can be read for ever: each version has a file that was written once and never changes.

Whoever adds an event, or a version of one, adds its file; a file is not changed to please a model.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Final

import pytest

import shared.events
from shared.events.event import REGISTRY, Event, InvalidEventData, decode
from shared.events.fact import DATA_BYTES_MAX

GOLDEN: Final = Path(__file__).parent / "golden"

for module in pkgutil.iter_modules(shared.events.__path__):
    importlib.import_module(f"shared.events.{module.name}")
TYPES: Final = sorted(REGISTRY)


def golden(type_: str) -> bytes:
    return (GOLDEN / f"{type_}.json").read_bytes().removesuffix(b"\n")


def reads_whole(type_: str, data: bytes) -> bool:
    """Say whether the event is read without losing a word of it."""
    return decode(type_, data).encode() == data


def test_every_event_has_its_file_and_every_file_its_event() -> None:
    assert sorted(path.name.removesuffix(".json") for path in GOLDEN.iterdir()) == TYPES


@pytest.mark.parametrize("type_", TYPES)
def test_what_was_told_is_read_to_the_last_word(type_: str) -> None:
    assert reads_whole(type_, golden(type_))


@pytest.mark.parametrize("type_", TYPES)
def test_a_field_that_only_a_newer_teller_knows_does_no_harm(type_: str) -> None:
    newer = golden(type_)[:-1] + b',"told_by_a_newer_build":{"deep":[1]}}'
    assert decode(type_, newer) == decode(type_, golden(type_))


@pytest.mark.parametrize("type_", TYPES)
def test_every_file_fits_a_fact(type_: str) -> None:
    assert len(golden(type_)) <= DATA_BYTES_MAX


def test_a_field_that_was_dropped_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Event):
        credential: str

    monkeypatch.setitem(REGISTRY, "deedlog.credentials.credential-revoked.v1", Forgetful)
    assert not reads_whole(
        "deedlog.credentials.credential-revoked.v1", golden("deedlog.credentials.credential-revoked.v1")
    )


def test_a_field_that_was_renamed_or_newly_demanded_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Demanding(Event):
        credential: str
        cause: str

    monkeypatch.setitem(REGISTRY, "deedlog.credentials.credential-revoked.v1", Demanding)
    with pytest.raises(InvalidEventData):
        decode("deedlog.credentials.credential-revoked.v1", golden("deedlog.credentials.credential-revoked.v1"))

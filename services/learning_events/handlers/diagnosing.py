"""Puts together what is to be said about a sender's set-up. Nothing is stored and nothing is looked up here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.learning_events.domain.batch import validate_batch
from services.learning_events.domain.diagnosis import (
    Finding,
    Sender,
    failed,
    judge_date,
    judge_sender,
    judge_times,
    passed,
    unseen,
)
from services.learning_events.domain.sender_address import judge_address, judge_transport
from services.learning_events.domain.sender_credential import credential_fault
from services.learning_events.domain.statement import XapiVersion
from shared.kernel.errors import Fault, Rejected

_NOBODY: Final = Fault(
    "", "nobody issued this credential, or it is no longer valid", "Copy it again, or make a new key."
)


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a request shows of its sender's set-up.

    sender: None where the credential is nobody's; refusal: why, as identity tells it. version: None where the header is
    wrong, `version_fault` then says how. date: as its header tells. sample: what was sent along, as it would be sent.
    """

    authorization: str | None
    sender: Sender | None
    refusal: Fault | None
    address: str | None
    organisation: str | None
    date: datetime | Rejected | None
    forwarded_scheme: str | None
    version: XapiVersion | None
    version_fault: Fault | None
    sample: bytes | Rejected | None


def diagnose(one: SetUp, origin: str, now: datetime, new_statement_id: Callable[[], str]) -> list[Finding]:
    """Return every finding, in the order in which a request would meet the faults."""
    clock = judge_date(one.date, now)
    sample, ahead = _judge_sample(one, now, new_statement_id)
    return [
        *_judge_way(one, origin),
        *_judge_credential(one),
        _judge_version(one),
        ahead if ahead is not None else clock,
        sample,
    ]


def _judge_way(one: SetUp, origin: str) -> list[Finding]:
    if one.address is not None:
        return judge_address(one.address, origin, one.forwarded_scheme)
    mend = "Add ?endpoint= with the address that is set in the sender."
    unnamed = unseen("address", "the request does not name the sender's address", mend)
    if origin.startswith("https:") and one.forwarded_scheme is None:
        return [unnamed, unseen("transport", "the request does not show whether it came by https", mend)]
    return [unnamed, judge_transport(None, origin, one.forwarded_scheme)]


def _judge_credential(one: SetUp) -> list[Finding]:
    if one.sender is not None:
        return judge_sender(one.sender, one.organisation)
    fault = credential_fault(one.authorization)
    if fault is not None:
        return [failed("credential", fault.rule, fault.mend)]
    told = one.refusal or _NOBODY
    return [failed("credential", told.rule, told.mend)]


def _judge_version(one: SetUp) -> Finding:
    if one.version_fault is not None:
        return failed("version", one.version_fault.rule, one.version_fault.mend)
    spoken = one.version.value if one.version is not None else "no version"
    return passed("version", f"the sender speaks xAPI {spoken}")


def _judge_sample(one: SetUp, now: datetime, new_statement_id: Callable[[], str]) -> tuple[Finding, Finding | None]:
    """Return what is to be said of the statements sent along, and of the clock that they show."""
    if one.sample is None:
        mend = "POST what the sender sends; nothing of it is stored."
        return unseen("statements", "no statement was sent along", mend), None
    if isinstance(one.sample, Rejected):
        return _refused(one.sample), None
    try:
        batch = validate_batch(one.sample, now, new_statement_id, version=one.version or XapiVersion.V2_0)
    except Rejected as error:
        return _refused(error), None
    ahead = judge_times([statement.event.occurred_at for statement in batch.statements], now)
    try:
        count = len(batch.accept_whole())
    except Rejected as error:
        return _refused(error), ahead
    return passed("statements", f"{count} of {count} would be taken"), ahead


def _refused(error: Rejected) -> Finding:
    first = error.faults[0] if error.faults else Fault("", error.message, "")
    where = f"{first.pointer}: " if first.pointer else ""
    return failed("statements", f"{where}{first.rule}", first.mend, error.faults)

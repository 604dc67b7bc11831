"""What is wrong with a sender's set-up, one finding a question, each told in one sentence with its mend.

Nothing here says whether a secret exists: of a credential that nobody knows only its form is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.kernel.errors import Fault, Rejected

CLOCK_SKEW_MAX: Final = timedelta(minutes=5)
"""How far a sender's clock may be from ours; more, and what it says happened at is of no use in a record."""


class Verdict(StrEnum):
    """What one check came to. NOTED: works, and is worth knowing; UNSEEN: the request shows nothing of it."""

    PASSED = "passed"
    FAILED = "failed"
    NOTED = "noted"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question about the set-up. errors: every fault of a sample statement, where there are some."""

    check: str
    verdict: Verdict
    rule: str
    mend: str = ""
    errors: tuple[Fault, ...] = ()

    @property
    def sentence(self) -> str:
        """The finding in words."""
        return f"{self.check}: {self.rule}. {self.mend}".rstrip()


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose a valid credential is. kind: key, person, admin or service; is_token: an access token of a key."""

    kind: str
    id: str
    organisation: str | None
    scopes: frozenset[str]
    is_test: bool
    is_token: bool = False


def passed(check: str, rule: str) -> Finding:
    """Return that a check found nothing wrong."""
    return Finding(check, Verdict.PASSED, rule)


def failed(check: str, rule: str, mend: str, errors: Sequence[Fault] = ()) -> Finding:
    """Return what a check found wrong."""
    return Finding(check, Verdict.FAILED, rule, mend, tuple(errors))


def unseen(check: str, rule: str, mend: str) -> Finding:
    """Return that the request shows nothing of this, and how to show it."""
    return Finding(check, Verdict.UNSEEN, rule, mend)


def is_ready(findings: Sequence[Finding]) -> bool:
    """Say whether a sender that is set up like this can send."""
    return all(one.verdict is not Verdict.FAILED for one in findings)


def summary(findings: Sequence[Finding]) -> str:
    """Return the first fault in one sentence, or that there is none."""
    first = next((one for one in findings if one.verdict is Verdict.FAILED), None)
    return "The set-up works: what is sent like this is taken." if first is None else first.sentence


def judge_sender(sender: Sender, expected_organisation: str | None) -> list[Finding]:
    """Return whether this caller may write, for the organisation that was expected, and whether as test data."""
    if sender.kind != "key" or sender.organisation is None:
        rule = f"this is {_KINDS.get(sender.kind, 'a credential of no organisation')}, and platforms send with a key"
        return [failed("credential", rule, "Send with an API key that was made for the platform's organisation.")]
    noun = "the access token's key" if sender.is_token else "the key"
    found = [passed("credential", f"{'an access token of ' if sender.is_token else ''}the key {sender.id} is valid")]
    if expected_organisation is not None and expected_organisation != sender.organisation:
        rule = f"{noun} belongs to {sender.organisation}, which is another organisation than the one expected"
        found.append(failed("organisation", rule, "Send with a key of the organisation whose record is meant."))
    else:
        found.append(passed("organisation", f"what is sent belongs to {sender.organisation}"))
    return [*found, _judge_scopes(sender), _judge_mode(sender)]


def judge_date(told: datetime | Rejected | None, now: datetime) -> Finding:
    """Return whether the sender's clock, as its Date header tells it (RFC 9110 §6.6.1), is near ours.

    told: None where there is no header, a refusal where it is no date.
    """
    if told is None:
        return unseen("clock", "the request has no Date header", "Send one, or POST a statement about this moment.")
    if isinstance(told, Rejected):
        return failed("clock", told.faults[0].rule, told.faults[0].mend)
    if abs(told - now) > CLOCK_SKEW_MAX:
        way = "ahead of" if told > now else "behind"
        rule = f"the sender's clock is {_span(abs(told - now))} {way} ours, by its Date header"
        return failed("clock", rule, "Set it by NTP, and check its time zone.")
    return passed("clock", "the sender's clock is within 5 minutes of ours")


def judge_times(times: Sequence[datetime], now: datetime) -> Finding | None:
    """Return that statements are about the future, which only a wrong clock or zone can say; None where none is."""
    latest = max(times, default=now)
    if latest - now <= CLOCK_SKEW_MAX:
        return None
    rule = f"a statement's timestamp is {_span(latest - now)} ahead of our clock"
    return failed("clock", rule, "Set the sender's clock by NTP, and send the zone that the time is in.")


_KINDS: Final = {
    "admin": "the operator's admin key",
    "person": "a person's session",
    "service": "the token of our own services",
}


def _judge_scopes(sender: Sender) -> Finding:
    noun, mend = "key", "Make a key with the scope write."
    if sender.is_token:
        noun, mend = "access token", "Ask for a token with the scope write, by a key that has it."
    if "write" in sender.scopes:
        return passed("scope", f"the {noun} may write")
    has = " and ".join(sorted(sender.scopes)) or "none"
    return failed("scope", f"sending needs the scope write, and the {noun} has {has}", mend)


def _judge_mode(sender: Sender) -> Finding:
    if not sender.is_test:
        return passed("mode", "what is sent is real data")
    rule = "this is a test key: what it sends is test data, is read by test keys only and moves no level"
    return Finding("mode", Verdict.NOTED, rule, "Use a live key for real data.")


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"

"""What a verification says: steps, each with an outcome of its own, and one verdict over them.

Three outcomes, never two: *failed* is known to be wrong, *unknown* could not be told, and only *passed* is an answer to
build on. A verdict is `valid` when every step passed, and in no other case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ..kernel.errors import Rejected


class Outcome(StrEnum):
    """What became of a step."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Check(StrEnum):
    """The steps, in the order they are taken."""

    SHAPE = "shape"
    CREDENTIAL_PROOF = "credential-proof"
    ISSUER = "issuer"
    VALIDITY = "validity"
    STATUS = "status"
    RECORD_EVENT = "record-event"
    RECORD_STREAM = "record-stream"
    RECORD_LOG = "record-log"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what was asked, what came out, a stable code, and a sentence for a person."""

    check: Check
    outcome: Outcome
    code: str
    sentence: str

    @property
    def number(self) -> int:
        """Its place among the checks, from 1."""
        return list(Check).index(self.check) + 1


def reason(error: Rejected) -> str:
    """Return what a rejection says, to stand at the end of a sentence."""
    return str(error).removesuffix(".")


def passed(check: Check, sentence: str) -> Step:
    """Return a step that passed."""
    return Step(check, Outcome.PASSED, "ok", sentence)


def failed(check: Check, code: str, sentence: str) -> Step:
    """Return a step that is known to be wrong."""
    return Step(check, Outcome.FAILED, code, sentence)


def unknown(check: Check, code: str, sentence: str) -> Step:
    """Return a step that could not be told."""
    return Step(check, Outcome.UNKNOWN, code, sentence)


NOT_CHECKED: Final = (
    "whether the person who shows this is the person it speaks of",
    "whether the person's record holds other events that were left out",
    "whether the log shows everybody the same tree: no witness signed the checkpoint",
    "whether it was revoked after the status list was made",
    "whether a pinned key has leaked since it was pinned",
    "whether the evidence is true; its digests are bound, its content is not in the file",
)
"""What a valid verdict does not say."""

_HEADLINES: Final = {
    "revoked": "revoked",
    "expired": "expired",
    "issuer-unknown": "intact, issuer unknown",
}


@dataclass(frozen=True, slots=True)
class About:
    """What the credential says, from its signed content. `status_as_of` is when the status list was made."""

    credential: str
    name: str
    issuer: str
    subject: str
    valid_from: str
    valid_until: str
    status_as_of: str
    digest: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. `about` is None while nothing in the file was shown to be authentic under any key."""

    steps: tuple[Step, ...]
    about: About | None

    @property
    def is_valid(self) -> bool:
        """Whether every step was taken and passed, under keys that were pinned before."""
        return len(self.steps) == len(Check) and all(step.outcome is Outcome.PASSED for step in self.steps)

    @property
    def deciding_step(self) -> Step | None:
        """The step that keeps it from being valid: the first that failed, else the first unknown; None when valid."""
        for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
            for step in self.steps:
                if step.outcome is outcome:
                    return step
        return None

    @property
    def code(self) -> str:
        """`ok`, the code of the deciding step, or `not-taken` when a step is missing."""
        step = self.deciding_step
        if step is None:
            return "ok" if self.is_valid else "not-taken"
        return step.code

    @property
    def headline(self) -> str:
        """The verdict in a few words; an unknown issuer is never called a forgery."""
        step = self.deciding_step
        if step is None:
            return "valid" if self.is_valid else "not valid"
        if step.code in _HEADLINES:
            return _HEADLINES[step.code]
        if step.outcome is Outcome.UNKNOWN:
            return f"intact, {step.check.value.removeprefix('record-')} unknown"
        return "not valid"

    @property
    def exit_code(self) -> int:
        """0 when valid, else 1."""
        return 0 if self.is_valid else 1

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as JSON; codes and names are stable, sentences are not."""
        about = self.about
        return {
            "format": "deedlog/verdict/v1",
            "valid": self.is_valid,
            "code": self.code,
            "verdict": self.headline,
            "about": None if about is None else {name: getattr(about, name) for name in About.__slots__},
            "steps": [
                {
                    "number": step.number,
                    "check": step.check.value,
                    "outcome": step.outcome.value,
                    "code": step.code,
                    "sentence": step.sentence,
                }
                for step in self.steps
            ],
            "not_checked": list(NOT_CHECKED),
        }

"""What becomes of a valid statement that comes in: stored and told, there already, or in conflict with what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, NamedTuple, cast

from services.learning_events.domain.actor import IDENTIFIERS
from services.learning_events.domain.batch import ReceivedStatement
from services.learning_events.domain.immutability import is_same_statement
from services.learning_events.domain.normal_form import NormalEvent
from shared.events.fact import NewFact
from shared.events.learning_events import StatementRecorded
from shared.kernel import canonical_json
from shared.kernel.ids import AccountId, FactId, PersonId, Subject

_OPTIONAL: Final = ("success", "completion", "duration_seconds", "registration")
_SCORE: Final = ("scaled", "raw", "min", "max")
OTHER_PERSON: Final = "urn:deedlog:actor"
"""What facts call an object that is an Agent or a Group: of other people they name none but by our own ids."""
_ACTORS: Final = tuple(f"{kind}:" for kind in (*IDENTIFIERS, "anonymous"))


@dataclass(frozen=True, slots=True)
class Writer:
    """On whose behalf statements come in. A test key's statements are test data and stay apart from the others."""

    organisation: str
    key: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a platform and the person it belongs to, as identity knows them."""

    account: AccountId
    person: PersonId


class Arrival(NamedTuple):
    """A statement on its way into the store. account: None where a Group acted, which is nobody's account.

    fact_id: the id of the fact that tells it, should it be new; fact: that fact, None where there is no account.
    """

    statement: ReceivedStatement
    received_at: datetime
    account: Account | None
    fact_id: FactId
    fact: NewFact | None

    @property
    def id(self) -> str:
        """The statement's id."""
        return self.statement.event.statement_id

    @property
    def event(self) -> NormalEvent:
        """What the statement says."""
        return self.statement.event


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands in the store under an id. original: None once it was erased."""

    original: bytes | None
    is_test: bool


class Outcome(Enum):
    """What became of one statement."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


def outcome_beside(kept: Kept, sent: ReceivedStatement, *, is_test: bool) -> Outcome:
    """Return what becomes of a statement under whose id another stands already: DUPLICATE or CONFLICT.

    A statement that was erased is not stored again; to its sender that is a duplicate.
    """
    if kept.is_test is not is_test:
        return Outcome.CONFLICT
    if kept.original is None or kept.original == sent.original:
        return Outcome.DUPLICATE
    is_same = is_same_statement(_read(kept.original), _read(sent.original))
    return Outcome.DUPLICATE if is_same else Outcome.CONFLICT


def arrival(
    statement: ReceivedStatement, received_at: datetime, account: Account | None, fact_id: FactId, writer: Writer
) -> Arrival:
    """Return a statement with all that is stored and told of it."""
    fact = None if account is None else statement_recorded(statement.event, fact_id, account, writer)
    return Arrival(statement, received_at, account, fact_id, fact)


def identifiers_of(statements: Sequence[ReceivedStatement]) -> set[str]:
    """Return the canonical identifiers of those who acted. Groups are left out: a fact is about a person."""
    return {one.event.actor for one in statements if not one.event.is_group}


def statement_recorded(event: NormalEvent, fact_id: FactId, account: Account, writer: Writer) -> NewFact:
    """Return the fact that a person did something, as the platform said; its time is the statement's own."""
    data = canonical_json.dumps(_told(event, account.account, is_test=writer.is_test))
    return NewFact(
        fact_id, Subject(account.person), StatementRecorded.type, event.occurred_at, writer.organisation, data
    )


def _told(event: NormalEvent, account: AccountId, *, is_test: bool) -> dict[str, Any]:
    """Return what `StatementRecorded` would be written as; the model itself would take as long as all the rest."""
    told = {
        "statement": event.statement_id,
        "format": event.format,
        "account": account,
        "verb": event.verb,
        "object": _told_object(event),
        "object_type": event.object_type,
        "digest": event.digest.hex(),
        "is_test": is_test,
    }
    for name in _OPTIONAL:
        value = getattr(event, name)
        if value is not None:
            told[name] = value
    if event.score is not None:
        told["score"] = {name: getattr(event.score, name) for name in _SCORE if getattr(event.score, name) is not None}
    return told


def _told_object(event: NormalEvent) -> str:
    """Return what a fact says was acted on: of another person no identifier, for no erasure would reach it here."""
    is_actor = event.object_type in ("Agent", "Group") or (
        event.object_type == "SubStatement" and event.object_id.startswith(_ACTORS)
    )
    return OTHER_PERSON if is_actor else event.object_id


def _read(original: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", canonical_json.loads(original, bytes_max=len(original)))

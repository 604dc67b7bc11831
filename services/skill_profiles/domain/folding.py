"""What a batch of facts leaves behind in the read model: rows to write, and streams whose traces go. Pure.

Facts come in the order of their streams and in no order across streams, so nothing here compares two streams: each
row belongs to one stream, and what that stream says last holds. An erased fact leaves nothing but its number in the
count of facts; a stream's own `facts-erased` takes along whatever its earlier facts left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from shared.events.credentials import CredentialIssued, CredentialRevoked
from shared.events.erasure import is_erasure
from shared.events.event import REGISTRY, Event
from shared.events.fact import Fact
from shared.events.identity import ConsentGranted, ConsentWithdrawn, OrganisationRegistered, PersonMerged, PersonSplit
from shared.events.learning_events import StatementRecorded, StatementVoided
from shared.events.project_submissions import EvidenceGraded, ProjectRegistered, ReviewCompleted, SubmissionAccepted
from shared.events.record_checkpoints import CheckpointPublished
from shared.events.skill_estimates import EstimateRevised, EstimateWithdrawn
from shared.events.sources import (
    CREDENTIAL_ISSUING,
    IDENTITY,
    LEARNING_EVENTS,
    PROJECT_SUBMISSIONS,
    RECORD_LOG,
    SKILL_INFERENCE,
    Source,
)

HEARS: Final[tuple[Source, ...]] = (
    IDENTITY,
    LEARNING_EVENTS,
    PROJECT_SUBMISSIONS,
    SKILL_INFERENCE,
    CREDENTIAL_ISSUING,
    RECORD_LOG,
)
_ERASURES: Final = frozenset(
    type_ for type_, model in REGISTRY.items() if is_erasure(type_) and model.source_of in HEARS
)
PROFILE_TYPES: Final = _ERASURES | {
    model.type
    for model in (
        PersonMerged,
        PersonSplit,
        ProjectRegistered,
        SubmissionAccepted,
        EvidenceGraded,
        ReviewCompleted,
        EstimateRevised,
        EstimateWithdrawn,
        CredentialIssued,
        CredentialRevoked,
    )
}
"""What changes a profile. Statements are counted beside it: their worth shows in the estimates that follow."""
TYPES: Final = PROFILE_TYPES | {
    model.type
    for model in (
        ConsentGranted,
        ConsentWithdrawn,
        OrganisationRegistered,
        StatementRecorded,
        StatementVoided,
        CheckpointPublished,
    )
}

Row: TypeAlias = tuple[Fact, Any]
"""A fact and its event; which event follows from where the row stands."""


class Misplaced(ValueError):
    """A fact stands in a stream that is not its own; nothing may be built on such a stream."""

    def __init__(self, fact: Fact, reason: str) -> None:
        super().__init__(reason)
        self.fact = fact
        self.reason = reason


@dataclass(slots=True)
class Counted:
    """Statements of one person in one batch."""

    statements: int = 0
    voided: int = 0
    last_at: datetime | None = None


@dataclass(slots=True)
class Folded:
    """What is to be written, after the traces of `erased` streams, (source, subject), were removed.

    The lists and maps hold what came after an erasure in the same batch. Grants and credentials stand by person and
    id; that one was ended is a row of its own, so that it holds whatever batch it comes in.
    """

    erased: set[tuple[str, str]] = field(default_factory=set)
    facts: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    members_ever: set[tuple[str, str]] = field(default_factory=set)
    organisations: dict[str, str] = field(default_factory=dict)
    granted: dict[tuple[str, str], Row] = field(default_factory=dict)
    withdrawn: dict[tuple[str, str], Row] = field(default_factory=dict)
    learning: dict[str, Counted] = field(default_factory=dict)
    projects: list[Row] = field(default_factory=list)
    submissions: list[Row] = field(default_factory=list)
    evidence: list[Row] = field(default_factory=list)
    reviews: list[Row] = field(default_factory=list)
    estimates: dict[tuple[str, str], Row] = field(default_factory=dict)
    issued: dict[tuple[str, str], Row] = field(default_factory=dict)
    revoked: dict[tuple[str, str], Row] = field(default_factory=dict)
    checkpoints: dict[str, Row] = field(default_factory=dict)

    def consent_changes(self) -> set[tuple[str, str]]:
        """Return (person, organisation) of every consent that began or ended here."""
        return {
            (fact.subject, event.organisation) for fact, event in (*self.granted.values(), *self.withdrawn.values())
        }

    def realigned(self) -> set[str]:
        """Return those who became somebody's alias or stopped being one."""
        return set(self.aliases)


def fold(heard: Iterable[tuple[Fact, Event | None]]) -> Folded:
    """Return what these facts leave behind. Raises Misplaced."""
    folded = Folded()
    for fact, event in heard:
        if fact.type in PROFILE_TYPES:
            folded.facts[fact.subject] = folded.facts.get(fact.subject, 0) + 1
        if event is None:
            continue
        if is_erasure(fact.type):
            _erase(folded, fact)
        else:
            _FOLDS[type(event)](folded, fact, event)
    return folded


def _erase(folded: Folded, fact: Fact) -> None:
    """Remove what the stream's earlier facts left in this batch, and have the rest removed. They are all erased:
    `facts-erased` is told in the transaction that erases, as the next fact of the stream.
    """
    subject = fact.subject
    folded.erased.add((fact.source, subject))
    for rows in _traces(folded, fact.source):
        if isinstance(rows, list):
            rows[:] = [row for row in rows if row[0].subject != subject]
        elif isinstance(rows, dict):
            for key in [key for key, row in rows.items() if _subject(key, row) == subject]:
                del rows[key]
        else:
            rows.difference_update({pair for pair in rows if pair[0] == subject})


def _traces(folded: Folded, source: str) -> tuple[Any, ...]:
    return {
        IDENTITY.name: (
            folded.aliases,
            folded.members_ever,
            folded.organisations,
            folded.granted,
            folded.withdrawn,
        ),
        LEARNING_EVENTS.name: (folded.learning,),
        PROJECT_SUBMISSIONS.name: (folded.projects, folded.submissions, folded.evidence, folded.reviews),
        SKILL_INFERENCE.name: (folded.estimates,),
        CREDENTIAL_ISSUING.name: (folded.issued, folded.revoked),
        RECORD_LOG.name: (folded.checkpoints,),
    }[source]


def _subject(key: Any, row: Any) -> str:
    """Return whose row this is: the fact's subject where there is one, else the key."""
    if isinstance(row, tuple) and isinstance(row[0], Fact):
        return row[0].subject
    return str(key)


def _align(folded: Folded, fact: Fact, event: PersonMerged | PersonSplit) -> None:
    is_merged = isinstance(event, PersonMerged)
    if fact.subject == event.alias:
        folded.aliases[event.alias] = (event.canonical if is_merged else None, fact.number)
    elif fact.subject != event.canonical:
        raise Misplaced(fact, "it names two other people than the one whose stream it stands in")
    elif is_merged:
        folded.members_ever.add((event.canonical, event.alias))


def _organisation(folded: Folded, fact: Fact, event: OrganisationRegistered) -> None:
    folded.organisations[fact.subject] = event.name


def _grant(folded: Folded, fact: Fact, event: ConsentGranted) -> None:
    folded.granted[fact.subject, event.grant] = (fact, event)


def _withdraw(folded: Folded, fact: Fact, event: ConsentWithdrawn) -> None:
    folded.withdrawn[fact.subject, event.grant] = (fact, event)


def _record(folded: Folded, fact: Fact, event: StatementRecorded) -> None:
    if event.is_test:
        return
    counted = folded.learning.setdefault(fact.subject, Counted())
    counted.statements += 1
    if counted.last_at is None or fact.occurred_at > counted.last_at:
        counted.last_at = fact.occurred_at


def _void(folded: Folded, fact: Fact, event: StatementVoided) -> None:
    folded.learning.setdefault(fact.subject, Counted()).voided += 1


def _project(folded: Folded, fact: Fact, event: ProjectRegistered) -> None:
    folded.projects.append((fact, event))


def _submission(folded: Folded, fact: Fact, event: SubmissionAccepted) -> None:
    folded.submissions.append((fact, event))


def _evidence(folded: Folded, fact: Fact, event: EvidenceGraded) -> None:
    folded.evidence.append((fact, event))


def _review(folded: Folded, fact: Fact, event: ReviewCompleted) -> None:
    folded.reviews.append((fact, event))


def _estimate(folded: Folded, fact: Fact, event: EstimateRevised | EstimateWithdrawn) -> None:
    folded.estimates[fact.subject, event.skill] = (fact, event)


def _issue(folded: Folded, fact: Fact, event: CredentialIssued) -> None:
    folded.issued[fact.subject, event.credential] = (fact, event)


def _revoke(folded: Folded, fact: Fact, event: CredentialRevoked) -> None:
    folded.revoked[fact.subject, event.credential] = (fact, event)


def _checkpoint(folded: Folded, fact: Fact, event: CheckpointPublished) -> None:
    folded.checkpoints[fact.subject] = (fact, event)


_FOLDS: Final[dict[type[Event], Callable[[Folded, Fact, Any], None]]] = {
    PersonMerged: _align,
    PersonSplit: _align,
    OrganisationRegistered: _organisation,
    ConsentGranted: _grant,
    ConsentWithdrawn: _withdraw,
    StatementRecorded: _record,
    StatementVoided: _void,
    ProjectRegistered: _project,
    SubmissionAccepted: _submission,
    EvidenceGraded: _evidence,
    ReviewCompleted: _review,
    EstimateRevised: _estimate,
    EstimateWithdrawn: _estimate,
    CredentialIssued: _issue,
    CredentialRevoked: _revoke,
    CheckpointPublished: _checkpoint,
}

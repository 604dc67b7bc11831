"""Taking an organisation's alignments into force: a whole table at a time, each a version that never changes.

What comes into force holds for earlier statements too. Whoever it touches is swept up afterwards and not here: an
organisation may have more people than one transaction can fold. A table that was sent in another form is kept as CSV.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from services.skill_inference.domain.alignment import Alignment, AlignmentTable, Target, targets
from services.skill_inference.domain.alignment_changes import Change, changes
from services.skill_inference.domain.alignment_csv import CHARACTERS_MAX, alignments_csv, parse_alignments
from services.skill_inference.domain.alignment_json import parse_alignments_json
from services.skill_inference.domain.case_associations import Reading, is_case, parse_associations
from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.their_names import TheirNames
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, NotFound, Rejected
from shared.kernel.hashing import sha256

VERSIONS_KEPT: Final = 20
"""Versions kept of one organisation's alignments, the one in force among them."""

Form: TypeAlias = Literal["csv", "json", "case"]
"""In which form a table was sent."""


class Sent(NamedTuple):
    """A table as it was sent. difficulty, assurance: of all its activities, for a form that says neither."""

    content: bytes
    is_json: bool
    difficulty: float | None = None
    assurance: Assurance | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of alignments that holds in every line. content: CSV in UTF-8, as it was sent or as it is written of what
    was sent in another form; it names our skills. named: the same as CSV, where it named skills of the organisation's
    own. digest: the SHA-256 of `named`, else of `content`.
    """

    content: bytes
    digest: bytes
    lines: int
    activities: int
    form: Form = "csv"
    named: bytes | None = None


class ReadTable(NamedTuple):
    """A table that holds in every line, with its rows. passed_over: CASE associations that say nothing of evidence."""

    table: Table
    rows: tuple[Alignment, ...]
    passed_over: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """A version of an organisation's alignments. `version` counts from 1."""

    organisation: str
    version: int
    table: Table
    adopted_at: datetime
    adopted_by: str


class Version(NamedTuple):
    """What is known of a version without its content."""

    version: int
    digest: bytes
    lines: int
    activities: int
    form: Form
    adopted_at: datetime
    adopted_by: str


class Touched(NamedTuple):
    """How many have a statement about some activities. is_at_least: not all statements were looked at."""

    persons: int
    is_at_least: bool


class DryRun(NamedTuple):
    """What a table would do. faults: why it would be refused; everything else says nothing then.

    version: what is in force, 0 when nothing is.
    """

    faults: tuple[Fault, ...]
    version: int = 0
    lines: int = 0
    activities: int = 0
    passed_over: int = 0
    changes: Sequence[Change] = ()
    people: Touched = Touched(0, is_at_least=False)


class AlignmentDesk(Protocol):
    """Storage for the alignments of one organisation, inside one transaction."""

    async def hold_alone(self) -> None:
        """Hold everybody's alignments alone: nobody reads or adopts any until the transaction ends."""
        ...

    async def in_force(self) -> Adopted | None:
        """Return what is in force, None when nothing ever was."""
        ...

    async def adopt(self, adopted: Adopted) -> None:
        """Have put this version into force, asked for a sweep, and dropped versions beyond VERSIONS_KEPT."""
        ...


class VersionDesk(Protocol):
    """What is read of an organisation's versions and statements."""

    async def versions(self) -> Sequence[Version]:
        """Return the versions that are kept, newest first."""
        ...

    async def version(self, version: int) -> Adopted | None:
        """Return a version, None where it is not kept."""
        ...

    async def targets(self, version: int) -> Mapping[str, Target] | None:
        """Return what activities show by this version, None where it is not kept."""
        ...

    async def people(self, activities: Collection[str]) -> Touched:
        """Return how many have a statement about one of these activities."""
        ...


def read_table(sent: Sent, skills: Collection[str], names: TheirNames) -> ReadTable:
    """Return the table that was sent. Raises Rejected naming place, rule and mend of every fault; TooLarge."""
    read, form = _read(sent, {*skills, *names.ours}, names)
    rejection = read.rejection()
    if rejection is not None:
        raise rejection
    content = sent.content if form == "csv" else alignments_csv(read.rows).encode()
    table, rows = _named(content, read.rows, form, names)
    return ReadTable(table, rows, read.passed_over)


def read_again(table: Table, skills: Collection[str], names: TheirNames) -> ReadTable | None:
    """Return a table in force as it reads under other frameworks of its organisation; None where it reads the same.

    Raises Rejected where it names a skill that would take no evidence any more.
    """
    if table.named is None:
        return None
    read = parse_alignments(table.named.decode(), {*skills, *names.ours})
    if read.faults:
        rule = f"alignments in force name skills of it on {len(read.faults)} lines that would take no evidence any more"
        raise Rejected.of("/skills", rule, "Keep the mapping of these skills, or align the activities otherwise first.")
    again, rows = _named(table.named, read.rows, table.form, names)
    return None if again.content == table.content else ReadTable(again, rows, 0)


def _named(
    content: bytes, rows: Sequence[Alignment], form: Form, names: TheirNames
) -> tuple[Table, tuple[Alignment, ...]]:
    """Return the table of `content`, which may name skills of theirs, and its rows with ours."""
    activities = len({row.activity for row in rows})
    if not any(row.skill in names.ours for row in rows):
        return Table(content, sha256(content), len(rows), activities, form), tuple(rows)
    ours = names.translated(rows)
    return Table(alignments_csv(ours).encode(), sha256(content), len(rows), activities, form, content), ours


async def adopt(
    desk: AlignmentDesk,
    organisation: str,
    table: Table,
    by: str,
    now: datetime,
    check: Callable[[Adopted | None], None],
) -> tuple[Adopted, bool]:
    """Have `table` in force and return it with whether anything changed; the same table again is the same version.

    check: raises when the caller expected something else to be in force.
    """
    await desk.hold_alone()
    current = await desk.in_force()
    check(current)
    if current is not None and (current.table.digest, current.table.content) == (table.digest, table.content):
        return current, False
    adopted = Adopted(organisation, 1 if current is None else current.version + 1, table, now, by)
    await desk.adopt(adopted)
    return adopted, True


async def alignments_of(desk: AlignmentDesk) -> Adopted:
    """Return the alignments in force. Raises NotFound when there are none."""
    current = await desk.in_force()
    if current is None:
        raise NotFound("this organisation has no alignments; PUT a table of them first")
    return current


async def version_of(desk: VersionDesk, version: int) -> Adopted:
    """Return a version of the alignments. Raises NotFound where it is not kept."""
    found = await desk.version(version)
    if found is None:
        raise _not_kept(version)
    return found


async def targets_of(desk: VersionDesk, version: int) -> Mapping[str, Target]:
    """Return what activities show by a version; 0 is before the first. Raises NotFound where it is not kept."""
    found = await desk.targets(version) if version else {}
    if found is None:
        raise _not_kept(version)
    return found


async def dry_run(desk: VersionDesk, read: ReadTable) -> DryRun:
    """Return what taking this table into force would do."""
    kept = await desk.versions()
    current = kept[0].version if kept else 0
    found = await asyncio.to_thread(_changes, await targets_of(desk, current), read.rows)
    people = await desk.people([change.activity for change in found])
    return DryRun((), current, read.table.lines, read.table.activities, read.passed_over, found, people)


def _changes(before: Mapping[str, Target], rows: Sequence[Alignment]) -> list[Change]:
    return changes(before, targets(rows))


def _not_kept(version: int) -> NotFound:
    return NotFound(f"version {version} is not kept; GET /v1/alignments/versions lists the last {VERSIONS_KEPT}")


def _read(sent: Sent, skills: Collection[str], names: TheirNames) -> tuple[AlignmentTable, Form]:
    if not sent.is_json:
        _says_its_own(sent)
        return parse_alignments(_text(sent.content), skills), "csv"
    document = canonical_json.loads(sent.content, bytes_max=CHARACTERS_MAX)
    if is_case(document):
        return parse_associations(document, names, _reading(sent)), "case"
    _says_its_own(sent)
    return parse_alignments_json(document, skills), "json"


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected.of("", f"byte {error.start} is no UTF-8", "Save the table as UTF-8.") from None
    if "\0" in text:
        raise Rejected.of("", "the table holds a NUL character", "Save the table as plain text.")
    return text


def _reading(sent: Sent) -> Reading:
    if sent.assurance is None:
        raise Rejected.of("assurance", "CASE says nothing of how results are assured", "Add ?assurance=… to the query.")
    return Reading(0.0 if sent.difficulty is None else sent.difficulty, sent.assurance)


def _says_its_own(sent: Sent) -> None:
    for name, value in (("difficulty", sent.difficulty), ("assurance", sent.assurance)):
        if value is not None:
            raise Rejected.of(name, "each row of this form says its own", "Leave it out of the query.")

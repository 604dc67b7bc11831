"""Taking an organisation's alignments into force: a whole table at a time, each a version that never changes.

What comes into force holds for earlier statements too. Whoever it touches is swept up afterwards and not here: an
organisation may have more people than one transaction can fold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from services.skill_inference.domain.alignment import parse_alignments
from shared.kernel.errors import NotFound, Rejected
from shared.kernel.hashing import sha256

VERSIONS_KEPT: Final = 20
"""Versions kept of one organisation's alignments, the one in force among them."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of alignments that holds in every line. content: UTF-8, as it was sent; digest: its SHA-256."""

    content: bytes
    digest: bytes
    lines: int
    activities: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """A version of an organisation's alignments. `version` counts from 1."""

    organisation: str
    version: int
    table: Table
    adopted_at: datetime
    adopted_by: str


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


def read_table(content: bytes, skills: Collection[str]) -> Table:
    """Return the table in a CSV text. Raises Rejected naming line, column, rule and mend of every fault, TooLarge."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected.of("", f"byte {error.start} is no UTF-8", "Save the table as UTF-8.") from None
    if "\0" in text:
        raise Rejected.of("", "the table holds a NUL character", "Save the table as plain text.")
    read = parse_alignments(text, skills)
    rejection = read.rejection()
    if rejection is not None:
        raise rejection
    activities = {row.activity for row in read.rows}
    return Table(content, sha256(content), len(read.rows), len(activities))


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
    if current is not None and current.table.digest == table.digest:
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

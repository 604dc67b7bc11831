"""Bringing calibration releases and taking them into force: a document never changes, an adoption is one row.

Whoever an adoption touches is everybody, and is swept up afterwards and not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from services.skill_inference.domain.release import Release, parse_release
from shared.kernel import canonical_json
from shared.kernel.errors import NotFound, Rejected

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


class Brought(NamedTuple):
    """A release that holds, with all its annexes. document: in canonical form. annexes: by name, as written."""

    release: Release
    document: bytes
    annexes: Mapping[str, bytes]


class Adoption(NamedTuple):
    """Which release is in force since when, and by whom."""

    release: str
    adopted_at: datetime
    adopted_by: str


class ReleaseDesk(Protocol):
    """Storage of releases inside one transaction of an operator."""

    async def hold_alone(self) -> None:
        """Hold what people are judged by alone: nobody reads or changes it until the transaction ends."""
        ...

    async def document(self, release: str) -> bytes | None:
        """Return the document of this id, None where it was never brought."""
        ...

    async def keep(self, brought: Brought, by: str, now: datetime) -> None:
        """Have kept the release and its annexes; what is kept already stays, and so does who was erased."""
        ...

    async def in_force(self) -> Adoption | None:
        """Return what was adopted last, None when nothing ever was."""
        ...

    async def adopt(self, adoption: Adoption) -> None:
        """Have put the release into force, and asked for everybody to be looked at."""
        ...


def read_brought(document: Mapping[str, Any], annexes: Mapping[str, str]) -> Brought:
    """Return the release that was sent. Raises Rejected naming pointer, rule and mend.

    annexes: by name, each the very text that was written, for its hash is of that.
    """
    raw = canonical_json.dumps(dict(document))
    plain = parse_release(raw)
    if _NAME.fullmatch(plain.name) is None:
        raise Rejected.of("/name", "a name is made of letters, digits, dots, - and _", "Write such a name.")
    for name in plain.annexes:
        if name not in annexes:
            raise Rejected.of(f"/annexes/{name}", "the release names this annex, and it is missing", "Send it along.")
    contents = {name: text.encode() for name, text in annexes.items()}
    return Brought(plain.with_annexes(contents), raw, contents)


async def bring(desk: ReleaseDesk, brought: Brought, by: str, now: datetime) -> None:
    """Have the release kept, not in force; the same again changes nothing."""
    # Alone: an erasure that is under way must either see the entries or be seen by them.
    await desk.hold_alone()
    await desk.keep(brought, by, now)


async def adopt_release(
    desk: ReleaseDesk, carried: Mapping[str, bytes], first: str, release: str, by: str, now: datetime
) -> tuple[Adoption | None, bool]:
    """Have the release in force and return its adoption with whether anything changed.

    carried: documents of the build, by id. first: what is in force while nothing was adopted. Raises NotFound for a
    release that is neither carried nor kept, Rejected for one that this build cannot read.
    """
    await desk.hold_alone()
    current = await desk.in_force()
    if release == (first if current is None else current.release):
        return current, False
    document = await desk.document(release)
    if document is None and release not in carried:
        raise NotFound("there is no such release; GET /v1/releases lists them, POST /v1/releases brings one")
    if document is None:
        await desk.keep(read_brought(_object(carried[release]), {}), by, now)
    else:
        parse_release(document)
    adoption = Adoption(release, now, by)
    await desk.adopt(adoption)
    return adoption, True


def _object(raw: bytes) -> dict[str, Any]:
    value = canonical_json.loads(raw)
    return dict(value) if isinstance(value, dict) else {}

"""Takes uploads for imports in, and tells how imports are: what a door asks for. `importing` does the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from services.learning_events.domain.arrival import Writer
from services.learning_events.domain.import_report import (
    IMPORT_BYTES_MAX,
    PART_BYTES_MAX,
    Import,
    LineFault,
    Mark,
    State,
    Tally,
)
from services.learning_events.handlers.ports import Reader
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, NotFound, TooLarge

LISTED_AT_ONCE = 500


class Imports(Protocol):
    """The store of imports, as a door sees it. Every method raises Unavailable when it cannot."""

    async def create(self, new: Import, request_key: str | None) -> tuple[Import, bool]:
        """Keep it, unless there is one of this key of the writer; return the kept one, and whether it is new.

        Raises Conflict where too many of the organisation have not ended.
        """
        ...

    async def find(self, reader: Reader, import_id: str) -> Import | None:
        """Return the import, if there is one that this reader may see."""
        ...

    async def digest(self, reader: Reader, import_id: str) -> bytes | None:
        """Return the SHA-256 of an upload that came as a single body and is whole; else None."""
        ...

    async def listed(self, reader: Reader, before: str | None, limit: int) -> Sequence[Import]:
        """Return the newest first, those before an id where one is given."""
        ...

    async def append(
        self, reader: Reader, import_id: str, place: int, content: bytes, now: datetime, digest: bytes | None
    ) -> Import:
        """Keep these bytes, durably, and have it wait to be read once all announced are there; equal ones may be there.

        Raises Conflict for another place than the next, or other bytes than are kept there; TooLarge; NotFound.
        """
        ...

    async def complete(self, reader: Reader, import_id: str, now: datetime, digest: bytes) -> Import:
        """Have an upload without announced length wait to be read; nothing happens to one that does already."""
        ...

    async def cancel(self, reader: Reader, import_id: str, now: datetime) -> Import:
        """Have it end; what was recorded stays. Raises Conflict where it has ended another way, NotFound."""
        ...

    async def faults(self, reader: Reader, import_id: str, after: int, limit: int) -> Sequence[LineFault]:
        """Return the lines of the report after a line."""
        ...


class Uploading:
    """Takes uploads in, and tells how imports are."""

    def __init__(self, imports: Imports, clock: Clock, new_import_id: Callable[[], str]) -> None:
        self._imports = imports
        self._clock = clock
        self._new_import_id = new_import_id

    async def create(self, writer: Writer, name: str, size: int | None, request_key: str | None) -> tuple[Import, bool]:
        """Have kept an import that waits for its bytes; return it, or that of this request key, and whether it is new.

        Raises TooLarge, and Conflict where too many have not ended.
        """
        if size is not None and size > IMPORT_BYTES_MAX:
            rule = f"an import has at most {IMPORT_BYTES_MAX} bytes, got {size}"
            raise TooLarge.of("/bytes", rule, "Cut the file into several imports.")
        now = self._clock.now()
        new = Import(
            id=self._new_import_id(),
            organisation=writer.organisation,
            key=writer.key,
            is_test=writer.is_test,
            name=name,
            state=State.RECEIVING,
            created_at=now,
            moved_at=now,
            started_at=None,
            ended_at=None,
            bytes=size,
            received=0,
            mark=Mark(),
            tally=Tally(),
            reported=0,
            refusal=None,
        )
        return await self._imports.create(new, request_key)

    async def append(
        self, reader: Reader, import_id: str, place: int, content: bytes, digest: bytes | None = None
    ) -> Import:
        """Have kept these bytes, durably, and return the import as it is then. digest: of all up to here, if known.

        Raises Conflict, naming the place to go on from, TooLarge and NotFound.
        """
        return await self._imports.append(reader, import_id, place, content, self._clock.now(), digest)

    async def complete(self, reader: Reader, import_id: str, digest: bytes) -> Import:
        """Have an upload of unknown length count as whole."""
        return await self._imports.complete(reader, import_id, self._clock.now(), digest)

    async def is_of(self, reader: Reader, import_id: str, digest: bytes) -> bool:
        """Say whether a single body with this SHA-256 was what the import was made of."""
        return await self._imports.digest(reader, import_id) == digest

    async def show(self, reader: Reader, import_id: str) -> Import:
        """Return the import. Raises NotFound."""
        found = await self._imports.find(reader, import_id)
        if found is None:
            raise NotFound("There is no such import, or none that this key may see.")
        return found

    async def listed(self, reader: Reader, before: str | None, limit: int) -> Sequence[Import]:
        """Return imports, the newest first."""
        return await self._imports.listed(reader, before, limit)

    async def cancel(self, reader: Reader, import_id: str) -> Import:
        """Have the import end; what was recorded stays. Raises Conflict where it has ended, and NotFound."""
        return await self._imports.cancel(reader, import_id, self._clock.now())

    async def faults(self, reader: Reader, import_id: str, after: int) -> Sequence[LineFault]:
        """Return up to LISTED_AT_ONCE lines of the report after a line."""
        return await self._imports.faults(reader, import_id, after, LISTED_AT_ONCE)


def require_place(one: Import, place: int) -> None:
    """Raise Conflict, naming the next place, unless the upload goes on at `place`."""
    if one.state is not State.RECEIVING:
        rule = f"the upload is whole or has ended: the import is {one.state.value}"
        raise Conflict.of("Upload-Offset", rule, "Look at the import, and send nothing more.")
    if place != one.received:
        rule = f"the upload goes on at {one.received}, got {place}"
        raise Conflict.of("Upload-Offset", rule, f"Send the bytes from {one.received} on.")


def require_room(one: Import, more: int) -> None:
    """Raise TooLarge where `more` bytes are more than were announced or than an import may have."""
    bytes_max = IMPORT_BYTES_MAX if one.bytes is None else one.bytes
    if one.received + more > bytes_max:
        what = "an import has at most" if one.bytes is None else "it was announced with"
        raise TooLarge.of("", f"{what} {bytes_max} bytes", f"Send parts of up to {PART_BYTES_MAX} bytes, and no more.")

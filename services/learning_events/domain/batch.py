"""From the bytes of a request to statements with their normal forms, or to everything wrong with each.

The standard takes a POST whole or not at all, our own bulk ingest takes the good items and returns the bad ones: the
batch keeps both apart, and `accept_whole` is the standard's view.

The digest of a statement is the SHA-256 of its canonical form (RFC 8785), sent alone or in an array, so that whoever
holds the statement in any spelling can compute it. The canonical form is also what is kept as the original.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.activity_definition import GivenDefinition, given_definitions
from services.learning_events.domain.attachment import NO_PARTS, check_data_is_there, hashes_of, refuse_unnamed
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.normal_form import NormalEvent, check_fits_fact, normal_form
from services.learning_events.domain.original import Original
from services.learning_events.domain.recurring import definitions_known, recurring_in, terms_known
from services.learning_events.domain.signed import check_signatures
from services.learning_events.domain.statement import XapiVersion, faults_of
from services.learning_events.domain.terms import terms_of
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, Rejected, TooLarge
from shared.kernel.hashing import sha256

STATEMENTS_MAX: Final = 500
"""Statements in one request: a transaction of about 50 ms. A platform with more sends more requests."""
BATCH_BYTES_MAX: Final = 8 << 20
"""Bytes of one request after inflation: 500 statements of 16 KiB."""
ITEM_BYTES_MAX: Final = 1 << 20
"""Bytes of one statement in our own bulk ingest."""
BATCH_FAULTS_MAX: Final = 100
"""Faults told of one refused batch; each statement tells at most 20."""

NewStatementId = Callable[[], str]
"""Gives a fresh lower-case UUID for a statement that came without an id."""


@dataclass(slots=True)
class ReceivedStatement:
    """A valid statement: its place in the batch, its canonical bytes as sent, and what it says.

    `has_own_id` is False where the id was given here; the original then holds none. sent: what the platform sent, where
    that was no statement on its own. terms: what it is found by. attachments: the SHA-2 of those whose data came along.
    definitions: what it tells of Activities.
    """

    index: int
    original: bytes
    event: NormalEvent
    has_own_id: bool
    sent: Original | None = None
    terms: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    definitions: tuple[GivenDefinition, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedStatement:
    """A statement that is not taken, and why. Pointers start at the batch where it is an array.

    statement_id: the id it came with, in lower case; empty where it came with none or with what is none.
    """

    index: int
    faults: tuple[Fault, ...]
    statement_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request holds, in its order. `is_array` says whether the answer is an array of ids as well."""

    statements: tuple[ReceivedStatement, ...]
    refused: tuple[RefusedStatement, ...]
    is_array: bool

    def accept_whole(self) -> tuple[ReceivedStatement, ...]:
        """Return all statements. Raises Rejected with up to BATCH_FAULTS_MAX faults where one of them was refused."""
        if self.refused:
            faults = [fault for refused in self.refused for fault in refused.faults]
            first = faults[0]
            count = f"{len(self.refused)} of {len(self.refused) + len(self.statements)} statements are not valid"
            message = f"{count}, nothing was stored. {first.pointer or 'the statement'}: {first.rule}. {first.mend}"
            raise Rejected(message, faults[:BATCH_FAULTS_MAX])
        return self.statements


def validate_batch(
    raw: bytes,
    received_at: datetime,
    new_statement_id: NewStatementId,
    *,
    version: XapiVersion = XapiVersion.V2_0,
    parts: Mapping[str, bytes] = NO_PARTS,
    statements_max: int = STATEMENTS_MAX,
    bytes_max: int = BATCH_BYTES_MAX,
) -> Batch:
    """Return what a request's JSON holds: one statement, or an array of up to `statements_max`.

    parts: the attachments' data that came along, by SHA-2; each belongs to one of the statements.
    Of statements that share an id the first stays, the others are refused (part 3, section 2.1.2).
    Raises Rejected where the bytes are no strict JSON, TooLarge over `bytes_max` or `statements_max`.
    """
    value, items = canonical_json.loads_items(raw, bytes_max=bytes_max)
    is_array = type(value) is list
    if len(items) > statements_max:
        rule = f"an array of at most {statements_max} statements, got {len(items)}"
        raise TooLarge.of("", rule, "Send them in several requests.")
    statements: list[ReceivedStatement] = []
    refused: list[RefusedStatement] = []
    seen: set[str] = set()
    for index, (item, form) in enumerate(items):
        pointer = f"/{index}" if is_array else ""
        reading = _read(item, form, index, pointer, received_at, new_statement_id, version, parts)
        if isinstance(reading, ReceivedStatement):
            reading = _first_of_its_id(reading, pointer, seen)
        if isinstance(reading, ReceivedStatement):
            statements.append(reading)
        else:
            refused.append(reading)
    if parts and not refused:
        refuse_unnamed(parts, [one.attachments for one in statements])
    return Batch(tuple(statements), tuple(refused), is_array)


def validate_item(
    raw: bytes,
    index: int,
    received_at: datetime,
    new_statement_id: NewStatementId,
    *,
    version: XapiVersion = XapiVersion.V2_0,
    bytes_max: int = ITEM_BYTES_MAX,
) -> ReceivedStatement | RefusedStatement:
    """Return the one statement in `raw`, or everything wrong with it; pointers start at the statement."""
    try:
        value, items = canonical_json.loads_items(raw, bytes_max=bytes_max)
    except Rejected as error:
        return RefusedStatement(index, error.faults)
    item, form = items[0] if type(value) is not list else (value, b"")
    return _read(item, form, index, "", received_at, new_statement_id, version)


def _read(
    item: Any,
    original: bytes,
    index: int,
    pointer: str,
    received_at: datetime,
    new_statement_id: NewStatementId,
    version: XapiVersion,
    parts: Mapping[str, bytes] = NO_PARTS,
) -> ReceivedStatement | RefusedStatement:
    """Return what an item is. original: its canonical form."""
    known = recurring_in(item)
    found = faults_of(item, version, pointer, known)
    if found:
        return RefusedStatement(index, tuple(found), _own_id(item))
    faults = Faults()
    attachments: tuple[str, ...] = ()
    if "attachments" in item or "object" in item["object"]:
        check_data_is_there(item, pointer, faults, parts)
        check_signatures(item, pointer, faults, parts, version)
        attachments = hashes_of(item, parts)
    has_own_id = "id" in item
    statement_id = item["id"].lower() if has_own_id else new_statement_id()
    event = normal_form(item, statement_id, received_at, sha256(original), known=known)
    check_fits_fact(event, pointer, faults)
    if faults.listed:
        return RefusedStatement(index, tuple(faults.listed), statement_id if has_own_id else "")
    definitions = definitions_known(item, known)
    return ReceivedStatement(
        index,
        original,
        event,
        has_own_id,
        terms=terms_known(item, known) or terms_of(item),
        attachments=attachments,
        definitions=given_definitions(item) if definitions is None else definitions,
    )


def _own_id(item: Any) -> str:
    """Return the id of what is no valid statement; empty where it has none."""
    own_id = item.get("id") if type(item) is dict else None
    return str(own_id).lower() if is_uuid(own_id) else ""


def _first_of_its_id(reading: ReceivedStatement, pointer: str, seen: set[str]) -> ReceivedStatement | RefusedStatement:
    statement_id = reading.event.statement_id
    if statement_id in seen:
        fault = Fault(f"{pointer}/id", "another statement of this batch has the id", "Give each statement its own id.")
        return RefusedStatement(reading.index, (fault,), statement_id)
    seen.add(statement_id)
    return reading

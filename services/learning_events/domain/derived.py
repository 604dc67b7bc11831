"""Statements made of what came in another form.

Such a statement says in its context what it was made of: the format, and the SHA-256 of what was sent in canonical
form. So two events under one id differ whenever what was sent differs, and a reader of statements can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.activity_definition import given_definitions
from services.learning_events.domain.batch import ReceivedStatement, RefusedStatement
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.normal_form import check_fits_fact, normal_form
from services.learning_events.domain.original import Original
from services.learning_events.domain.terms import terms_of
from shared.kernel import canonical_json
from shared.kernel.errors import Fault
from shared.kernel.hashing import sha256

ORIGIN: Final = "urn:deedlog:origin"
"""The extension of a statement's context that says what it was made of."""


@dataclass(frozen=True, slots=True)
class ReceivedEntity:
    """A thing that was described and did nothing: it is kept, and told of nobody.

    entity: its IRI. owner: the canonical identifier of the person it says something about, if there is one.
    """

    index: int
    id: str
    entity: str
    owner: str | None
    original: Original


Reading = ReceivedStatement | ReceivedEntity | RefusedStatement
"""What one item turned out to be."""


def derived(
    statement: dict[str, Any],
    original: Original,
    value: Any,
    index: int,
    received_at: datetime,
    places: Mapping[str, str],
) -> ReceivedStatement | RefusedStatement:
    """Return the statement made of what was sent, with its origin written into it; refused where no fact holds it.

    statement: valid and with an id. value: what was sent, parsed; the digest is that of its canonical form. places:
    where what was sent has the parts of a statement, by their pointers, unless it is at the same place.
    """
    digest = sha256(canonical_json.dumps(value))
    context = {
        **statement.get("context", {}),
        "extensions": {ORIGIN: {"format": original.format, "sha256": digest.hex()}},
    }
    whole = {**statement, "context": context}
    statement_id = str(whole["id"])
    event = normal_form(whole, statement_id, received_at, digest, original.format)
    faults = Faults()
    check_fits_fact(event, "", faults)
    if faults.listed:
        found = [Fault(places.get(one.pointer, one.pointer), one.rule, one.mend) for one in faults.listed]
        return RefusedStatement(index, tuple(found), statement_id)
    return ReceivedStatement(
        index,
        canonical_json.dumps(whole),
        event,
        has_own_id=True,
        sent=original,
        terms=terms_of(whole),
        definitions=given_definitions(whole),
    )


def rebased(refused: RefusedStatement, pointer: str) -> RefusedStatement:
    """Return the refusal of what stands at `pointer` of an item, with pointers that start at the item."""
    if not pointer:
        return refused
    faults = tuple(Fault(pointer + fault.pointer, fault.rule, fault.mend) for fault in refused.faults)
    return RefusedStatement(refused.index, faults, refused.statement_id)

"""What was done: a verb (part 2, section 2.4.3)."""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_language_map

_VERB: Final = frozenset({"id", "display"})


def check_verb(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being a verb."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a verb, that is an object", 'Send {"id": "https://…"}.')
        return
    if not _VERB.issuperset(value):
        faults.add_unknown(pointer, value, _VERB, "a verb")
    check_iri(value.get("id", MISSING), f"{pointer}/id", faults)
    if "display" in value:
        check_language_map(value["display"], f"{pointer}/display", faults)

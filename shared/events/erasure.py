"""The one event every source tells: the data of a stream's facts up to a number was erased."""

from __future__ import annotations

from typing import Final

from shared.events.event import Event, decode, event
from shared.events.fact import Fact
from shared.events.sources import SOURCES, Source

NAME: Final = "facts-erased"
_ENDING: Final = f".{NAME}.v1"


class FactsErased(Event):
    """Every fact of this stream numbered `through` or lower lost its data; what was derived from them must go."""

    through: int


_MODELS: Final[dict[str, type[FactsErased]]] = {
    name: event(source, NAME)(
        type("FactsErased", (FactsErased,), {"__doc__": FactsErased.__doc__, "__module__": __name__})
    )
    for name, source in SOURCES.items()
}


def facts_erased(source: Source, through: int) -> FactsErased:
    """Return the event by which `source` tells that the facts up to `through` were erased."""
    return _MODELS[source.name](through=through)


def erased_through(fact: Fact) -> int:
    """Return up to which number the data of the fact's stream was erased. Raises InvalidEventData."""
    event = decode(fact.type, fact.data or b"")
    assert isinstance(event, FactsErased)
    return event.through


def is_erasure(type_: str) -> bool:
    """Say whether `type_` is a source's facts-erased type."""
    return type_.endswith(_ENDING)

"""The base of every event model, and the registry that finds a model by its type.

An event class names its source, its past-tense name and its version; the three make the CloudEvents type
`<prefix><name>.v<version>`. Fields that a reader does not know are ignored, so that a newer teller breaks nobody;
a field that changes its meaning is a new version, and the old class stays for as long as facts of it exist.
Personal data sits in a sub-object called `personal`; other persons appear by id only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.events.fact import NewFact
from shared.events.sources import Source
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, Rejected
from shared.kernel.ids import FactId, Subject


class EventBody(BaseModel):
    """A part of an event's data: frozen, and deaf to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings", allow_inf_nan=False)


class Event(EventBody):
    """The data of one fact. `source_of` and `type` are set by the `event` decorator."""

    source_of: ClassVar[Source]
    type: ClassVar[str]

    def encode(self) -> bytes:
        """Return the data as canonical JSON; fields that are None are left out."""
        return canonical_json.dumps(self.model_dump(mode="json", exclude_none=True))

    def fact(self, fact_id: FactId, subject: str, occurred_at: datetime, organisation: str | None = None) -> NewFact:
        """Return the fact that says this happened to `subject` at `occurred_at`. Raises Rejected over 2 KB."""
        return NewFact(fact_id, Subject(subject), self.type, occurred_at, organisation, self.encode())


E = TypeVar("E", bound=Event)
REGISTRY: Final[dict[str, type[Event]]] = {}


class UnknownEventType(Rejected):
    """No model is registered for this type; whoever told it is newer than we are."""

    code = "unknown-event-type"


class InvalidEventData(Rejected):
    """The data does not satisfy the model of its type; the faults carry the pointers."""

    code = "invalid-event-data"


def event(source: Source, name: str, version: int = 1) -> Callable[[type[E]], type[E]]:
    """Register the decorated model as version `version` of the event `name` of `source`."""

    def register(model: type[E]) -> type[E]:
        model.source_of = source
        model.type = f"{source.type_prefix}{name}.v{version}"
        if model.type in REGISTRY:
            raise ValueError(f"{model.type} is registered twice")
        REGISTRY[model.type] = model
        return model

    return register


def decode(type_: str, data: bytes) -> Event:
    """Return the event of this type. Raises UnknownEventType, or InvalidEventData with a pointer a fault."""
    model = REGISTRY.get(type_)
    if model is None:
        raise UnknownEventType(f"{type_} is not a type this build knows")
    try:
        # What `model_validate_json` calls in the end; its checks of arguments cost half as much again.
        event: Event = model.__pydantic_validator__.validate_json(data)
    except ValidationError as error:
        raise InvalidEventData(f"the data is no {type_}", _faults(error)) from error
    return event


def _faults(error: ValidationError) -> tuple[Fault, ...]:
    details: list[Any] = list(error.errors(include_url=False, include_context=False, include_input=False))
    return tuple(
        Fault(
            "/data/" + "/".join(str(step) for step in detail["loc"]), str(detail["msg"]), "Tell it as its schema says."
        )
        for detail in details
    )

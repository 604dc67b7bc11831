"""A fact: one thing that happened, as a CloudEvents 1.0 event with a gapless number in its stream.

`NewFact` is what a decision produces; `Fact` is what the stream store made of it by giving it a number.
The data is canonical JSON (RFC 8785) as bytes, made once when the fact is decided and never again: relay, feed
and record pass these bytes on untouched. CloudEvents 1.0.2, Kafka protocol binding 1.0.2 (binary mode).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.kernel.clock import parse_rfc3339, rfc3339
from shared.kernel.errors import Rejected
from shared.kernel.ids import FactId, Subject

DATA_BYTES_MAX: Final = 2_048
"""Bound on a fact's data. Larger originals stay with the service that took them in; the fact carries a digest."""

SUBJECT_CHARACTERS_MAX: Final = 255

CALENDAR_START: Final = datetime.min.replace(tzinfo=UTC)
CALENDAR_END: Final = datetime.max.replace(tzinfo=UTC)
"""Between these two, neither included, lie the times of facts: the database's driver takes them for the infinities and
gives them back without a zone, and no relay could tell them."""


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact that was decided and has no number yet."""

    id: FactId
    subject: Subject
    type: str
    occurred_at: datetime
    organisation: str | None
    data: bytes

    def __post_init__(self) -> None:
        if len(self.data) > DATA_BYTES_MAX:
            raise Rejected.of(
                "/data",
                f"a fact carries at most {DATA_BYTES_MAX} bytes of data, this one has {len(self.data)}",
                "Keep the original where it is and tell its digest.",
            )
        if not 0 < len(self.subject) <= SUBJECT_CHARACTERS_MAX:
            raise Rejected.of(
                "/subject",
                f"a subject has 1 to {SUBJECT_CHARACTERS_MAX} characters, this one has {len(self.subject)}",
                "Name the person, organisation or log by its id.",
            )
        if not CALENDAR_START < self.occurred_at < CALENDAR_END:
            raise Rejected.of("/time", "it is an end of the calendar, which stands for no time", "Tell when it was.")


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact with its place: `number` 1, 2, 3 … in the stream `(source, subject)`. `data` is None once erased."""

    id: FactId
    source: str
    subject: Subject
    number: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    organisation: str | None
    data: bytes | None

    @property
    def is_erased(self) -> bool:
        """Whether the data was erased; subject, number, id and type stay."""
        return self.data is None

    def attributes(self) -> dict[str, str]:
        """Return the CloudEvents context attributes as text, `sequence` being the number in the stream."""
        attributes = {
            "id": self.id,
            "source": self.source,
            "specversion": "1.0",
            "type": self.type,
            "subject": self.subject,
            "time": rfc3339(self.occurred_at),
            "recordedtime": rfc3339(self.recorded_at),
            "sequence": str(self.number),
        }
        if self.organisation is not None:
            attributes["organisation"] = self.organisation
        return attributes


class UndecodableFact(Rejected):
    """Bytes from a topic or feed that are no fact; names the attribute that is missing or wrong."""

    code = "undecodable-fact"


def kafka_headers(fact: Fact) -> list[tuple[str, bytes]]:
    """Return the headers of the binary content mode: `ce_…` attributes and `content-type`."""
    headers = [(f"ce_{name}", value.encode()) for name, value in fact.attributes().items()]
    headers.append(("content-type", b"application/json"))
    if fact.is_erased:
        headers.append(("ce_erased", b"true"))
    return headers


def from_kafka(headers: Mapping[str, bytes], value: bytes | None) -> Fact:
    """Return the fact a Kafka record in binary content mode carries. Raises UndecodableFact.

    The data's bytes are taken as they are; whether they satisfy their type's model is the consumer's to find out.
    """
    try:
        attributes = {name[3:]: text.decode() for name, text in headers.items() if name.startswith("ce_")}
    except UnicodeDecodeError as error:
        raise UndecodableFact("a ce_ header is not UTF-8") from error
    if attributes.get("specversion") != "1.0":
        raise UndecodableFact(f"ce_specversion: expected 1.0, got {attributes.get('specversion')!r}")
    erased = attributes.get("erased") == "true"
    return from_attributes(attributes, None if erased else (value or b""))


def from_attributes(attributes: Mapping[str, str], data: bytes | None) -> Fact:
    """Return the fact with these CloudEvents attributes. Raises UndecodableFact naming the attribute."""
    try:
        number = int(attributes["sequence"])
        fact = Fact(
            id=FactId(attributes["id"]),
            source=attributes["source"],
            subject=Subject(attributes["subject"]),
            number=number,
            type=attributes["type"],
            occurred_at=parse_rfc3339(attributes["time"]),
            recorded_at=parse_rfc3339(attributes["recordedtime"]),
            organisation=attributes.get("organisation"),
            data=data,
        )
    except KeyError as error:
        raise UndecodableFact(f"the attribute {error.args[0]!r} is missing") from error
    except ValueError as error:
        raise UndecodableFact(f"an attribute cannot be read: {error}") from error
    if number < 1:
        raise UndecodableFact(f"sequence: expected 1 or more, got {number}")
    return fact

"""A fact: one thing that happened, as a CloudEvents 1.0 event with a gapless number in its stream.

`NewFact` is what a decision produces; `Fact` is what the stream store made of it by giving it a number.
The data is canonical JSON (RFC 8785) as bytes, made once when the fact is decided and never again: relay, feed
and record pass these bytes on untouched. CloudEvents 1.0.2, Kafka protocol binding 1.0.2 (binary mode).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from shared.kernel.clock import parse_rfc3339, rfc3339
from shared.kernel.errors import Rejected
from shared.kernel.ids import FactId, Subject

DATA_BYTES_MAX: Final = 2_048
"""Bound on a fact's data. Larger originals stay with the service that took them in; the fact carries a digest."""

SUBJECT_CHARACTERS_MAX: Final = 255
NUMBER_MAX: Final = 2**63 - 1
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

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
        if not 0 < len(self.subject) <= SUBJECT_CHARACTERS_MAX or "\x00" in self.subject:
            raise Rejected.of(
                "/subject",
                f"a subject has 1 to {SUBJECT_CHARACTERS_MAX} characters and no NUL, this one has {len(self.subject)}",
                "Name the person, organisation or log by its id.",
            )
        if not CALENDAR_START < self.occurred_at < CALENDAR_END:
            raise Rejected.of("/time", "it is an end of the calendar, which stands for no time", "Tell when it was.")


class Fact(NamedTuple):
    """A fact with its place: `number` 1, 2, 3 … in the stream `(source, subject)`. `data` is None once erased.

    A tuple, because three are made of every fact on its way, and a frozen dataclass takes three times as long to make.
    """

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
            "recordedtime": _instant(self.recorded_at).decode(),
            "sequence": str(self.number),
        }
        if self.organisation is not None:
            attributes["organisation"] = self.organisation
        return attributes


class UndecodableFact(Rejected):
    """Bytes from a topic or feed that are no fact; names the attribute that is missing or wrong."""

    code = "undecodable-fact"


_SPECVERSION: Final = ("ce_specversion", b"1.0")
_CONTENT_TYPE: Final = ("content-type", b"application/json")
_ERASED: Final = ("ce_erased", b"true")
_word = lru_cache(maxsize=1_024)(str.encode)
"""Sources and types: few words, encoded for every fact."""
_read_word = lru_cache(maxsize=1_024)(bytes.decode)
"""The same, decoded: one text of each, not one a fact."""


@lru_cache(maxsize=1_024)
def _instant(instant: datetime) -> bytes:
    """Facts of one transaction were recorded at one instant."""
    return rfc3339(instant).encode()


@lru_cache(maxsize=1_024)
def _read_instant(text: bytes) -> datetime:
    """Return the instant that many facts were recorded at."""
    return parse_rfc3339(text.decode())


def kafka_headers(fact: Fact) -> list[tuple[str, bytes]]:
    """Return the headers of the binary content mode: `ce_…` attributes and `content-type`."""
    headers = [
        ("ce_id", fact.id.encode()),
        ("ce_source", _word(fact.source)),
        _SPECVERSION,
        ("ce_type", _word(fact.type)),
        ("ce_subject", fact.subject.encode()),
        ("ce_time", rfc3339(fact.occurred_at).encode()),
        ("ce_recordedtime", _instant(fact.recorded_at)),
        ("ce_sequence", b"%d" % fact.number),
        _CONTENT_TYPE,
    ]
    if fact.organisation is not None:
        headers.append(("ce_organisation", fact.organisation.encode()))
    if fact.data is None:
        headers.append(_ERASED)
    return headers


def from_kafka(headers: Mapping[str, bytes], value: bytes | None) -> Fact:
    """Return the fact a Kafka record in binary content mode carries. Raises UndecodableFact.

    The data's bytes are taken as they are; whether they satisfy their type's model is the consumer's to find out.
    """
    if headers.get("ce_specversion") != b"1.0":
        raise UndecodableFact(f"ce_specversion: expected 1.0, got {headers.get('ce_specversion')!r}")
    organisation = headers.get("ce_organisation")
    try:
        fact = Fact(
            FactId(headers["ce_id"].decode()),
            _read_word(headers["ce_source"]),
            Subject(headers["ce_subject"].decode()),
            int(headers["ce_sequence"]),
            _read_word(headers["ce_type"]),
            parse_rfc3339(headers["ce_time"].decode()),
            _read_instant(headers["ce_recordedtime"]),
            None if organisation is None else organisation.decode(),
            None if headers.get("ce_erased") == b"true" else value or b"",
        )
    except KeyError as error:
        raise UndecodableFact(f"the header {error.args[0]!r} is missing") from error
    except ValueError as error:
        raise UndecodableFact(f"a header cannot be read: {error}") from error
    _check(fact)
    return fact


def _check(fact: Fact) -> None:
    """Raise UndecodableFact for what no database could keep: whoever wrote this is none of ours."""
    if not 1 <= fact.number <= NUMBER_MAX:
        raise UndecodableFact(f"ce_sequence: expected 1 to {NUMBER_MAX}, got {fact.number}")
    if _UUID.fullmatch(fact.id) is None:
        raise UndecodableFact("ce_id: expected a UUID")
    if not 0 < len(fact.subject) <= SUBJECT_CHARACTERS_MAX or "\x00" in fact.subject or "\x00" in fact.type:
        raise UndecodableFact(f"ce_subject or ce_type: expected 1 to {SUBJECT_CHARACTERS_MAX} characters without NUL")

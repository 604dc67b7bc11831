"""The house as its operator sees it, made from what the APIs answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.console.domain import words

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HearingRow:
    """How far a service has heard a source."""

    source: str
    facts: str
    lag: str
    parked: int
    set_aside: int
    duplicates: str
    gaps: str
    is_assigned: bool


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service. lag: the longest among its hearings, or a dash."""

    name: str
    is_ready: bool
    state: str
    reason: str
    told: str
    waiting: int
    lag: str
    parked: int
    set_aside: int
    hearings: Sequence[HearingRow]


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A parked stream or a fact set aside, and what to type next."""

    service: str
    source: str
    subject: str
    number: int
    type: str
    reason: str
    since: str
    at: str
    command: str


@dataclass(frozen=True, slots=True)
class OperatorPage:
    """All of the page."""

    services: Sequence[ServiceRow]
    parked: Sequence[LetterRow]
    set_aside: Sequence[LetterRow]
    has_more: bool
    unread: Sequence[str]

    @property
    def is_well(self) -> bool:
        """Whether nothing asks for a hand."""
        return all(service.is_ready for service in self.services) and not self.parked and not self.unread

    @property
    def summary(self) -> str:
        """How the house is, in a sentence."""
        away = [service.name for service in self.services if not service.is_ready]
        parts = []
        if away:
            parts.append(f"{len(away)} of {len(self.services)} services not ready: {words.listed(away)}.")
        if self.parked:
            parts.append(f"{words.count(len(self.parked), 'stream')} parked.")
        if self.unread:
            parts.append(f"What {words.listed(list(self.unread))} could not use is not known.")
        return " ".join(parts) or f"All {len(self.services)} services are ready, and nothing is parked."


def operator_page(services: Json, letters: Json) -> OperatorPage:
    """Return the page of what /v1/services and /v1/dead-letters answered."""
    rows = [_letter(one) for one in letters["items"]]
    kinds = [one["kind"] for one in letters["items"]]
    return OperatorPage(
        services=[_service(one) for one in services["items"]],
        parked=[row for row, kind in zip(rows, kinds, strict=True) if kind == "parked"],
        set_aside=[row for row, kind in zip(rows, kinds, strict=True) if kind != "parked"],
        has_more=bool(letters.get("has_more")),
        unread=[one["service"] for one in letters.get("unreachable", ())],
    )


def _service(one: Json) -> ServiceRow:
    hearings = one.get("hearings", ())
    reachable = one.get("is_reachable", True)
    return ServiceRow(
        name=one["service"],
        is_ready=one["is_ready"],
        state="ready" if one["is_ready"] else "not ready" if reachable else "unreachable",
        reason=one["reason"],
        told=f"{one['facts_told']:,}" if "facts_told" in one else "–",
        waiting=one.get("relay_lag_facts", 0),
        lag=words.milliseconds(max(hearing["lag_ms"] for hearing in hearings)) if hearings else "–",
        parked=sum(hearing["parked"] for hearing in hearings),
        set_aside=sum(hearing["set_aside"] for hearing in hearings),
        hearings=[_hearing(hearing) for hearing in hearings],
    )


def _hearing(one: Json) -> HearingRow:
    return HearingRow(
        source=one["source"],
        facts=f"{one['facts']:,}",
        lag=words.milliseconds(one["lag_ms"]),
        parked=one["parked"],
        set_aside=one["set_aside"],
        duplicates=f"{one['duplicates']:,}",
        gaps=f"{one['gaps']:,}",
        is_assigned=one["is_assigned"],
    )


def _letter(one: Json) -> LetterRow:
    return LetterRow(
        service=one["service"],
        source=one["source"],
        subject=one["subject"],
        number=one["number"],
        type=one["type"] or "unread",
        reason=one["reason"],
        since=words.minute(one["since"]),
        at=one["since"],
        command=f"deedlog dlq redrive {one['service']} {one['source']} {one['subject']}",
    )

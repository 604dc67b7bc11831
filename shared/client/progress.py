"""What the client tells of its work: how far it is, and what was refused and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the delivery is.

    delivered: items that the server took since the client was opened; those it had before are counted too.
    waiting: items in the spool still to be delivered.
    refused: items in the spool that were put aside.
    problem: why nothing goes on at present, in a sentence; None while all goes well.
    """

    delivered: int
    waiting: int
    refused: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing wrong with an item: where, which rule, and how to mend it.

    pointer: an RFC 6901 JSON pointer into the item; "" is the whole.
    """

    pointer: str
    rule: str
    mend: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item was put aside. code: the server's, such as `invalid` or `conflict`; stable and machine-readable."""

    code: str
    reasons: tuple[Reason, ...]

    def dumps(self) -> str:
        """Return it as the text that the spool keeps."""
        reasons = [[reason.pointer, reason.rule, reason.mend] for reason in self.reasons]
        return json.dumps({"code": self.code, "reasons": reasons})

    @classmethod
    def loads(cls, text: str) -> Refusal:
        """Return what `dumps` wrote."""
        kept = json.loads(text)
        return cls(kept["code"], tuple(Reason(*reason) for reason in kept["reasons"]))


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that was put aside: its id, its CloudEvents source ("" for a statement), what was sent, and why not."""

    id: str
    source: str
    item: dict[str, Any]
    refusal: Refusal

"""Every failure Deedlog can name, in three families, so that the edge can map each one once.

    DeedlogError
    ├── Rejected      the caller's input; a retry of the same input never helps
    ├── Unavailable   time may heal it; says after how long
    └── Broken        our own invariant does not hold; somebody must look

Pure: imports nothing but the standard library. Messages give expected and got, never a person's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where, which rule, and how to mend it.

    pointer: an RFC 6901 JSON pointer into the input ("" is the whole), or a header or query name.
    """

    pointer: str
    rule: str
    mend: str


class DeedlogError(Exception):
    """The root. `code` is stable and machine-readable; `str(error)` is safe to show to the caller."""

    code: ClassVar[str] = "error"
    may_retry: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Rejected(DeedlogError):
    """The input breaks a rule. Nothing was stored; the same input will be refused again."""

    code: ClassVar[str] = "invalid"

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)

    @classmethod
    def of(cls, pointer: str, rule: str, mend: str) -> Self:
        """Return the rejection for one fault; its message names field, rule and mend in a sentence."""
        where = pointer or "the whole input"
        return cls(f"{where}: {rule}. {mend}", (Fault(pointer, rule, mend),))


class Unauthenticated(Rejected):
    """No credential, or one that nobody issued."""

    code: ClassVar[str] = "unauthenticated"


class Forbidden(Rejected):
    """The caller is known and may not do this."""

    code: ClassVar[str] = "forbidden"


class NotFound(Rejected):
    """There is no such thing, or none that this caller may know of."""

    code: ClassVar[str] = "not-found"


class Conflict(Rejected):
    """Another thing stands under the same name, or the state moved since it was read."""

    code: ClassVar[str] = "conflict"


class TooLarge(Rejected):
    """The input is over a stated bound."""

    code: ClassVar[str] = "too-large"


class Unsupported(Rejected):
    """The media type, version or method is not one we speak."""

    code: ClassVar[str] = "unsupported"


class Unavailable(DeedlogError):
    """A dependency does not answer; nothing was stored. `retry_after_seconds` says when to try again."""

    code: ClassVar[str] = "unavailable"
    may_retry: ClassVar[bool] = True

    def __init__(self, message: str, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Broken(DeedlogError):
    """An invariant of ours does not hold. Never answered with more detail than the code."""

    code: ClassVar[str] = "broken"


class SignatureRejected(Rejected):
    """A signature does not hold under the key that was named."""

    code: ClassVar[str] = "signature-rejected"


class ProofRejected(Rejected):
    """A Merkle proof does not lead to the expected root."""

    code: ClassVar[str] = "proof-rejected"

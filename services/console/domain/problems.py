"""What the codes of problem details mean: an answer's `docs` leads to the page about its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

READING: Final = (
    "The answer itself says the rest: detail is the whole in a sentence; each of errors names a place in what was "
    "sent, the rule it breaks, and the mend."
)
_OTHER: Final = ("A state of its own", "The request is well formed and the state of things does not allow it.")
_MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "invalid": (
        "The request breaks a rule",
        "Nothing of it was taken. Sent again unchanged it is refused again: mend it first.",
    ),
    "unauthenticated": (
        "A valid credential is needed",
        "Send a key by Basic or Bearer. /v1/connection-test, with the same headers, names what is wrong with them.",
    ),
    "forbidden": (
        "The caller may not do this",
        "The credential is valid, and of another kind or without the scope that is named. Use one that has it.",
    ),
    "not-found": ("There is no such thing", "It never was there, is there no more, or is not for this caller to see."),
    "method-not-allowed": ("The method is not answered here", "The header Allow lists those that are."),
    "slow-body": ("The request took too long to arrive", "Send it again, in smaller parts over a slow line."),
    "conflict": ("The state is another one", "Something else stands in its place. Read it, then decide."),
    "still-running": (
        "The same request is under way",
        "Another with this Idempotency-Key has not ended. Wait, then ask.",
    ),
    "idempotency-mismatch": (
        "The idempotency key belongs to another request",
        "A key stands for one request, body included. Take a fresh one for another.",
    ),
    "precondition-failed": (
        "The state is not the one that was named",
        "Somebody changed it since. Read it again and send its new ETag as If-Match.",
    ),
    "precondition-required": (
        "The request must name the state it changes",
        "Read it and send its ETag as If-Match, so that nobody's change is overwritten unseen.",
    ),
    "too-large": ("The request is over a bound", "The bound is named. Send less at once."),
    "unsupported": (
        "This form of request is not read here",
        "The media type or the encoding is another one. Send one that is named.",
    ),
    "unavailable": (
        "Not possible at the moment",
        "Nothing is wrong with the request. Send it again after Retry-After seconds.",
    ),
    "broken": (
        "Something of ours is broken",
        "It was logged under the incident that the answer names. Quote it to whoever runs the house.",
    ),
}


def meaning_of(code: str) -> tuple[str, str]:
    """Return the title and the text of the page about a code; a service's own codes share one."""
    title, text = _MEANINGS.get(code, _OTHER)
    return title, f"{text} {READING}"


def is_described(code: str) -> bool:
    """Say whether the code has a page of its own."""
    return code in _MEANINGS

"""What the client refuses or cannot do, each in one sentence that says what to do about it."""

from __future__ import annotations


class ClientError(Exception):
    """The root of everything this package raises by itself."""


class NotSendable(ClientError):
    """What was handed over can never be delivered; nothing was kept. Names the place, the rule and the mend.

    pointer: an RFC 6901 JSON pointer into what was handed over; "" is the whole. Values are never repeated.
    """

    def __init__(self, pointer: str, rule: str, mend: str) -> None:
        super().__init__(f"{pointer or 'the whole input'}: {rule}. {mend}")
        self.pointer = pointer
        self.rule = rule
        self.mend = mend


class SpoolFull(ClientError):
    """The spool is at its bound and stayed there for as long as the caller would wait; nothing was kept."""


class SpoolInUse(ClientError):
    """Another client holds the spool file, in this process or in another."""


class SpoolFailed(ClientError):
    """The spool file cannot be read or written: no file of ours, a full disk, no right to it. Nothing was kept."""


class ClientClosed(ClientError):
    """The client was closed, never opened, or made in a process that has forked since."""

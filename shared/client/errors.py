"""What the client refuses or cannot do, each in one sentence that says what to do about it."""

from __future__ import annotations

import os


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


def refuse_unusable(process: int, *, is_closed: bool) -> None:
    """Raise ClientClosed for a client that another process made, or that is closed.

    The process is looked at first: after a fork a lock may be held for ever, so nothing of the client is touched.
    """
    if process != os.getpid():
        raise ClientClosed("this client was made before the process forked; make one after it, with its own spool")
    if is_closed:
        raise ClientClosed("the client is closed; what was sent and not delivered waits in its spool")

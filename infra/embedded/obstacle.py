"""What the system refuses, as a sentence for whoever runs the house: where, what is in the way, and what to do.

An `OSError` reaches the command line only from what a person named or owns: a data folder, a file, a disk.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from shared.kernel.errors import DeedlogError, Rejected, Unavailable

_OWN: Final = "Act as its owner, or name another place; the data folder is DEEDLOG_HOME."
_MENDS: Final[Mapping[int, str]] = {
    errno.EACCES: _OWN,
    errno.EPERM: _OWN,
    errno.EROFS: "Name a place that can be written; the data folder is DEEDLOG_HOME.",
    errno.ENOENT: "Make it, or name another place.",
    errno.ENOTDIR: "Name a folder; the data folder is DEEDLOG_HOME.",
    errno.EEXIST: "Name another place; the data folder is DEEDLOG_HOME.",
    errno.EISDIR: "Name a file.",
    errno.ENAMETOOLONG: "Name it shorter.",
}
"""For what another name or another user mends; what is not here may pass with time."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class NoRoom(Unavailable):
    """The disk is full, or so nearly that nothing can be begun on it."""

    code = "no-room"


def in_words(error: OSError) -> DeedlogError:
    """Return what is to be told of `error`: Rejected when another name or user mends it, else Unavailable."""
    place = str(error.filename or "")
    reason = error.strerror or str(error) or type(error).__name__
    told = f"{place}: {reason}" if place else reason
    if error.errno in _NO_ROOM:
        return NoRoom(f"{told}. Make room, then do the same again; what was acknowledged is kept.")
    mend = _MENDS.get(error.errno or 0)
    if mend is None:
        return Unavailable(f"{told}. Look at the disk and the network of this machine, then do the same again.")
    return Rejected.of(place, reason, mend)

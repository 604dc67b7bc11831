"""What was read from a git bundle: the raw facts on which every finding rests.

Names, addresses and dates in a commit are typed in by whoever made it; git checks none of them. So a `Repository` says
what the bundle says, and `evidence.py` says how far that can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """A name and an address as a commit states them. Personal data: never put into an event."""

    name: str
    email: str

    @property
    def key(self) -> str:
        """The text by which commits are ascribed: the address in lower case, else the name."""
        return self.email.strip().lower() or self.name.strip().lower()


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. The times carry the zone that it states. has_signature: it holds one; nobody checked it."""

    sha: str
    parents: tuple[str, ...]
    author: Identity
    authored_at: datetime
    committer: Identity
    committed_at: datetime
    has_signature: bool
    files_changed: int
    insertions: int
    deletions: int


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file in the tree of the head. lines is 0 for what git takes for binary."""

    path: str
    size: int
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Repository:
    """What a bundle holds, as reached from its head.

    commits: newest first. bundle_digest: SHA-256 of the bundle's bytes. lines_by_identity: lines of the head that
    `git blame` ascribes to each identity's key, in `blamed_files` of the `blameable_files` text files.
    """

    bundle_digest: bytes
    bundle_size: int
    head: str
    commits: tuple[Commit, ...]
    files: tuple[TreeFile, ...]
    lines_by_identity: Mapping[str, int] = field(default_factory=dict)
    blamed_files: int = 0
    blameable_files: int = 0

"""What git prints, read into values. Bytes of commits come from strangers: each reader is strict or lenient by intent.

Strict where a wrong reading would be a wrong finding (who, when), lenient where nothing hangs on it (a name that is
not UTF-8 is shown with its bytes escaped).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from services.project_submissions.domain.bundle import POINTER, check_path
from services.project_submissions.domain.repository import Commit, Identity
from shared.kernel.errors import Rejected

_SIGNED_LINE: Final = re.compile(rb"(.*?) ?<([^<>\n]*)> ?(-?[0-9]{1,18}) ([+-][0-9]{4})").fullmatch
_SHORTSTAT: Final = re.compile(r" (\d+) files? changed(?:, (\d+) insertions?\(\+\))?(?:, (\d+) deletions?\(-\))?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET_MAX: Final = timedelta(hours=24)
_REGULAR_FILES: Final = (b"100644", b"100755", b"100664")


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A regular file in a tree: its blob's id, its size, its path as git has it."""

    blob: str
    size: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit changed against its first parent; nothing for a merge."""

    files: int = 0
    insertions: int = 0
    deletions: int = 0


def objects(batch: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield id and content of each object that `git cat-file --batch` prints. Raises Rejected for a missing one."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        name, _, rest = batch[at:end].partition(b" ")
        if rest == b"missing":
            raise Rejected.of(POINTER, "an object that it refers to is missing", "Bundle from a full clone.")
        size = int(rest.partition(b" ")[2])
        yield name.decode(), batch[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def commit(sha: str, content: bytes, change: Change) -> Commit:
    """Return the commit that the content of its object states. Raises Rejected for one without author or committer."""
    head = content.partition(b"\n\n")[0]
    fields: dict[bytes, bytes] = {}
    parents: list[str] = []
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name == b"parent":
            parents.append(value.decode("ascii", "replace"))
        else:
            fields.setdefault(name, value)
    author, authored_at = _signed(fields.get(b"author", b""), sha)
    committer, committed_at = _signed(fields.get(b"committer", b""), sha)
    return Commit(
        sha,
        tuple(parents),
        author,
        authored_at,
        committer,
        committed_at,
        b"gpgsig" in fields or b"gpgsig-sha256" in fields,
        change.files,
        change.insertions,
        change.deletions,
    )


def changes(log: bytes) -> dict[str, Change]:
    """Return what each commit changed, from `git log --shortstat --format=%x00%H`."""
    found: dict[str, Change] = {}
    sha = ""
    for line in log.decode("utf-8", "replace").split("\n"):
        if line.startswith("\0"):
            sha = line[1:]
        elif match := _SHORTSTAT.match(line):
            found[sha] = Change(*(int(number or 0) for number in match.groups()))
    return found


def tree(listing: bytes) -> list[TreeEntry]:
    """Return the regular files of `git ls-tree -r -l -z`; links and submodules are left out.

    Raises Rejected for a path that leads out of the tree, whatever stands under it.
    """
    entries = []
    for record in listing.split(b"\0")[:-1]:
        facts, _, path = record.partition(b"\t")
        check_path(path)
        mode, _, blob, size = facts.split()
        if mode in _REGULAR_FILES:
            entries.append(TreeEntry(blob.decode(), int(size), path))
    return entries


def line_counts(numstat: bytes) -> dict[bytes, int]:
    """Return the lines of each text file by path, from `git diff-tree --numstat -z` against the empty tree."""
    counts: dict[bytes, int] = {}
    for record in numstat.split(b"\0"):
        inserted, _, rest = record.partition(b"\t")
        path = rest.partition(b"\t")[2]
        if path and inserted.isdigit():
            counts[path] = int(inserted)
    return counts


def ascribed_lines(porcelain: bytes) -> Mapping[str, int]:
    """Return how many lines `git blame --line-porcelain` ascribes to each identity's key."""
    counts: Counter[str] = Counter()
    name = email = ""
    for line in porcelain.split(b"\n"):
        if line.startswith(b"\t"):
            counts[Identity(name, email).key] += 1
        elif line.startswith(b"author "):
            name = shown(line[7:])
        elif line.startswith(b"author-mail "):
            email = shown(line[12:]).strip("<>")
    return counts


def _signed(line: bytes, sha: str) -> tuple[Identity, datetime]:
    """Return who and when, from `Name <address> seconds ±hhmm`; an impossible zone is read as UTC."""
    match = _SIGNED_LINE(line)
    if match is None:
        rule = f"commit {sha[:12]} has no readable author or committer"
        raise Rejected.of(POINTER, rule, "Repair the history with git fsck and git filter-repo.")
    try:
        moment = (_EPOCH + timedelta(seconds=int(match[3]))).astimezone(_zone(match[4].decode()))
    except (OverflowError, ValueError) as error:
        rule = f"commit {sha[:12]} has a date outside of the years 1 to 9999"
        raise Rejected.of(POINTER, rule, "Set a real date with git filter-repo.") from error
    return Identity(shown(match[1]), shown(match[2])), moment


def _zone(text: str) -> timezone:
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    if offset >= _OFFSET_MAX:
        return UTC
    return timezone(-offset if text[0] == "-" else offset)


def shown(raw: bytes) -> str:
    """Return bytes of a stranger as text; what is not UTF-8 is shown by its escaped bytes."""
    return raw.decode("utf-8", "backslashreplace")

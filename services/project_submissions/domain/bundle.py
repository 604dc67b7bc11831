"""The outside of a git bundle: its header, which of its branches is the head, and which paths may stand in it.

The header is read before git sees the file, because it says cheaply what is wrong: not a bundle, half a history, more
objects than are taken. The format is gitformat-bundle(5): a signature line, in version 3 capabilities, prerequisites
(`-<id> comment`), references (`<id> <name>`), an empty line, then a pack.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.kernel.errors import Rejected, TooLarge

POINTER: Final = "/bundle"
"""Where the bundle stands in a submission; every fault of it points here."""
HEADER_BYTES_MAX: Final = 256 << 10
"""Bytes in which a header ends; with REFS_MAX names of usual length it has a tenth of them."""
REFS_MAX: Final = 1_000
"""References in a bundle."""
PACK_HEADER_SIZE: Final = 12
"""Bytes of a pack that say what it is: PACK, a version, the number of its objects."""
PATH_BYTES_MAX: Final = 1_024
"""Bytes in the path of a file."""

_SIGNATURES: Final = {b"# v2 git bundle": 2, b"# v3 git bundle": 3}
_REF: Final = re.compile(rb"([0-9a-f]{40}) ([^\x00-\x20\x7f]{1,1024})").fullmatch
_FORBIDDEN_STEPS: Final = frozenset({b"", b".", b"..", b".git"})
_LFS_POINTERS: Final = (b"version https://git-lfs.github.com/spec/v1\n", b"version https://hawser.github.com/spec/v1\n")
_NEW_BUNDLE: Final = "Make one with: git bundle create work.bundle HEAD main"


@dataclass(frozen=True, slots=True)
class BundleHeader:
    """What a header says. pack_offset: where in the file the pack begins. object_count: as the pack states it."""

    refs: Mapping[str, str]
    pack_offset: int
    object_count: int

    def head(self) -> str:
        """Return the id of the commit to read: HEAD, else main, else master, else the only branch there is.

        Raises Rejected where that leaves more than one, or none.
        """
        for name in ("HEAD", "refs/heads/main", "refs/heads/master"):
            if name in self.refs:
                return self.refs[name]
        branches = {value for name, value in self.refs.items() if name.startswith("refs/heads/")}
        if len(branches) != 1:
            rule = f"it names no HEAD and {len(branches)} branches, so nobody knows which history is meant"
            raise Rejected.of(POINTER, rule, _NEW_BUNDLE)
        return branches.pop()


def read_header(start: bytes, objects_max: int) -> BundleHeader:
    """Return the header of a bundle from the first HEADER_BYTES_MAX + 12 bytes of its file.

    Raises Rejected for what is no bundle, needs commits that it does not hold, or leaves objects out; TooLarge over
    REFS_MAX, HEADER_BYTES_MAX or `objects_max`. The pack itself is not looked at, but for its first 12 bytes.
    """
    head, end, _ = start[:HEADER_BYTES_MAX].partition(b"\n\n")
    signature, *lines = head.split(b"\n")
    version = _SIGNATURES.get(signature)
    if version is None:
        raise Rejected.of(POINTER, "it is no git bundle of version 2 or 3", _NEW_BUNDLE)
    if not end:
        if len(start) >= HEADER_BYTES_MAX:
            raise TooLarge.of(POINTER, f"its header has more than {HEADER_BYTES_MAX} bytes", _NEW_BUNDLE)
        raise Rejected.of(POINTER, "it ends within its header", "Send the whole file.")
    refs = _refs(lines, version)
    offset = len(head) + len(end)
    return BundleHeader(refs, offset, _object_count(start[offset : offset + PACK_HEADER_SIZE], objects_max))


def check_path(path: bytes) -> None:
    """Raise Rejected unless `path` stays within its tree when somebody else writes it to a disk.

    git's own check has refused such names before; this one does not rely on which git that was.
    """
    if len(path) > PATH_BYTES_MAX:
        raise TooLarge.of(POINTER, f"a path in it has more than {PATH_BYTES_MAX} bytes", "Use shorter names.")
    if any(step.lower() in _FORBIDDEN_STEPS for step in path.split(b"/")):
        raise Rejected.of(POINTER, "a path in it leads out of its tree", "Remove .., . and .git from its file names.")


def is_lfs_pointer(content: bytes) -> bool:
    """Say whether a file's content is a Git LFS pointer, that is, not the content but where it would be."""
    return content.startswith(_LFS_POINTERS)


def _refs(lines: list[bytes], version: int) -> dict[str, str]:
    refs: dict[str, str] = {}
    for line in lines:
        if line.startswith(b"@") and version == 3:
            _check_capability(line)
        elif line.startswith(b"-"):
            rule = "it builds on commits that it does not hold"
            raise Rejected.of(POINTER, rule, f"Bundle the whole history, without a range. {_NEW_BUNDLE}")
        else:
            match = _REF(line)
            if match is None:
                raise Rejected.of(POINTER, "a line of its header is no reference", _NEW_BUNDLE)
            refs[match[2].decode("utf-8", "backslashreplace")] = match[1].decode()
    if len(refs) > REFS_MAX:
        raise TooLarge.of(POINTER, f"it names {len(refs)} references where at most {REFS_MAX} are taken", _NEW_BUNDLE)
    return refs


def _check_capability(line: bytes) -> None:
    name, _, value = line[1:].partition(b"=")
    if name == b"filter":
        rule = "it leaves objects out (a filtered bundle)"
        raise Rejected.of(POINTER, rule, f"Bundle from a full clone. {_NEW_BUNDLE}")
    if (name, value) != (b"object-format", b"sha1"):
        rule = "it needs something that is not read here; of object formats only sha1 is"
        raise Rejected.of(POINTER, rule, f"Bundle from a repository made with the usual settings. {_NEW_BUNDLE}")


def _object_count(pack: bytes, objects_max: int) -> int:
    if len(pack) < PACK_HEADER_SIZE or not pack.startswith(b"PACK"):
        raise Rejected.of(POINTER, "no pack follows its header", "Send the whole file.")
    count = int.from_bytes(pack[8:12], "big")
    if count > objects_max:
        rule = f"it holds {count} objects where at most {objects_max} are taken"
        raise TooLarge.of(POINTER, rule, "Submit a project without what was imported into it.")
    return count

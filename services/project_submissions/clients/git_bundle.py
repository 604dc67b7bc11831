"""Reads a git bundle with git, in a room of its own, and leaves nothing behind.

The order of the checks is the order of their price: size, header, number of objects, then git. The pack is not cloned
or fetched but given to `git index-pack --strict`: that checks every object and every link (git's fsck), which older
gits do not when they read a bundle, and it needs no reference to be written. No work tree is ever made; what the
history says is asked with cat-file, log, ls-tree, diff-tree and blame. How git is run: `git_process.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.project_submissions.clients.git_process import GitFailed, GitProcess, ProcessLimits, TooMuchOutput
from services.project_submissions.domain.authorship import blameable, sample
from services.project_submissions.domain.bundle import (
    HEADER_BYTES_MAX,
    PACK_HEADER_SIZE,
    POINTER,
    BundleHeader,
    is_lfs_pointer,
    read_header,
)
from services.project_submissions.domain.git_output import (
    Change,
    TreeEntry,
    ascribed_lines,
    changes,
    commit,
    line_counts,
    objects,
    shown,
    tree,
)
from services.project_submissions.domain.repository import Commit, Repository, TreeFile
from shared.kernel.errors import Broken, DeedlogError, Rejected, TooLarge, Unavailable

_MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BundleLimits:
    """How much of a bundle is read. A bundle over a limit is refused whole; only blame is cut short, and says so."""

    bundle_bytes_max: int = 64 * _MEBIBYTE
    objects_max: int = 200_000
    inflated_bytes_max: int = 1024 * _MEBIBYTE
    """Bytes of all objects together once unpacked, every version of every file counted."""
    commits_max: int = 10_000
    commit_bytes_max: int = 64 * _MEBIBYTE
    """Bytes of all commits together, messages included."""
    files_max: int = 20_000
    """Files in the tree of the head."""
    command_seconds_max: float = 60.0
    """Time, and processor time, of one git command."""
    memory_bytes_max: int = 1024 * _MEBIBYTE
    """Address space of one git command."""
    blamed_files_max: int = 200
    blame_seconds_max: float = 20.0
    """Time for all blames together; files not reached are not counted as blamed."""


_SEARCH_PATH: Final = f"{os.defpath}:/usr/local/bin:/opt/homebrew/bin"
# The empty tree of SHA-1 repositories: git knows it without storing it.
_EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
# A fault of old tools that says nothing about the content; whatever else git's fsck finds is refused.
_FSCK: Final = "zeroPaddedFilemode=ignore"
_FSCK_FAULT: Final = re.compile(r"error: object [0-9a-f]{40}: ([a-z][A-Za-z]+)")
_OUT_OF_MEMORY: Final = re.compile("out of memory|mmap failed|cannot allocate memory", re.IGNORECASE)
_DISK_FULL: Final = re.compile("no space left on device|disk quota exceeded", re.IGNORECASE)
_FSCK_PATHS: Final = frozenset({"hasDot", "hasDotdot", "hasDotgit", "fullPathname", "emptyName"})
_LISTED_BYTES_MAX: Final = 256
"""Bytes a file takes in a listing on average; a tree that expands without end runs into this bound."""
_BLAME_BYTES_MAX: Final = 64 * _MEBIBYTE
_POINTER_SIZES: Final = range(100, 1_024)
"""Sizes of Git LFS pointers; their specification bounds them."""


class GitBundleReader:
    """Reads bundles into the raw facts on which evidence rests.

    scratch: an existing folder for temporary ones. search_path: where git is looked for; nothing of the environment
    reaches it.
    """

    def __init__(self, scratch: Path, limits: BundleLimits | None = None, search_path: str = _SEARCH_PATH) -> None:
        self._scratch = scratch
        self._limits = limits or BundleLimits()
        self._search_path = search_path

    async def read(self, bundle: Path) -> Repository:
        """Return what the bundle holds, as reached from its head. Whether it ends well or not, nothing stays on disk.

        Raises Rejected, at `/bundle`, for what is no whole and sound bundle; TooLarge over a limit; Unavailable where
        git is not to be found. Not checked: signatures, and whatever names and dates in commits claim.
        """
        if shutil.which("git", path=self._search_path) is None:
            raise Unavailable("git is not installed where this service looks for it", retry_after_seconds=60.0)
        limits = self._limits
        bundle = await asyncio.to_thread(bundle.resolve)
        size, digest, start = await asyncio.to_thread(_fingerprint, bundle, limits.bundle_bytes_max)
        header = read_header(start, limits.objects_max)
        async with self._room() as room:
            await room.take_in(bundle, header)
            head = await room.commit_id(header.head())
            entries = await room.files(head)
            commits = await room.commits(head)
            lines = await room.lines(head)
            files = tuple(TreeFile(shown(one.path), one.size, lines.get(one.path, 0)) for one in entries)
            written = blameable(files)
            counts, blamed = await room.blame(head, [file.path for file in sample(written, limits.blamed_files_max)])
        return Repository(digest, size, head, commits, files, counts, blamed, len(written))

    @contextlib.asynccontextmanager
    async def _room(self) -> AsyncIterator[_Room]:
        """Give an empty bare repository that is gone afterwards."""
        try:
            # Not in a thread: cancelled there, it would leave the folder to nobody.
            folder = Path(tempfile.mkdtemp(prefix="bundle-", dir=self._scratch))
        except OSError as error:
            raise Unavailable(f"nothing can be made in the scratch folder: {error.strerror}") from error
        limits = ProcessLimits(
            seconds_max=self._limits.command_seconds_max,
            memory_bytes_max=self._limits.memory_bytes_max,
            written_bytes_max=2 * self._limits.bundle_bytes_max + 64 * _MEBIBYTE,
        )
        git = GitProcess(folder / "repository.git", limits, self._search_path)
        try:
            try:
                await git.run("init", "--quiet", "--bare", "--template=", "--object-format=sha1", str(git.folder))
            except GitFailed as failure:
                raise Unavailable("git could not make an empty repository in the scratch folder") from failure
            yield _Room(git, self._limits)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder)


class _Room:
    """One bundle's repository. Each method asks one question; what does not hold comes out as Rejected."""

    def __init__(self, git: GitProcess, limits: BundleLimits) -> None:
        self._git = git
        self._limits = limits

    async def take_in(self, bundle: Path, header: BundleHeader) -> None:
        """Store the objects of the bundle, each of them checked, and bound what they take when unpacked."""
        await self._ask("bundle", "verify", "--quiet", str(bundle))
        with await asyncio.to_thread(bundle.open, "rb") as pack:
            await asyncio.to_thread(pack.seek, header.pack_offset)
            size = f"--max-input-size={self._limits.bundle_bytes_max}"
            await self._ask("index-pack", "--stdin", f"--strict={_FSCK}", "--threads=1", size, stdin=pack.fileno())
        check = ("--batch-all-objects", "--batch-check=%(objectsize)", "--unordered", "--buffer")
        sizes = await self._ask("cat-file", *check, bytes_max=self._limits.objects_max * 20)
        total = sum(map(int, sizes.split()))
        if total > self._limits.inflated_bytes_max:
            rule = f"unpacked it has {total} bytes where at most {self._limits.inflated_bytes_max} are taken"
            raise TooLarge.of(POINTER, rule, "Keep data and built files out of the history.")

    async def commit_id(self, name: str) -> str:
        """Return the id of the commit that a reference of the bundle leads to."""
        try:
            return (await self._git.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")).decode().strip()
        except GitFailed as failure:
            if failure.code < 0:
                raise _unsound(failure, self._limits) from failure
            mend = "Bundle a branch: git bundle create work.bundle HEAD main"
            raise Rejected.of(POINTER, "its head leads to no commit", mend) from failure

    async def commits(self, head: str) -> tuple[Commit, ...]:
        """Return the history of `head`, newest first."""
        count_max = self._limits.commits_max
        names = await self._ask("rev-list", f"--max-count={count_max + 1}", head, bytes_max=(count_max + 1) * 41)
        if names.count(b"\n") > count_max:
            rule = f"its history has more than {count_max} commits"
            raise TooLarge.of(POINTER, rule, "Submit a project of your own, without the history it was forked from.")
        batch = await self._ask("cat-file", "--batch", "--buffer", stdin=names, bytes_max=self._limits.commit_bytes_max)
        plain = ("--shortstat", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-notes", "--format=%x00%H")
        log = await self._ask("log", *plain, head, "--", bytes_max=(count_max + 1) * 160)
        changed = changes(log)
        return tuple(commit(sha, content, changed.get(sha, Change())) for sha, content in objects(batch))

    async def files(self, head: str) -> list[TreeEntry]:
        """Return the files in the tree of `head`. Refuses too many, paths that lead astray, and Git LFS pointers."""
        bytes_max = self._limits.files_max * _LISTED_BYTES_MAX
        listing = await self._ask("ls-tree", "-r", "-l", "-z", "--full-tree", head, bytes_max=bytes_max)
        entries = tree(listing)
        if len(entries) > self._limits.files_max:
            raise _too_many_files(self._limits.files_max)
        small = {entry.blob: entry for entry in entries if entry.size in _POINTER_SIZES}
        names = "".join(f"{blob}\n" for blob in small).encode()
        batch = await self._ask("cat-file", "--batch", "--buffer", stdin=names, bytes_max=len(small) * 1_100)
        for blob, content in objects(batch):
            if is_lfs_pointer(content):
                rule = f"{shown(small[blob].path)} is a Git LFS pointer: its content is not in the bundle"
                raise Rejected.of(POINTER, rule, "Put it into the history with git lfs migrate export, or remove it.")
        return entries

    async def lines(self, head: str) -> dict[bytes, int]:
        """Return the lines of each text file in the tree of `head`, by path."""
        plain = ("-r", "--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
        bytes_max = self._limits.files_max * _LISTED_BYTES_MAX
        return line_counts(await self._ask("diff-tree", *plain, _EMPTY_TREE, head, bytes_max=bytes_max))

    async def blame(self, head: str, paths: Sequence[str]) -> tuple[dict[str, int], int]:
        """Return the surviving lines by identity's key, and of how many files they are, within the time for it."""
        counts: Counter[str] = Counter()
        blamed = 0
        now = asyncio.get_running_loop().time
        deadline = now() + self._limits.blame_seconds_max
        for path in paths:
            if (left := deadline - now()) <= 0:
                break
            arguments = ("blame", "-w", "-M", "-C", "--line-porcelain", head, "--", path)
            with contextlib.suppress(GitFailed, TooMuchOutput):
                counts.update(
                    ascribed_lines(await self._git.run(*arguments, bytes_max=_BLAME_BYTES_MAX, seconds_max=left))
                )
                blamed += 1
        return dict(counts), blamed

    async def _ask(self, *arguments: str, stdin: bytes | int = b"", bytes_max: int = 64 << 10) -> bytes:
        """Return what a command prints; what keeps it from ending well is the bundle's fault and told as such."""
        try:
            return await self._git.run(*arguments, stdin=stdin, bytes_max=bytes_max)
        except TooMuchOutput as excess:
            if arguments[0] in ("ls-tree", "diff-tree"):
                raise _too_many_files(self._limits.files_max) from excess
            rule = f"its commits take more than {bytes_max} bytes"
            raise TooLarge.of(POINTER, rule, "Submit a smaller part of the history.") from excess
        except GitFailed as failure:
            raise _unsound(failure, self._limits) from failure


def _unsound(failure: GitFailed, limits: BundleLimits) -> DeedlogError:
    """Return what is wrong with a bundle that git could not cope with, told without a word of the bundle's own.

    Broken, and Unavailable, for what is wrong with git or the disk instead.
    """
    if failure.is_crash:
        return Broken(f"git died of signal {-failure.code} while it read a bundle")
    if _DISK_FULL.search(failure.said):
        return Unavailable("the scratch folder has no room for a bundle", retry_after_seconds=60.0)
    if failure.is_over_limit or _OUT_OF_MEMORY.search(failure.said):
        memory = limits.memory_bytes_max // _MEBIBYTE
        rule = f"to read it takes more than {limits.command_seconds_max:g} s or {memory} MiB of memory"
        return TooLarge.of(POINTER, rule, "Keep data and built files out of the history.")
    if "maximum allowed size" in failure.said:
        rule = f"it has more than {limits.bundle_bytes_max} bytes"
        return TooLarge.of(POINTER, rule, "Keep data and built files out of the history.")
    fault = _FSCK_FAULT.search(failure.said)
    if fault is not None and fault[1] in _FSCK_PATHS:
        rule = f"a path in it leads out of its tree ({fault[1]})"
        return Rejected.of(POINTER, rule, "Remove .., . and .git from its file names, in the history as well.")
    if fault is not None:
        rule = f"an object in it breaks a rule of git ({fault[1]})"
        return Rejected.of(POINTER, rule, "Find it with git fsck --strict and mend it with git filter-repo.")
    if "did not receive expected object" in failure.said or "unresolved delta" in failure.said:
        mend = "Bundle from a full clone: git fetch --unshallow, then git bundle create."
        return Rejected.of(POINTER, "an object that it refers to is missing", mend)
    return Rejected.of(POINTER, "it is damaged or cut off", "Send the whole file; git bundle verify says if it is.")


def _too_many_files(files_max: int) -> TooLarge:
    return TooLarge.of(POINTER, f"its tree has more than {files_max} files", "Leave out what was built or copied in.")


def _fingerprint(bundle: Path, bytes_max: int) -> tuple[int, bytes, bytes]:
    """Return the size of a file, its SHA-256, and as much of its start as a header may take."""
    size = bundle.stat().st_size
    if size > bytes_max:
        rule = f"it has {size} bytes where at most {bytes_max} are taken"
        raise TooLarge.of(POINTER, rule, "Keep data and built files out of the history.")
    with bundle.open("rb") as file:
        start = file.read(HEADER_BYTES_MAX + PACK_HEADER_SIZE)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").digest()
    return size, digest, start

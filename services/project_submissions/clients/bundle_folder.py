"""Keeps bundles in a folder under their digest: written aside, made durable, then named.

A file that no submission refers to is left over: by an upload whose submission was not filed, or by a bundle that was
refused. `leftovers` names those old enough that no upload under way can still be about to file one.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from services.project_submissions.clients.git_bundle import BundleLimits, GitBundleReader
from services.project_submissions.domain.bundle import POINTER
from services.project_submissions.domain.repository import Repository
from services.project_submissions.handlers.filed import Bundle
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected, Unavailable
from shared.kernel.hashing import digest_text
from shared.runtime.lifecycle import Readiness

LEFT_OVER_AGE: Final = timedelta(hours=1)
"""Longer than any upload or check may take; what is older and referred to by nothing is nobody's."""
_SCHEME: Final = "sha256:"


class BundleFolder:
    """A folder of bundles; a component. The same bundle received twice is kept once."""

    name = "project_submissions.bundles"

    def __init__(self, folder: Path, clock: Clock, limits: BundleLimits) -> None:
        self._folder = folder / "bundles"
        self._scratch = folder / "scratch"
        self._clock = clock
        self._reader = GitBundleReader(self._scratch, limits)
        self._failure = "it has not started"

    # A component

    async def start(self) -> None:
        """Have the folders, for our own eyes only. Raises Unavailable when they cannot be made."""
        try:
            for folder in (self._folder, self._scratch):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"the folder for bundles cannot be made: {error.strerror}") from error
        self._failure = ""

    async def stop(self) -> None:
        """Nothing to let go of."""

    def readiness(self) -> Readiness:
        """Say whether the folders are there, and could be written when last tried."""
        return Readiness(self.name, not self._failure, self._failure)

    # Keeping

    async def take_in(self, chunks: AsyncIterator[bytes]) -> Bundle:
        """Keep what arrives and return its digest and size; durable on return.

        Raises Rejected when nothing arrives, Unavailable when the disk does not take it, and as `chunks` does; then
        nothing of it is left.
        """
        try:
            bundle = await self._taken_in(chunks)
        except OSError as error:
            self._failure = f"a bundle could not be written: {error.strerror}"
            raise Unavailable("bundles cannot be kept at the moment", retry_after_seconds=30.0) from error
        self._failure = ""
        return bundle

    async def _taken_in(self, chunks: AsyncIterator[bytes]) -> Bundle:
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=self._scratch, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                await asyncio.to_thread(_flush, file)
            if not size:
                raise Rejected.of(POINTER, "the body is empty", "Send the file that `git bundle create` made.")
            bundle = Bundle(digest_text(digest.digest()), size)
            self._name(Path(name), bundle.digest)
            await asyncio.to_thread(_flush_folder, self._folder)
        except BaseException:
            _drop(Path(name))
            raise
        return bundle

    async def read(self, digest: str) -> Repository:
        """Return what a bundle holds. Raises Rejected when it is unsound, too large or gone; Unavailable."""
        path = self._path(digest)
        if not await asyncio.to_thread(path.exists):
            raise Rejected.of(POINTER, "the bundle is not here any more", "Submit it again.")
        return await self._reader.read(path)

    def discard(self, digest: str) -> None:
        """Have the bundle gone, if it was there."""
        _drop(self._path(digest))

    # Tidying

    def leftovers(self) -> list[str]:
        """Return the digests of all bundles that are old enough to be left over, whether or not they are."""
        return [_SCHEME + path.stem for path in self._folder.glob("*.bundle") if self._is_old(path)]

    def discard_leftover(self, digest: str) -> None:
        """Have the bundle gone unless it was received anew meanwhile."""
        if self._is_old(self._path(digest)):
            self.discard(digest)

    def clear_scratch(self) -> int:
        """Have taken away what killed uploads and checks left behind, and return how many."""
        left = [path for path in self._scratch.iterdir() if self._is_old(path)]
        for path in left:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                _drop(path)
        return len(left)

    def _name(self, written: Path, digest: str) -> None:
        written.replace(self._path(digest))

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest.removeprefix(_SCHEME)}.bundle"

    def _is_old(self, path: Path) -> bool:
        try:
            return path.stat().st_mtime < (self._clock.now() - LEFT_OVER_AGE).timestamp()
        except FileNotFoundError:
            return False


def _drop(path: Path) -> None:
    path.unlink(missing_ok=True)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Have the names in a folder durable too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

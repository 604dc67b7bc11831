"""Keeps bundles in a folder under their digest: written aside, made durable, then named."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from services.project_submissions.handlers import Bundle
from shared.kernel.errors import Rejected
from shared.kernel.hashing import digest_text


class BundleFolder:
    """A folder of bundles. The same bundle received twice is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "bundles"
        self.scratch = folder / "scratch"
        for one in (self._folder, self.scratch):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where the bundle of this digest text lies."""
        return self._folder / f"{digest.removeprefix('sha256:')}.bundle"

    async def take_in(self, chunks: AsyncIterator[bytes]) -> Bundle:
        """Keep what arrives and return its digest and size; durable on return. Raises Rejected when nothing arrives."""
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=self.scratch, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                await asyncio.to_thread(_sync, file)
            if not size:
                raise Rejected.of("", "the body is empty", "Send the file that `git bundle create` made.")
            bundle = Bundle(digest_text(digest.digest()), size)
            Path(name).replace(self.path(bundle.digest))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return bundle


def _sync(file: object) -> None:
    file.flush()  # type: ignore[attr-defined]
    os.fsync(file.fileno())  # type: ignore[attr-defined]

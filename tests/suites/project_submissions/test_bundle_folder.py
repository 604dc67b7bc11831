"""A bundle is kept whole or not at all, whoever sends it and however that ends."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.project_submissions.clients.bundle_folder import BundleFolder
from services.project_submissions.clients.git_bundle import BundleLimits
from shared.kernel.clock import FixedClock
from shared.kernel.errors import Rejected, Unavailable
from shared.kernel.hashing import digest_text, sha256


@pytest.fixture
async def folder(tmp_path: Path) -> BundleFolder:
    """An open folder."""
    opened = BundleFolder(tmp_path / "data", FixedClock(datetime.now(UTC)), BundleLimits())
    assert not opened.readiness().is_ready
    await opened.start()
    assert opened.readiness().is_ready
    return opened


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_what_arrives_lies_under_its_digest_for_our_eyes_only(folder: BundleFolder, tmp_path: Path) -> None:
    kept = await folder.take_in(chunks(b"one ", b"bundle"))
    assert (kept.digest, kept.size) == (digest_text(sha256(b"one bundle")), 10)
    (path,) = (tmp_path / "data" / "bundles").iterdir()
    assert path.read_bytes() == b"one bundle"
    assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "bundles").stat().st_mode & 0o077 == 0


async def test_the_same_bundle_lies_there_once(folder: BundleFolder, tmp_path: Path) -> None:
    first, again = await folder.take_in(chunks(b"a")), await folder.take_in(chunks(b"", b"a"))
    assert first == again
    assert len(files(tmp_path)) == 1


async def test_a_sender_that_goes_away_leaves_nothing(folder: BundleFolder, tmp_path: Path) -> None:
    async def broken_off() -> AsyncIterator[bytes]:
        yield b"half"
        raise Rejected.of("", "gone", "Come back.")

    with pytest.raises(Rejected):
        await folder.take_in(broken_off())
    with pytest.raises(Rejected):
        await folder.take_in(chunks())
    assert files(tmp_path) == []


async def test_an_upload_that_is_cancelled_leaves_nothing(folder: BundleFolder, tmp_path: Path) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        started.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(folder.take_in(endless()))
    await started.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert files(tmp_path) == []


async def test_a_disk_that_takes_nothing_makes_it_unavailable_until_it_does(
    folder: BundleFolder, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "data" / "scratch")
    with pytest.raises(Unavailable):
        await folder.take_in(chunks(b"a"))
    assert not folder.readiness().is_ready
    await folder.start()
    await folder.take_in(chunks(b"a"))
    assert folder.readiness().is_ready


async def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(Unavailable):
        await BundleFolder(tmp_path / "data", FixedClock(datetime.now(UTC)), BundleLimits()).start()


async def test_only_old_bundles_are_left_over_and_one_received_anew_is_not(
    folder: BundleFolder, tmp_path: Path
) -> None:
    clock = FixedClock(datetime.now(UTC))
    folder = BundleFolder(tmp_path / "data", clock, BundleLimits())
    kept = await folder.take_in(chunks(b"a"))
    assert folder.leftovers() == []
    folder.discard_leftover(kept.digest)
    assert len(files(tmp_path)) == 1
    clock.advance(3_700)
    assert folder.leftovers() == [kept.digest]
    folder.discard_leftover(kept.digest)
    folder.discard_leftover(kept.digest)
    assert files(tmp_path) == []

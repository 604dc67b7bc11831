"""Real servers for real tests: each in a folder of its own, ended and wiped whatever the test did to them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands a server to another user")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running server. Under root its folder is one that only root enters, as pytest makes them."""
    postgres = EmbeddedPostgres(tmp_path / "postgres", free_port())
    await postgres.start()
    yield postgres
    await postgres.wipe()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """One server for all tests of a module that neither stop it nor look at what others left in it."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("standing"), free_port())
    await postgres.start()
    yield postgres
    await postgres.wipe()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of ours that every user of the machine may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="deedlog-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)

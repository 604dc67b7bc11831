"""A place for a house, cleared whatever the test did there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.suites.embedded.place import Place


def new_place() -> Place:
    """Return a place in a folder that everybody may pass through, as the database's own user has to under root."""
    folder = Path(tempfile.mkdtemp(prefix="deedlog-house-"))
    folder.chmod(0o755)
    return Place(folder)


@pytest.fixture
def place() -> Iterator[Place]:
    """A place of the test's own."""
    found = new_place()
    yield found
    found.clean()


@pytest.fixture
def fresh_place() -> Iterator[Place]:
    """A place where no house ever was."""
    found = new_place()
    yield found
    found.clean()


@pytest.fixture(scope="module")
def standing_house() -> Iterator[Place]:
    """A house that runs for all tests of a module that do not stop or break it."""
    found = new_place()
    try:
        found.json("up", "--detach")
        yield found
    finally:
        found.clean()

"""What the suites stand on: where a suite's servers do not all start, none of them is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.process import LaunchFailed
from tests.suites.servers import running_servers


async def test_a_broker_that_does_not_start_leaves_no_database_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(broker: EmbeddedBroker) -> None:
        assert (tmp_path / "postgres" / "data").exists()
        raise LaunchFailed("the broker does not start")

    monkeypatch.setattr(EmbeddedBroker, "start", fail)
    with pytest.raises(LaunchFailed):
        async with running_servers(tmp_path):
            raise AssertionError("there is no broker")
    assert not (tmp_path / "postgres" / "data").is_symlink()
    assert not (tmp_path / "postgres" / "data").exists()

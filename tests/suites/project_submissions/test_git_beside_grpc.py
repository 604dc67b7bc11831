"""git is started from a process whose event loop is uvloop and whose threads are gRPC's, as in production."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import grpc
import uvloop

from services.project_submissions.clients.git_bundle import GitBundleReader

READS = 8
"""Each starts about ten processes; of such that uvloop forks, one in twenty dies."""


async def ask_for_ever(channel: grpc.aio.Channel) -> None:
    ask: Any = channel.unary_unary("/nobody/answers")
    while True:
        with contextlib.suppress(grpc.RpcError):
            await ask(b"", timeout=2.0)


async def read_beside_traffic(path: Path, scratch: Path) -> list[int]:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        asking = [asyncio.create_task(ask_for_ever(channel)) for _ in range(4)]
        try:
            reader = GitBundleReader(scratch)
            return [len((await reader.read(path)).commits) for _ in range(READS)]
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            await server.stop(None)


def test_no_git_dies_beside_grpc_under_uvloop(bundle: bytes, tmp_path: Path) -> None:
    path, scratch = tmp_path / "work.bundle", tmp_path / "scratch"
    path.write_bytes(bundle)
    scratch.mkdir()
    assert uvloop.run(read_beside_traffic(path, scratch)) == [2] * READS
    assert list(scratch.iterdir()) == []

"""The server starts, says where, stops in time, and shows the operator how it fares."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from shared.kernel.errors import Unavailable
from shared.runtime.http import Call, Reply, application, endpoint
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import Readiness
from shared.runtime.private_http import private_application
from tests.contracts.edge.doors import http_door


class Dependency:
    """Ready or not, as it is told."""

    name = "postgres"
    state = Readiness("postgres", True)

    async def start(self) -> None:
        """Nothing."""

    async def stop(self) -> None:
        """Nothing."""

    def readiness(self) -> Readiness:
        return self.state


async def test_a_taken_port_is_told_in_a_sentence() -> None:
    first = HttpServer(application((), service="test"), "127.0.0.1", 0)
    await first.start()
    second = HttpServer(application((), service="test"), "127.0.0.1", first.port)
    with pytest.raises(Unavailable, match=f"127.0.0.1:{first.port} cannot be listened on: Address already in use"):
        await second.start()
    assert second.readiness().is_ready is False
    await first.stop()
    assert first.readiness().is_ready is False


async def test_a_stop_lets_a_request_under_way_end() -> None:
    has_begun = asyncio.Event()

    async def slow(call: Call) -> Reply:
        has_begun.set()
        await asyncio.sleep(0.3)
        return Reply.json("done")

    server = HttpServer(application([endpoint("GET", "/slow", slow, scopes=None)], service="test"), "127.0.0.1", 0)
    await server.start()
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(f"http://127.0.0.1:{server.port}/slow"))
        await asyncio.wait_for(has_begun.wait(), 10)
        await server.stop()
        assert (await asking).json() == "done"


async def test_a_stop_is_bounded_even_when_a_request_never_ends() -> None:
    has_begun = asyncio.Event()

    async def never(call: Call) -> Reply:
        has_begun.set()
        await asyncio.Event().wait()
        return Reply.empty()

    app = application([endpoint("GET", "/never", never, scopes=None)], service="test")
    server = HttpServer(app, "127.0.0.1", 0, grace_seconds=1)
    await server.start()
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(f"http://127.0.0.1:{server.port}/never"))
        await asyncio.wait_for(has_begun.wait(), 10)
        async with asyncio.timeout(4):
            await server.stop()
        await asyncio.gather(asking, return_exceptions=True)


async def test_readyz_has_a_line_a_dependency_and_is_503_when_one_is_not_ready() -> None:
    postgres = Dependency()

    def kafka() -> list[Readiness]:
        return [Readiness("kafka", True)]

    app = private_application([postgres], service="test", dependencies=kafka)
    async with http_door([], app=app) as client:
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.text) == (200, "postgres: ready\nkafka: ready\n")
        postgres.state = Readiness("postgres", False, "the connection was refused")
        unready = await client.get("/readyz")
        assert unready.status_code == 503
        assert unready.text == "postgres: not ready: the connection was refused\nkafka: ready\n"
        as_json = (await client.get("/readyz", headers={"accept": "application/json"})).json()
        assert as_json["is_ready"] is False
        assert as_json["dependencies"][0] == {
            "name": "postgres",
            "is_ready": False,
            "reason": "the connection was refused",
        }
        assert (await client.get("/livez")).status_code == 200


async def test_metrics_are_served_on_the_private_application() -> None:
    registry = CollectorRegistry()
    Counter("deedlog_test_things", "Things.", registry=registry).inc(3)
    async with http_door([], app=private_application([], service="test", registry=registry)) as client:
        reply = await client.get("/metrics")
    assert "deedlog_test_things_total 3.0" in reply.text
    assert reply.headers["content-type"].startswith("text/plain")


PROGRAM = """
import asyncio, sys
from shared.runtime.http import Call, Reply, application, endpoint
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import launch, run

async def hello(call: Call) -> Reply:
    return Reply.json(type(asyncio.get_running_loop()).__module__)

async def main() -> None:
    server = HttpServer(application([endpoint("GET", "/", hello, scopes=None)], service="test"), "127.0.0.1", 0)
    await run([server], ready=lambda: print(server.port, flush=True))
    print("stopped", flush=True)

launch(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_process_serves_on_uvloop_and_a_signal_stops_it_cleanly(number: signal.Signals) -> None:
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", PROGRAM, cwd=root, stdout=-1, stderr=-1
    )
    assert process.stdout is not None
    port = int(await asyncio.wait_for(process.stdout.readline(), 20))
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).json() == "uvloop"
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 10)
    assert (out, err, process.returncode) == (b"stopped\n", b"", 0)

"""The courier waits as long as it must, halves what is too much, and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.client.backoff import LAST_SECONDS
from shared.client.courier import IDLE, Courier, Pause
from shared.client.exchange import Answer, Request
from shared.client.progress import Progress
from shared.client.spool import Spool
from tests.unit.client.made import item, problem, receipt, statement, uuid_of


class Bench:
    """A courier whose clock stands still unless it is moved."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.now = 100.0
        self.courier = Courier(spool, lambda: self.now, lambda: 1.0)

    def send(self, count: int) -> None:
        self.spool.append([item(number=number) for number in range(1, count + 1)])

    def request(self) -> Request:
        step = self.courier.step()
        assert isinstance(step, Request), step
        return step

    def pause(self) -> Pause:
        step = self.courier.step()
        assert isinstance(step, Pause), step
        return step


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    spool = Spool(tmp_path / "spool", is_power_safe=False)
    yield Bench(spool)
    spool.close()


def sizes(bench: Bench) -> int:
    return bench.request().content.count(b'"actor"')


def test_an_empty_spool_is_waited_at(bench: Bench) -> None:
    assert bench.pause() == IDLE


def test_a_batch_holds_500_items_at_most(bench: Bench) -> None:
    bench.courier = Courier(bench.spool, lambda: bench.now, lambda: 1.0, is_gzipped=False)
    bench.send(501)
    assert sizes(bench) == 500


def test_a_batch_holds_a_mebibyte_at_most(bench: Bench) -> None:
    courier = Courier(bench.spool, lambda: bench.now, lambda: 1.0, is_gzipped=False)
    for number in range(1, 15):
        bench.spool.append([item({**statement(number), "context": {"platform": "x" * 100_000}})])
    step = courier.step()
    assert isinstance(step, Request)
    assert 900_000 < len(step.content) <= 1 << 20


def test_a_failure_is_waited_out_and_said(bench: Bench) -> None:
    bench.send(1)
    bench.request()
    bench.courier.lost("the server is not reached: ConnectError")
    assert bench.pause() == Pause(0.25, is_idle=False)
    assert "ConnectError" in str(bench.courier.progress.problem)
    bench.now += 0.25
    bench.request()
    bench.courier.answered(receipt([item()]))
    assert bench.courier.progress == Progress(delivered=1, waiting=0, refused=0, problem=None)


def test_an_hour_without_the_server_costs_a_request_a_minute_and_is_over_within_one(bench: Bench) -> None:
    bench.send(60)
    down_until, tries = bench.now + 3_600, 0
    while bench.now < down_until:
        step = bench.courier.step()
        if isinstance(step, Pause):
            assert step.seconds <= LAST_SECONDS
            bench.now += step.seconds
        else:
            tries += 1
            bench.courier.lost("the server is not reached: ConnectError")
    assert tries < 75
    back_at = bench.now
    while isinstance(step := bench.courier.step(), Pause):
        bench.now += step.seconds
    assert bench.now - back_at <= LAST_SECONDS
    bench.courier.answered(receipt([item(number=number) for number in range(1, 61)]))
    assert bench.courier.progress == Progress(delivered=60, waiting=0, refused=0, problem=None)


def test_a_flush_ends_our_own_wait_and_not_the_one_the_server_asked_for(bench: Bench) -> None:
    bench.send(1)
    bench.request()
    bench.courier.lost("gone")
    bench.courier.hurry()
    bench.request()
    bench.courier.answered(problem(503, "unavailable", retry_after="30"))
    bench.courier.hurry()
    assert bench.pause() == Pause(30.0, is_idle=False)


def test_one_item_in_500_that_nobody_names_is_found_by_halving(bench: Bench) -> None:
    bench.courier = Courier(bench.spool, lambda: bench.now, lambda: 1.0, is_gzipped=False)
    bench.send(500)
    poison = uuid_of(317).encode()
    requests = 0
    while isinstance(step := bench.courier.step(), Request):
        requests += 1
        assert requests < 40
        batch = bench.spool.take(step.content.count(b'"actor"'), 1 << 20)
        is_refused = poison in step.content
        answer = problem(400, "invalid") if is_refused else receipt([one.item for one in batch])
        bench.courier.answered(answer)
    assert [one.id for one in bench.spool.refused_items(10)] == [uuid_of(317)]
    assert bench.courier.progress.delivered == 499


def test_a_refused_key_loses_nothing(bench: Bench) -> None:
    bench.send(3)
    bench.request()
    bench.courier.answered(Answer(401, {}, b""))
    assert bench.spool.waiting == 3
    assert "key" in str(bench.courier.progress.problem)

"""What holds for every test: one printed seed, no socket beyond loopback, and in CI no Kafka test that is skipped."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
from collections.abc import Generator, Iterator
from typing import Any, Final

import hypothesis
import pytest

# Tests start servers beside a gRPC that lives in the same process. Its handlers of fork are for children that go on
# using it, which none of ours does, and now and then they ended one between fork and exec. Read when gRPC is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

SEED_VARIABLE: Final = "DEEDLOG_TEST_SEED"
SEED_BOUND: Final = 2**32
SEED_KEY: Final = pytest.StashKey[int]()
INTERNET: Final = frozenset({socket.AF_INET, socket.AF_INET6})
WATCHED: Final = frozenset({"socket.connect", "socket.bind", "socket.sendto"})

# Two shared cores say nothing about a rule, so no example fails for having taken long.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True, max_examples=100)
hypothesis.settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=5_000)
hypothesis.settings.load_profile(os.environ.get("DEEDLOG_TEST_PROFILE", "house"))


class LeavesTheMachine(BaseException):
    """A test tried to reach or to serve another machine. No `except Exception` of the code under test hides it."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed of this run, or take it from DEEDLOG_TEST_SEED, and hand it to hypothesis as well."""
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(SEED_BOUND))
    config.stash[SEED_KEY] = seed
    os.environ[SEED_VARIABLE] = str(seed)  # for the workers, where the tests run in several processes
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(seed)
    sys.addaudithook(refuse_strangers)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in its background deaf to Ctrl-C; so would be what tests start, and interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("CI") == "true" and config.getoption("markexpr", "") == "kafka":
        config.pluginmanager.register(KafkaMustRun(), "kafka-must-run")


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed, and how to run with it again."""
    seed = config.stash[SEED_KEY]
    return f"seed: {seed} (again: {SEED_VARIABLE}={seed})"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case of bytes by its argument, which pytest then numbers; plain words stay as they are.

    Bytes may hold a time, and processes that run tests side by side must have collected the same names.
    """
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return argname
    return None


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run."""
    return pytestconfig.stash[SEED_KEY]


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Chance for one test: the same for the same seed and test, whatever ran before it."""
    return random.Random(f"{seed}:{request.node.nodeid}")


@pytest.fixture(autouse=True)
def _seeded(seed: int, request: pytest.FixtureRequest) -> Iterator[None]:
    """Seed the global generator too, for libraries that draw from it."""
    before = random.getstate()
    random.seed(f"{seed}:{request.node.nodeid}")
    yield
    random.setstate(before)


def refuse_strangers(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise LeavesTheMachine when a Python socket binds or connects beyond loopback.

    Sees asyncio and plain sockets. uvloop and gRPC open theirs in C; their addresses are ours to choose.
    """
    if event not in WATCHED or arguments[0].family not in INTERNET:
        return
    host, address = str(arguments[1][0]), arguments[1]
    if not (host.startswith("127.") or host in {"::1", "localhost"}):
        raise LeavesTheMachine(f"{event} to {address}: tests stay on 127.0.0.1")


class KafkaMustRun:
    """In CI, a Kafka test or module that skips itself has failed: there, not having run is not good enough."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn the skip of a test marked kafka into a failure."""
        report = yield
        if report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("kafka"):
            fail(report)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Turn the skip of a whole module into a failure, too late to be mistaken for one of its tests."""
        if report.skipped:
            fail(report)


def fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a skipped report a failed one that says so."""
    report.outcome = "failed"
    report.longrepr = f"in CI a Kafka test may not be skipped: {report.longrepr}"

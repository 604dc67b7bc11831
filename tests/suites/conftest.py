"""What a broker's client leaves behind is collected with the suites it belongs to, and is nobody else's fault."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

_HERE: Final = Path(__file__).parent
_LEFT_TO_THE_COLLECTOR: Final = (
    r"ignore:Exception ignored in. <(function (AIOKafkaConnection|StreamWriter|_SelectorTransport)\.__del__|socket\.)"
    ":pytest.PytestUnraisableExceptionWarning"
)
_UNCLOSED: Final = (
    "unclosed <StreamWriter|unclosed transport|unclosed <socket|Unclosed AIOKafkaConnection|loop is closed"
)
"""aiokafka closes no connection whose making was cancelled, as happens whenever a broker dies; the collector does."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder pass where a connection was left to the garbage collector."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.filterwarnings(_LEFT_TO_THE_COLLECTOR))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Collect what the suites left before a test elsewhere begins.

    Only here has pytest let go of what the last test was given; the filter of that test holds no more.
    """
    done = yield
    is_last = nextitem is None or not nextitem.path.is_relative_to(_HERE)
    if is_last and item.path.is_relative_to(_HERE):  # pytest asks all conftests of a run, whatever folder is theirs
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _UNCLOSED, ResourceWarning)
            gc.collect()
    return done

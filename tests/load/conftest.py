"""How benches speak: at once, whatever pytest captures, and once more at the end for all that has a goal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import pytest

from tests.load.yardstick import line, machine

Say: TypeAlias = Callable[[Iterable[str]], None]
GOALS: Final = pytest.StashKey[list[str]]()


@pytest.fixture
def say(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Say:
    """Print lines; the machine comes first, as it was before the bench began."""
    kept = request.config.stash.setdefault(GOALS, [])
    bench = request.node.path.stem.removeprefix("test_")

    def say(lines: Iterable[str]) -> None:
        with capsys.disabled():
            for text in lines:
                print(text, flush=True)
                if "(goal:" in text:
                    kept.append(f"{bench}: {' '.join(text.split())}")

    say(["", f"── {bench}: {request.node.name}", line("machine", machine())])
    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured beside its goal once more, all in one place."""
    if kept := config.stash.get(GOALS, []):
        terminalreporter.section("measured beside the goals")
        for text in kept:
            terminalreporter.write_line(text)

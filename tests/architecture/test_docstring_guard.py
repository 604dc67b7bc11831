"""Everything public says what it is: the docstring guard barks at each kind of gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.house import lay
from tools import docstrings

DOCUMENTED = '"""Why this exists."""\n'


def names(source: str) -> list[str]:
    return [name for _, name in docstrings.gaps(source)]


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("x = 1\n", ["the module"]),
        (DOCUMENTED + "def f() -> None:\n    return\n", ["f"]),
        (DOCUMENTED + "async def f() -> None:\n    return\n", ["f"]),
        (DOCUMENTED + "class C:\n    x = 1\n", ["C"]),
        (DOCUMENTED + 'class C:\n    """Said."""\n    def m(self) -> None:\n        return\n', ["C.m"]),
        (DOCUMENTED + 'class C:\n    """Said."""\n    class D:\n        x = 1\n', ["C.D"]),
        (DOCUMENTED + 'class C:\n    """Said."""\n    @property\n    def p(self) -> int:\n        return 1\n', ["C.p"]),
    ],
)
def test_a_gap_is_named(source: str, missing: list[str]) -> None:
    assert names(source) == missing


@pytest.mark.parametrize(
    "source",
    [
        "",
        DOCUMENTED + "def _private() -> None:\n    return\n",
        DOCUMENTED + "class _Private:\n    def m(self) -> None:\n        return\n",
        DOCUMENTED + 'class C:\n    """Said."""\n    def __init__(self) -> None:\n        return\n',
        DOCUMENTED + 'def f() -> None:\n    """Said."""\n    def inner() -> None:\n        return\n',
        DOCUMENTED + "import typing\n@typing.overload\ndef f(x: int) -> int: ...\n",
        DOCUMENTED + 'class C:\n    """Said."""\n    @p.setter\n    def p(self, x: int) -> None:\n        return\n',
    ],
)
def test_what_is_asked_of_nobody_is_not_missed(source: str) -> None:
    assert names(source) == []


def test_a_gap_fails_the_command_and_is_found_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path, "services/newcomer/handlers.py", DOCUMENTED + "\n\ndef accept() -> None:\n    return\n")
    monkeypatch.chdir(tmp_path)
    assert docstrings.main(["services"]) == 1
    assert "services/newcomer/handlers.py:4: accept has no docstring" in capsys.readouterr().err

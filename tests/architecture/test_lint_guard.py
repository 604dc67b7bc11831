"""Time, chance and the environment enter at known places only: ruff barks at each banned call elsewhere."""

from __future__ import annotations

import pytest

from tests.architecture.house import BIN, said_by, settings

BANNED = sorted(settings()["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"])
WANTED = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "time.time",
    "uuid.uuid1",
    "uuid.uuid4",
    "os.environ",
    "os.getenv",
    "random",
}
GUARDED = ["services/newcomer/handlers.py", "services/newcomer/domain/rule.py", "shared/runtime/relay.py"]
EXCUSED = ["shared/kernel/clock.py", "shared/kernel/ids.py", "services/newcomer/settings.py", "cli/main.py"]


def by_module(banned: str) -> str:
    return f"import {banned.partition('.')[0]}\n\nvalue = {banned}\n"


def by_name(banned: str) -> str:
    module, _, name = banned.partition(".")
    first = name.split(".")[0] or module
    origin = f"from {module} import {first} as other" if name else f"import {module} as other"
    return f"{origin}\n\nvalue = {'.'.join(['other', *name.split('.')[1:]])}\n"


def complaints(path: str, source: str) -> str:
    """Return what ruff says of `source` as if it stood at `path`, under the committed settings."""
    _, said = said_by(
        BIN / "ruff", "check", "--no-cache", "--select=TID251", "--quiet", f"--stdin-filename={path}", "-", stdin=source
    )
    return said


def test_the_calls_that_must_be_banned_are() -> None:
    assert set(BANNED) >= WANTED


@pytest.mark.parametrize("banned", BANNED)
@pytest.mark.parametrize("path", GUARDED)
def test_a_banned_call_is_refused_however_it_is_spelt(banned: str, path: str) -> None:
    assert f"`{banned}` is banned" in complaints(path, by_module(banned))
    assert f"`{banned}` is banned" in complaints(path, by_name(banned))


@pytest.mark.parametrize("path", EXCUSED)
def test_the_known_places_may_call_them(path: str) -> None:
    for banned in BANNED:
        assert complaints(path, by_module(banned)) == ""


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("BLE001", "try:\n    value = 1\nexcept Exception:\n    value = 2\n"),
        ("DTZ005", "import datetime\n\nvalue = datetime.datetime.now()\n"),
        ("ERA001", "# value = compute(1)\nvalue = 2\n"),
        ("S608", 'table = "t"\nquery = f"SELECT x FROM {table}"\n'),
        ("ASYNC251", "import time\n\n\nasync def wait() -> None:\n    time.sleep(1)\n"),
        ("F401", "import math\n"),
    ],
)
def test_a_rule_we_count_on_is_selected(rule: str, source: str) -> None:
    path = "services/newcomer/handlers.py"
    _, said = said_by(BIN / "ruff", "check", "--no-cache", "--quiet", f"--stdin-filename={path}", "-", stdin=source)
    assert rule in said


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return x\n",
        "from typing import Any\n\n\ndef f(x: Any) -> int:\n    return x\n",
        "def f(x: int) -> str:\n    return x  # type: ignore\n",
    ],
    ids=["untyped", "any-returned", "ignore-without-code"],
)
def test_mypy_is_strict(tmp_path_factory: pytest.TempPathFactory, source: str) -> None:
    module = tmp_path_factory.mktemp("strict") / "seeded_module.py"
    module.write_text(source, encoding="utf-8")
    code, said = said_by(BIN / "mypy", "--config-file=pyproject.toml", "--cache-dir=/dev/null", module)
    assert code == 1, said
    assert "seeded_module.py" in said

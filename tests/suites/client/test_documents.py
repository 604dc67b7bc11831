"""The examples in the documents run as they stand, on the wheel that others install."""

from __future__ import annotations

import asyncio
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.house import ROOT
from tests.suites.client.gate import Gate
from tests.suites.learning_events.house import House, Platform, statement
from tests.unit.client.test_wheel import built

HOW_TO = ROOT / "docs" / "how-to" / "send-events-from-python.md"
READ_ME = ROOT / "packaging" / "client" / "README.md"
RUN_SECONDS = 40.0

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(built(tmp_path_factory.mktemp("wheel"))).extractall(folder)
    return folder


def blocks(document: Path) -> list[str]:
    """Return the Python of a document, without the indent of a list."""
    found = re.findall(r"^( *)```python\n(.*?)^ *```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return ["\n".join(line.removeprefix(indent) for line in block.splitlines()) for indent, block in found]


async def run(installed: Path, folder: Path, program: str) -> str:
    """Return what a program prints that sees the wheel and no module of this repository."""
    code = f"import sys\nsys.path.insert(0, {str(installed)!r})\n{program}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", code, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(RUN_SECONDS):
        said, _ = await process.communicate()
    assert process.returncode == 0, program
    return said.decode()


async def test_the_five_lines_of_the_read_me_deliver_a_statement(
    installed: Path, gate: Gate, house: House, platform: Platform, tmp_path: Path
) -> None:
    (example,) = blocks(READ_ME)
    assert len([line for line in example.splitlines() if line]) <= 5
    made = statement()
    names = {"origin": gate.origin, "key": platform.secret, "actor": made["actor"], "verb": made["verb"]}
    given = "\n".join(f"{name} = {value!r}" for name, value in {**names, "activity": made["object"]}.items())
    await run(installed, tmp_path, f"{given}\n{example}")
    assert await house.counts(platform.organisation) == (1, 1)


async def test_the_how_to_sends_a_statement_and_mends_a_refused_one(
    installed: Path, gate: Gate, house: House, platform: Platform, tmp_path: Path
) -> None:
    first, by_tokens, mending = blocks(HOW_TO)
    compile(by_tokens, HOW_TO.name, "exec")
    told = first.replace("https://deedlog.example", gate.origin).replace("/var/lib/academy", str(tmp_path))
    bad = statement(verb={})
    program = [
        f"key = {platform.secret!r}",
        told,
        f"client.send({bad!r})",
        "assert client.flush(20)",
        mending,
        "assert client.flush(20)",
        "client.close()",
    ]
    said = await run(installed, tmp_path, "\n".join(program))
    assert said.startswith(f"{bad['id']} invalid /verb")
    assert await house.counts(platform.organisation) == (2, 2)

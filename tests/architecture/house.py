"""Where the repository stands, its settings, and a tiny copy of its shape that guards can be tried on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
COMMAND_SECONDS: Final = 50

TINY_HOUSE: Final = {
    "shared/__init__.py": "",
    "shared/kernel/__init__.py": "",
    "shared/kernel/clock.py": "import time\n",
    "shared/events/__init__.py": "",
    "shared/events/event.py": "import pydantic\nfrom shared.kernel import clock\n",
    "shared/runtime/__init__.py": "",
    "shared/runtime/postgres.py": "import asyncpg\n",
    "shared/client/__init__.py": "",
    "shared/client/spool.py": "import sqlite3\nimport httpx\n",
    "shared/verifier/__init__.py": "",
    "shared/verifier/credential.py": "import pathlib\nfrom ..kernel import clock\n",
    "services/__init__.py": "",
    "services/alpha/__init__.py": "",
    "services/alpha/__main__.py": "from services.alpha import http, store\n",
    "services/alpha/http.py": "import starlette\nimport services.alpha.handlers\nimport shared.runtime.postgres\n",
    "services/alpha/rpc.py": "import grpc\nfrom deedlog.facts.v1 import facts_pb2\n",
    "services/alpha/store.py": "import asyncpg\nfrom services.alpha import handlers\n",
    "services/alpha/handlers.py": "import asyncio\nfrom services.alpha.domain import level\n",
    "services/alpha/domain/__init__.py": "",
    "services/alpha/domain/level.py": "import math\nfrom shared.kernel import clock\n",
    "services/beta/__init__.py": "",
    "services/beta/handlers.py": "",
    "cli/__init__.py": "",
    "cli/main.py": "",
    "infra/__init__.py": "",
    "infra/embedded.py": "",
}
"""A house of two services in which every guard is quiet, with one lawful import of each kind."""


def settings() -> dict[str, Any]:
    """Return pyproject.toml as it is committed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def build_tiny_house(folder: Path) -> None:
    """Lay the tiny house into `folder`, under the real settings and with the real tools."""
    for name, source in TINY_HOUSE.items():
        lay(folder, name, source)
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("node", "__pycache__"))


def lay(folder: Path, name: str, source: str) -> None:
    """Write one file, making its folders; what it held before stays above."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(before + source, encoding="utf-8")


def said_by(
    *command: str | Path, folder: Path = ROOT, stdin: str | None = None, environment: dict[str, str] | None = None
) -> tuple[int, str]:
    """Return exit code and everything printed by a command run in `folder`."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr

"""A place for one house: a data folder and ports of a test's own, and the `deedlog` command run in them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from infra.embedded.home import Home
from infra.embedded.layout import lay_out
from infra.embedded.ports import free_port, is_free

ROOT = Path(__file__).parents[3]
DEEDLOG = ROOT / ".venv/bin/deedlog"
READY_SECONDS_MAX = 50.0


class Place:
    """A data folder and a port of a test's own, and the command in them."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "house")
        self.port = free_base()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DEEDLOG_HOME": str(self.home.path),
            "DEEDLOG_PORT": str(self.port),
        }
        self._started: list[subprocess.Popen[str]] = []

    def run(self, *words: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DEEDLOG, *words], env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
        )

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def up(self, *words: str) -> subprocess.Popen[str]:
        """Start in the foreground and return once it says that it is ready."""
        process = self.starting(*words)
        self.until("ready")
        return process

    def starting(self, *words: str) -> subprocess.Popen[str]:
        """Start in the foreground and return at once."""
        self.home.state_file.unlink(missing_ok=True)
        process = subprocess.Popen(
            [DEEDLOG, "up", *words], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._started.append(process)
        return process

    def state(self) -> Any:
        try:
            return json.loads(self.home.state_file.read_text())
        except FileNotFoundError:
            return {"phase": "none", "processes": []}

    def pid(self, name: str) -> int:
        return int(next(one["pid"] for one in self.state()["processes"] if one["name"] == name))

    def until(self, phase: str) -> None:
        ends_at = time.monotonic() + READY_SECONDS_MAX
        while self.state()["phase"] != phase:
            assert time.monotonic() < ends_at, f"never {phase}: {self.state()}"
            time.sleep(0.05)

    def until_healthy(self) -> float:
        """Return the seconds until `deedlog status` says that all is ready."""
        began = time.monotonic()
        while (done := self.run("status", "--json")).returncode != 0:
            assert time.monotonic() < began + READY_SECONDS_MAX, done.stdout + done.stderr
            time.sleep(0.1)
        return time.monotonic() - began

    def api(self) -> httpx.Client:
        key = self.home.admin_key_file.read_text().strip()
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {key}"}, trust_env=False
        )

    def stop(self) -> None:
        """Have ended what runs here."""
        try:
            self.run("down")
        finally:
            for process in self._started:
                process.kill()
                process.communicate()
            self._started.clear()

    def clean(self) -> None:
        """Have ended what runs here, and taken everything away."""
        try:
            self.stop()
        finally:
            data = self.home.postgres / "data"
            if data.is_symlink():
                shutil.rmtree(data.resolve().parent)
            shutil.rmtree(self.home.path.parent)


def free_base() -> int:
    """Return a port from which on all that a house uses are free."""
    while True:
        port = free_port()
        if all(is_free(one) for one in {*lay_out("shared", port).ports(), *lay_out("separate", port).ports()}):
            return port

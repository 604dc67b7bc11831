"""Sample repositories, made with real git from a script of commits, and handed over as bundles.

What the files say is small but true to its kind: a service with a contract, tests, a CI configuration, a container
file, a runbook. The same script gives the same commits, so a demonstration can be repeated.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.demo.cast import Player, Work
from shared.kernel.errors import Unavailable

GIT_SECONDS_MAX: Final = 30
DAYS_BETWEEN_COMMITS: Final = 3
_COLLEAGUE: Final = ("Sample pair (sample)", "pair@sample.example")


@dataclass(frozen=True, slots=True)
class Change:
    """One commit: its message, the files it writes, and whether the sample pair made it."""

    message: str
    files: dict[str, str]
    by_pair: bool = False


def make_bundle(player: Player, work: Work, ended_at: datetime, target: Path) -> None:
    """Write a git bundle of the work's history to `target`. Raises Unavailable with what git said."""
    changes = _changes(work)
    stream = _fast_import(player, changes, ended_at - timedelta(days=DAYS_BETWEEN_COMMITS * len(changes)))
    with TemporaryDirectory(prefix="deedlog-demo-") as folder:
        _git(["init", "--quiet", "--initial-branch=main", "."], folder)
        _git(["fast-import", "--quiet"], folder, stream)
        _git(["bundle", "create", "--quiet", str(target), "main"], folder)


def _git(arguments: list[str], folder: str, stdin: bytes = b"") -> None:
    # Whoever calls may stand in a repository of theirs, as a hook does; GIT_DIR would have us write there.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        subprocess.run(
            ["git", "-c", "safe.directory=*", *arguments],
            cwd=folder,
            env=environment,
            input=stdin,
            check=True,
            capture_output=True,
            timeout=GIT_SECONDS_MAX,
        )
    except subprocess.CalledProcessError as refused:
        said = refused.stderr.decode(errors="replace").strip()
        raise Unavailable(
            f"git {arguments[0]} refused a sample project: {said}; the demo needs git 2.28 or newer"
        ) from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git {arguments[0]} took longer than {GIT_SECONDS_MAX} s; try again") from None


def _fast_import(player: Player, changes: list[Change], start: datetime) -> bytes:
    parts: list[bytes] = []
    for index, change in enumerate(changes):
        name, email = _COLLEAGUE if change.by_pair else (player.name, player.email)
        at = int((start + timedelta(days=DAYS_BETWEEN_COMMITS * index, hours=index % 5)).timestamp())
        parts.append(f"commit refs/heads/main\nmark :{index + 1}\n".encode())
        parts.append(f"author {name} <{email}> {at} +0000\ncommitter {name} <{email}> {at} +0000\n".encode())
        parts.append(_data(change.message))
        if index:
            parts.append(f"from :{index}\n".encode())
        for path, content in change.files.items():
            parts.append(f"M 100644 inline {path}\n".encode() + _data(content))
    return b"".join(parts) + b"done\n"


def _data(text: str) -> bytes:
    raw = text.encode()
    return f"data {len(raw)}\n".encode() + raw + b"\n"


def _changes(work: Work) -> list[Change]:
    package = work.topic.replace(" ", "_")
    changes = [
        Change(f"start {work.topic}: what it is for and for whom", {"README.md": _README.format(title=work.title)}),
        Change(f"{package}: answer a request", {f"src/{package}/service.py": _SERVICE.format(topic=work.topic)}),
        Change(f"{package}: a contract for callers", {"openapi.yaml": _CONTRACT.format(title=work.title)}),
        Change("tests: the usual path and a bad input", {f"tests/test_{package}.py": _TESTS.format(package=package)}),
        Change("ci: run the tests on every change", {".github/workflows/ci.yml": _CI}),
        Change(
            "docs: what changes for whom, and when",
            {"docs/change-plan.md": _CHANGE_PLAN.format(topic=work.topic)},
            True,
        ),
        Change(f"{package}: a time-out and a retry", {f"src/{package}/client.py": _CLIENT}),
    ]
    if work.has_container:
        changes.append(
            Change("deploy: a container that runs as nobody", {"Dockerfile": _CONTAINER.format(package=package)})
        )
    if work.has_runbook:
        changes.append(
            Change("docs: a runbook for whoever is awake", {"docs/runbook.md": _RUNBOOK.format(topic=work.topic)})
        )
    changes.append(Change("alerts: tell a person before users do", {"monitoring/alerts.yaml": _ALERTS}))
    return changes


_README: Final = """# {title}

What it does, what it does not do, how sure it is, and whom to ask. Start with `make run`.
"""
_SERVICE: Final = '''"""Answers requests about {topic}; refuses what it cannot read, and says why."""


def answer(request: dict) -> dict:
    if "text" not in request:
        return {{"status": "refused", "reason": "the field text is missing"}}
    words = request["text"].split()
    return {{"status": "answered", "words": len(words), "sure": min(0.99, 0.5 + len(words) / 100)}}
'''
_CONTRACT: Final = """openapi: 3.1.0
info: {{title: "{title}", version: 1.0.0}}
paths:
  /answer:
    post:
      responses:
        "200": {{description: an answer and how sure it is}}
        "422": {{description: the input was refused, with the reason}}
"""
_TESTS: Final = """from {package}.service import answer


def test_a_request_is_answered_with_how_sure_it_is():
    assert answer({{"text": "one two"}})["sure"] > 0.5


def test_a_request_without_text_is_refused_with_a_reason():
    assert answer({{}})["reason"] == "the field text is missing"
"""
_CI: Final = """name: ci
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
"""
_CHANGE_PLAN: Final = """# Who works differently because of {topic}

Week 1 two volunteers, week 3 one team, week 6 everybody who asked. Each step has a way back and somebody to call.
"""
_CLIENT: Final = '''"""Calls the system of record: two seconds, three tries, then a person."""

SECONDS = 2
TRIES = 3
'''
_CONTAINER: Final = """FROM python:3.12-slim
COPY src /app
USER nobody
CMD ["python", "-m", "{package}.service"]
"""
_RUNBOOK: Final = """# When {topic} misbehaves

1. Look at the share of refused requests. Above 5 % for ten minutes: roll back.
2. Roll back with `make rollback`; it takes a minute and loses nothing.
3. Write down what was seen, and when.
"""
_ALERTS: Final = """- alert: TooManyRefusals
  expr: refused_share > 0.05
  for: 10m
"""

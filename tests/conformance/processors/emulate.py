"""Folds the golden's people on processors that are not here, by emulation, and says how far the numbers are off.

    python -m tests.conformance.processors.emulate [arm64 …]

Brings qemu and each processor's Python from the Debian archive this machine knows, into .cache/processors and nowhere
else: nothing is installed, so it needs no root. Ends with 1 where a number is further off than is allowed, with 3 where
this machine has no apt, or its archive no such Python.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import rfc8785

from tests.conformance.processors.differences import differences, holds

QEMU: Final = {"arm64": "aarch64", "armhf": "arm", "s390x": "s390x", "i386": "i386"}
"""Debian's names of the processors, and qemu's. s390x is big-endian; i386 computes in 80 bits and rounds to store."""
WITHOUT_FMA: Final = "without FMA"
"""This machine's own processor as an older one: the C library then takes another `exp`. On x86-64 alone."""
HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[2]
FOLDER: Final = ROOT / ".cache/processors"
DRIVER: Final = ("-B", "-S", "-m", "tests.conformance.processors.folds")
BRING_SECONDS: Final = 300
FOLD_SECONDS: Final = 300
NOT_POSSIBLE: Final = 3


class Stranger(NamedTuple):
    """An interpreter that is not this one: how it is started, and with what beside its path."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


class NotBroughtError(Exception):
    """The archive did not give what was asked of it."""


def main(asked: Sequence[str]) -> int:
    """Have told of each processor how far its numbers are off; return what the process ends with."""
    unknown = set(asked) - {*QEMU, WITHOUT_FMA}
    missing = [tool for tool in ("apt-get", "dpkg", "dpkg-deb") if shutil.which(tool) is None]
    if unknown or missing:
        print(f"test-processors: no such processor {sorted(unknown)}" if unknown else _needs(missing), file=sys.stderr)
        return NOT_POSSIBLE
    golden = json.loads((HERE / "golden.json").read_bytes())
    print(f"golden: {_described(golden)}")
    ends = [_judge(name, golden) for name in asked or _all()]
    return max(ends)


def _all() -> list[str]:
    return [*QEMU, WITHOUT_FMA] if platform.machine() == "x86_64" else [*QEMU]


def _needs(missing: Sequence[str]) -> str:
    return f"test-processors: qemu and foreign Pythons come from Debian, and {', '.join(missing)} is not here"


def _judge(name: str, golden: Mapping[str, Any]) -> int:
    started = time.monotonic()
    try:
        found = _fold(_stranger(name))
    except (NotBroughtError, subprocess.SubprocessError) as fault:
        print(f"{name}: not compared: {fault}", file=sys.stderr)
        return NOT_POSSIBLE
    is_held, differ = holds(golden, found), differences(golden["folds"], found["folds"])
    said = f"{name}: {_described(found)}: {differ.numbers} numbers of {len(found['folds'])} people, "
    if differ.unequal:
        said += f"{differ.unequal} of other bits, by {differ.largest:.1e} at most ({differ.where})"
    else:
        said += "every bit the same"
    print(f"{said}; {time.monotonic() - started:.0f} s{'' if is_held else ': NOT ALLOWED'}")
    return 0 if is_held else 1


def _described(document: Mapping[str, Any]) -> str:
    machine = document["machine"]
    return f"{machine['processor']}, {machine['word']}, {machine['libc']}, Python {machine['python']}"


def _fold(stranger: Stranger) -> dict[str, Any]:
    """Return the document as the stranger computes it."""
    paths = (HERE / "standins", ROOT, Path(rfc8785.__file__).parents[1])
    environment = {"PYTHONPATH": os.pathsep.join(map(str, paths)), **stranger.environment}
    command = (*stranger.command, *DRIVER)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=FOLD_SECONDS, check=False
    )
    if done.returncode != 0:
        raise NotBroughtError(done.stderr.strip()[-500:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _stranger(name: str) -> Stranger:
    if name == WITHOUT_FMA:
        tunables = "glibc.cpu.hwcaps=-FMA,-FMA4,-FMA_Usable,-AVX2,-AVX2_Usable"
        return Stranger(name, [sys.executable], {"GLIBC_TUNABLES": tunables})
    qemu = f"qemu-{QEMU[name]}-static"
    emulator = shutil.which(qemu) or _bring(_own_architecture(), "qemu-user-static") / "usr/bin" / qemu
    sysroot = _bring(name, "python3")
    pythons = [path for path in (sysroot / "usr/bin").iterdir() if re.fullmatch(r"python3\.\d+", path.name)]
    if not pythons:
        raise NotBroughtError(f"no Python among the packages of {name}")
    return Stranger(name, [str(emulator), "-L", str(sysroot), str(pythons[0])], {})


def _own_architecture() -> str:
    return subprocess.run(("dpkg", "--print-architecture"), capture_output=True, text=True, check=True).stdout.strip()


def _bring(architecture: str, package: str) -> Path:
    """Return a folder with the package and all it needs, laid out as they would be installed; brought once."""
    folder = FOLDER / f"{package}-{architecture}"
    root = folder / "root"
    if root.exists():
        return root
    lists, archives, unfinished = folder / "state/lists/partial", folder / "cache/archives/partial", folder / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    for made in (lists, archives, unfinished):
        made.mkdir(parents=True)
    (folder / "state/status").touch()
    # Lists that are out of date, or of a part that has no such processor, do no harm: what is missing is told below.
    _apt(folder, architecture, "update")
    got = _apt(folder, architecture, "--yes", "--no-install-recommends", "--download-only", "install", package)
    if got.returncode != 0:
        raise NotBroughtError(f"the archive has no {package} for {architecture}: {got.stderr.strip()[-300:]}")
    for archive in sorted((folder / "cache/archives").glob("*.deb")):
        subprocess.run(("dpkg-deb", "-x", str(archive), str(unfinished)), check=True, timeout=BRING_SECONDS)
    unfinished.rename(root)
    return root


def _apt(folder: Path, architecture: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Have run apt-get on a state of its own, in which nothing is installed."""
    options = (
        f"Dir::State={folder}/state",
        f"Dir::State::status={folder}/state/status",
        f"Dir::Cache={folder}/cache",
        f"APT::Architecture={architecture}",
        f"APT::Architectures={architecture}",
        "APT::Sandbox::User=root",
        "Acquire::Languages=none",
        "Debug::NoLocking=1",
    )
    command = ["apt-get", "-qq", *(f"-o{option}" for option in options), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=BRING_SECONDS, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

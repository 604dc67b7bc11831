"""A backup is a file from outside: nothing of it is laid anywhere but below the folder it is read into."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from infra.embedded.restore import _unpack
from shared.kernel.errors import Rejected


def member(name: str, kind: bytes = tarfile.REGTYPE, leads_to: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, leads_to, 1 if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize(
    "members",
    [
        [member("../outside")],
        [member("files/../../outside")],
        [member("/outside")],
        [member("link", tarfile.SYMTYPE, "/")],
        [member("link", tarfile.LNKTYPE, "../outside")],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("manifest.json"), member("manifest.json")],
        [member("manifest.json"), member("manifest.json/inside")],
    ],
    ids=["above", "above by a detour", "absolute", "link", "hard link", "pipe", "twice", "below a file"],
)
def test_what_does_not_lie_below_as_a_file_is_refused(members: list[tarfile.TarInfo], tmp_path: Path) -> None:
    source, staged = tmp_path / "in" / "backup.tar", tmp_path / "in" / "staged"
    staged.mkdir(parents=True)
    with tarfile.open(source, "w") as archive:
        for one in members:
            archive.addfile(one, io.BytesIO(b"x"))
    with pytest.raises(Rejected, match="it cannot be read"):
        _unpack(source, staged)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert all(path.is_file() and not path.is_symlink() for path in staged.rglob("*"))

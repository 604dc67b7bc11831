"""What the system refuses is told with its place and what to do, and by the exit code of its kind."""

from __future__ import annotations

import errno
import os

import pytest

from cli.answers import UNAVAILABLE, WRONG_USE, exit_code
from infra.embedded.obstacle import in_words


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR])
def test_what_another_name_or_user_mends_is_wrong_use(number: int) -> None:
    told = in_words(OSError(number, os.strerror(number), "/data/house"))
    assert exit_code(told) == WRONG_USE
    assert str(told).startswith(f"/data/house: {os.strerror(number)}. ")
    assert str(told).endswith(".")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_what_is_kept(number: int) -> None:
    told = in_words(OSError(number, os.strerror(number)))
    assert exit_code(told) == UNAVAILABLE
    assert "Make room" in str(told)
    assert "is kept" in str(told)


def test_what_nobody_foresaw_may_pass() -> None:
    told = in_words(OSError(errno.EIO, os.strerror(errno.EIO), "/data"))
    assert exit_code(told) == UNAVAILABLE
    assert "/data: " in str(told)
    assert str(in_words(OSError("odd"))).startswith("odd. ")

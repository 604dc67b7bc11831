"""Whatever bytes come as a bundle or out of git: they are read, or refused with a fault, and nothing else happens."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.project_submissions.domain.bundle import POINTER, BundleHeader, check_path, read_header
from services.project_submissions.domain.git_output import Change, ascribed_lines, changes, commit, line_counts
from services.project_submissions.domain.repository import Commit
from shared.kernel.errors import Rejected

OIDS = st.binary(min_size=20, max_size=20).map(bytes.hex)
NAMES = st.from_regex(r"refs/heads/[a-z]{1,8}", fullmatch=True) | st.just("HEAD")
PIECES = st.sampled_from(
    [b"# v2 git bundle\n", b"# v3 git bundle\n", b"@filter=blob:none\n", b"-", b"a" * 40, b" refs/heads/main", b"\n"]
) | st.binary(max_size=8)


def header_or_fault(start: bytes) -> BundleHeader | None:
    try:
        return read_header(start, 1_000)
    except Rejected as refused:
        (fault,) = refused.faults
        return None if fault.pointer == POINTER and fault.mend else pytest.fail(str(fault))


@given(st.lists(PIECES).map(b"".join))
@example(b"# v2 git bundle\n\nPACK\x00\x00\x00\x02\x00\x00\x00\x01")
def test_any_start_of_a_file_is_a_header_or_refused(start: bytes) -> None:
    header = header_or_fault(start)
    assert header is None or start[header.pack_offset :].startswith(b"PACK")


@given(st.dictionaries(NAMES, OIDS, min_size=1, max_size=5), st.integers(0, 2_000), st.sampled_from([2, 3]))
def test_a_header_that_git_writes_is_read_as_written(refs: dict[str, str], count: int, version: int) -> None:
    capability = "@object-format=sha1\n" if version == 3 else ""
    lines = "".join(f"{oid} {name}\n" for name, oid in refs.items())
    start = f"# v{version} git bundle\n{capability}{lines}\n".encode()
    header = header_or_fault(start + b"PACK\x00\x00\x00\x02" + count.to_bytes(4, "big"))
    if count > 1_000:
        assert header is None
    else:
        assert header == BundleHeader(refs, len(start), count)


@given(st.lists(st.sampled_from([b"a", b"..", b".", b"", b".git", b".GIT", b"...", b".github", b"git"]), min_size=1))
def test_a_path_is_refused_if_and_only_if_a_step_of_it_leads_astray(steps: list[bytes]) -> None:
    leads_astray = any(step.lower() in {b"", b".", b"..", b".git"} for step in steps)
    if leads_astray:
        with pytest.raises(Rejected):
            check_path(b"/".join(steps))
    else:
        check_path(b"/".join(steps))


@given(
    st.lists(
        st.sampled_from([b"author ", b"committer ", b"parent ", b"A <a@b> 1 +0000\n", b"\n", b"<>"])
        | st.binary(max_size=6)
    )
)
def test_any_commit_object_is_read_or_refused(pieces: list[bytes]) -> None:
    with contextlib.suppress(Rejected):
        assert isinstance(commit("0" * 40, b"".join(pieces), Change()), Commit)


@given(st.integers(-(10**18), 10**18), st.from_regex(rb"[+-][0-9]{4}", fullmatch=True))
def test_any_time_and_zone_of_a_commit_is_an_instant_or_refused(seconds: int, zone: bytes) -> None:
    line = b"A <a@b> %d %s" % (seconds, zone)
    try:
        read = commit("0" * 40, b"author " + line + b"\ncommitter " + line + b"\n\nwork", Change())
    except Rejected:
        assert not -62_135_596_800 + 86_400 < seconds < 253_402_300_800 - 86_400
    else:
        assert int(read.authored_at.timestamp()) == seconds


@given(st.binary(max_size=200))
def test_no_output_of_git_makes_its_readers_stumble(output: bytes) -> None:
    assert all(lines >= 0 for lines in line_counts(output).values())
    assert sum(ascribed_lines(output).values()) == sum(line.startswith(b"\t") for line in output.split(b"\n"))
    assert isinstance(changes(output), dict)

"""Reading bundles with git: what an honest one says, how a bad one is refused, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from services.project_submissions.clients import BundleLimits, GitBundleReader
from services.project_submissions.domain.bundle import HEADER_BYTES_MAX, PATH_BYTES_MAX, REFS_MAX
from services.project_submissions.domain.history import analyse
from shared.kernel.errors import Broken, Rejected, TooLarge, Unavailable
from tests.unit.project_submissions.repositories import BEN, START, Workshop

LFS_POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345678\n"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "work")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def left_in(scratch: Path) -> list[Path]:
    return list(scratch.iterdir())


async def refusal(scratch: Path, bundle: Path, limits: BundleLimits | None = None) -> Rejected:
    """Return why the bundle was refused; whatever the reason, nothing is left and the fault is whole."""
    with pytest.raises(Rejected) as caught:
        await GitBundleReader(scratch, limits).read(bundle)
    assert left_in(scratch) == []
    (fault,) = caught.value.faults
    assert fault.pointer == "/bundle"
    assert fault.mend
    return caught.value


async def test_an_honest_bundle_is_read_and_nothing_is_left(workshop: Workshop, scratch: Path) -> None:
    first = workshop.commit({"README.md": "# Triage\n", "app.py": "a = 1\nb = 2\n"})
    head = workshop.commit({"app.py": "a = 1\nb = 2\nc = 3\nd = 4\n"}, BEN, days=2)
    bundle = workshop.bundle()

    found = await GitBundleReader(scratch).read(bundle)

    assert found.head == head
    assert found.bundle_digest == sha256(bundle.read_bytes()).digest()
    assert found.bundle_size == bundle.stat().st_size
    assert [commit.sha for commit in found.commits] == [head, first]
    assert found.commits[0].parents == (first,)
    assert found.commits[0].author.key == "ben@example.org"
    assert found.commits[0].authored_at == datetime.fromtimestamp(START, UTC) + timedelta(days=2)
    assert found.commits[0].authored_at.utcoffset() == timedelta(hours=1)
    changes = [(commit.files_changed, commit.insertions, commit.deletions) for commit in found.commits]
    assert changes == [(1, 2, 0), (2, 3, 0)]
    assert [(file.path, file.size, file.lines) for file in found.files] == [("README.md", 9, 1), ("app.py", 24, 4)]
    assert found.lines_by_identity == {"ada@example.org": 3, "ben@example.org": 2}
    assert (found.blamed_files, found.blameable_files) == (2, 2)
    assert left_in(scratch) == []


async def test_the_same_bundle_reads_the_same_each_time(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n", "b.py": "b\n"})
    reader = GitBundleReader(scratch)
    assert await reader.read(workshop.bundle()) == await reader.read(workshop.bundle())


async def test_merges_and_signatures_are_seen(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    workshop.git("switch", "--quiet", "--create", "side")
    workshop.commit({"b.py": "b\n"}, days=1)
    workshop.git("switch", "--quiet", "main")
    workshop.commit({"c.py": "c\n"}, days=2)
    workshop.git("merge", "--quiet", "--no-edit", "side", environment=workshop.who(days=3))
    tree = workshop.git("rev-parse", "HEAD^{tree}")
    who = f"Ada <ada@example.org> {START + 400_000} +0000"
    seal = "gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----"
    parent = workshop.git("rev-parse", "HEAD")
    workshop.commit_object(f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n{seal}\n\nsigned\n")

    history = analyse((await GitBundleReader(scratch).read(workshop.bundle())).commits)

    assert (history.commit_count, history.merge_count, history.signature_count) == (5, 1, 1)
    assert (history.parent_edges, history.clock_order_violations) == (5, 0)


async def test_a_mail_map_in_the_project_ascribes_nothing_anew(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n", ".mailmap": "Ada <ada@example.org> <ben@example.org>\n"}, BEN)
    found = await GitBundleReader(scratch).read(workshop.bundle())
    assert {commit.author.key for commit in found.commits} == {"ben@example.org"}
    assert set(found.lines_by_identity) == {"ben@example.org"}


async def test_attributes_in_the_project_run_nothing(workshop: Workshop, scratch: Path, tmp_path: Path) -> None:
    workshop.commit({".gitattributes": "*.py diff=evil filter=evil\n", "a.py": "a\n"})
    workshop.git("config", "diff.evil.textconv", f"touch {tmp_path}/ran; cat")
    found = await GitBundleReader(scratch).read(workshop.bundle())
    assert found.blamed_files == 2
    assert not (tmp_path / "ran").exists()


async def test_the_environment_of_the_service_does_not_reach_git(
    workshop: Workshop, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.commit({"a.py": "a\n"})
    bundle = workshop.bundle()
    (tmp_path / "config").write_text("[core]\n\trepositoryformatversion = 99\n[alias]\n\tlog = !touch ran\n")
    for name, value in {
        "GIT_DIR": str(tmp_path / "nowhere"),
        "GIT_CONFIG_GLOBAL": str(tmp_path / "config"),
        "GIT_TRACE": str(tmp_path / "trace"),
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    assert len((await GitBundleReader(scratch).read(bundle)).commits) == 1
    assert not (tmp_path / "trace").exists()


async def test_links_and_submodules_are_no_files(workshop: Workshop, scratch: Path) -> None:
    blob, link = workshop.blob(b"content\n"), workshop.blob(b"/etc/passwd")
    entries = [("100644", "a.py", blob), ("120000", "link", link), ("160000", "sub", "1" * 40)]
    workshop.commit_tree(workshop.tree(entries))
    found = await GitBundleReader(scratch).read(workshop.bundle("main"))
    assert [file.path for file in found.files] == ["a.py"]


async def test_names_that_are_not_utf8_are_shown_escaped(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n", "b.py": "b\n"})
    tree = bytes.fromhex(workshop.blob(b"x\n"))
    raw = b"100644 caf\xe9.py\0" + tree
    oid = workshop.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)
    workshop.commit_tree(oid)
    found = await GitBundleReader(scratch).read(workshop.bundle("main"))
    assert [file.path for file in found.files] == ["caf\\xe9.py"]
    assert (found.blamed_files, found.blameable_files) == (0, 1)


async def test_the_head_is_what_the_bundle_calls_head(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    workshop.git("switch", "--quiet", "--create", "side")
    side = workshop.commit({"b.py": "b\n"}, days=1)
    assert (await GitBundleReader(scratch).read(workshop.bundle("HEAD", "main"))).head == side


async def test_a_bundle_of_branches_without_a_head_is_refused(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    workshop.git("branch", "one")
    workshop.commit({"b.py": "b\n"})
    workshop.git("branch", "two")
    refused = await refusal(scratch, workshop.bundle("one", "two"))
    assert "names no HEAD and 2 branches" in refused.message


async def test_a_bundle_whose_head_is_no_commit_is_refused(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    workshop.git("update-ref", "refs/tags/file", workshop.blob(b"a\n"))
    bundle = workshop.bundle("refs/tags/file")
    bundle.write_bytes(bundle.read_bytes().replace(b"refs/tags/file", b"refs/heads/one", 1))
    assert "leads to no commit" in (await refusal(scratch, bundle)).message


async def test_a_bundle_that_builds_on_commits_it_does_not_hold_is_refused(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    workshop.commit({"a.py": "b\n"})
    refused = await refusal(scratch, workshop.bundle("main~1..main"))
    assert "builds on commits that it does not hold" in refused.message


async def test_a_bundle_from_a_shallow_clone_is_refused(workshop: Workshop, scratch: Path, tmp_path: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    workshop.commit({"a.py": "b\n"})
    workshop.git("clone", "--quiet", "--depth=1", f"file://{workshop.folder}", str(tmp_path / "shallow"))
    workshop.git("-C", str(tmp_path / "shallow"), "bundle", "create", "--quiet", str(tmp_path / "s.bundle"), "HEAD")
    await refusal(scratch, tmp_path / "s.bundle")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"# v4 git bundle\n\nPACK", b"<html>", b"# v2 git bundle"])
async def test_what_is_no_bundle_is_refused(content: bytes, scratch: Path, tmp_path: Path) -> None:
    path = tmp_path / "no.bundle"
    path.write_bytes(content)
    await refusal(scratch, path)


@pytest.mark.parametrize("capability", ["@filter=blob:none", "@object-format=sha256", "@something-new"])
async def test_a_bundle_with_a_capability_we_do_not_read_is_refused(
    capability: str, workshop: Workshop, scratch: Path
) -> None:
    workshop.commit({"a.py": "a\n"})
    bundle = workshop.bundle()
    bundle.write_bytes(
        bundle.read_bytes().replace(b"# v2 git bundle\n", f"# v3 git bundle\n{capability}\n".encode(), 1)
    )
    await refusal(scratch, bundle)


async def test_a_bundle_of_version_3_is_read(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    bundle = workshop.bundle()
    new = b"# v3 git bundle\n@object-format=sha1\n"
    bundle.write_bytes(bundle.read_bytes().replace(b"# v2 git bundle\n", new, 1))
    assert len((await GitBundleReader(scratch).read(bundle)).commits) == 1


@pytest.mark.parametrize("part", [0.05, 0.5, 0.9, 0.999])
async def test_a_bundle_that_is_cut_off_is_refused(part: float, workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "".join(f"line {number}\n" for number in range(200))})
    bundle = workshop.bundle()
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[: int(len(whole) * part)])
    await refusal(scratch, bundle)


@pytest.mark.parametrize("from_end", [1, 25, 60, 120])
async def test_a_bundle_with_a_bit_turned_in_its_pack_is_refused(
    from_end: int, workshop: Workshop, scratch: Path
) -> None:
    workshop.commit({"a.py": "a\n"})
    bundle = workshop.bundle()
    content = bytearray(bundle.read_bytes())
    content[-from_end] ^= 1
    bundle.write_bytes(content)
    await refusal(scratch, bundle)


async def test_a_bundle_that_lacks_an_object_is_refused(workshop: Workshop, scratch: Path) -> None:
    workshop.commit_tree(workshop.tree([("100644", "a.py", workshop.blob(b"a\n")), ("100644", "b.py", "2" * 40)]))
    sha, tree, blob = (workshop.git("rev-parse", name) for name in ("main", "main^{tree}", "main:a.py"))
    pack = workshop.folder.parent / "pack"
    name = workshop.git("pack-objects", "--quiet", str(pack), stdin=f"{sha}\n{tree}\n{blob}\n".encode())
    bundle = workshop.folder.parent / "lacking.bundle"
    header = f"# v2 git bundle\n{sha} refs/heads/main\n\n".encode()
    bundle.write_bytes(header + pack.with_name(f"pack-{name}.pack").read_bytes())
    assert "is missing" in (await refusal(scratch, bundle)).message


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a/b"])
async def test_a_path_that_leads_out_of_its_tree_is_refused(name: str, workshop: Workshop, scratch: Path) -> None:
    blob = workshop.blob(b"evil\n")
    folder = workshop.tree([("100644", "evil.py", blob)])
    workshop.commit_tree(workshop.tree([("40000", name, folder)]))
    assert "leads out of its tree" in (await refusal(scratch, workshop.bundle("main"))).message


async def test_a_bad_path_deep_in_the_history_is_refused_too(workshop: Workshop, scratch: Path) -> None:
    evil = workshop.commit_tree(workshop.tree([("100644", "..", workshop.blob(b"evil\n"))]))
    tree = workshop.tree([("100644", "a.py", workshop.blob(b"a\n"))])
    head = workshop.git("commit-tree", "-m", "clean", "-p", evil, tree, environment=workshop.who())
    workshop.git("update-ref", "refs/heads/main", head)
    await refusal(scratch, workshop.bundle("main"))


async def test_a_commit_without_an_author_is_refused(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    tree = workshop.git("rev-parse", "HEAD^{tree}")
    workshop.commit_object(f"tree {tree}\ncommitter Ada <ada@example.org> {START} +0000\n\nwork\n")
    refused = await refusal(scratch, workshop.bundle("main"))
    assert "breaks a rule of git" in refused.message


async def test_a_git_lfs_pointer_is_refused_by_its_path(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"model/weights.bin": LFS_POINTER})
    refused = await refusal(scratch, workshop.bundle())
    assert "model/weights.bin is a Git LFS pointer" in refused.message


def endless(workshop: Workshop) -> str:
    """Store ten trees of ten entries, each naming the one below ten times: 10**10 files in some kilobytes."""
    tree = workshop.blob(b"boom\n")
    for level in range(10):
        mode = "40000" if level else "100644"
        tree = workshop.tree([(mode, f"d{number}", tree) for number in range(10)])
    return tree


async def test_a_tree_that_expands_without_end_is_refused(workshop: Workshop, scratch: Path) -> None:
    workshop.commit_tree(endless(workshop))
    bundle = workshop.bundle("main")
    assert bundle.stat().st_size < 10_000
    assert "more than 20000 files" in (await refusal(scratch, bundle)).message


async def test_a_bundle_that_is_small_packed_and_large_unpacked_is_refused(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"zeros": bytes(32 << 20)})
    bundle = workshop.bundle()
    assert bundle.stat().st_size < 1 << 20
    refused = await refusal(scratch, bundle, BundleLimits(inflated_bytes_max=16 << 20))
    assert "unpacked it has 33554" in refused.message


@pytest.mark.parametrize(
    ("name", "enough", "too_little"),
    [("commits_max", 3, 2), ("files_max", 3, 2), ("objects_max", 9, 8), ("commit_bytes_max", 2_000, 400)],
)
async def test_a_bundle_at_a_limit_is_read_and_one_beyond_is_too_large(
    name: str, enough: int, too_little: int, workshop: Workshop, scratch: Path
) -> None:
    for number in range(3):
        workshop.commit({f"{number}.py": f"{number}\n"}, days=number)
    bundle = workshop.bundle()
    read = await GitBundleReader(scratch, replace(BundleLimits(), **{name: enough})).read(bundle)
    assert len(read.commits) == len(read.files) == 3
    assert isinstance(await refusal(scratch, bundle, replace(BundleLimits(), **{name: too_little})), TooLarge)


async def test_a_file_over_the_bound_is_refused_before_it_is_read(scratch: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.bundle"
    path.write_bytes(bytes(1_001))
    assert (
        "1001 bytes where at most 1000" in (await refusal(scratch, path, BundleLimits(bundle_bytes_max=1_000))).message
    )


async def test_a_header_over_its_bounds_is_refused(workshop: Workshop, scratch: Path, tmp_path: Path) -> None:
    head = workshop.commit({"a.py": "a\n"})
    pack = workshop.bundle().read_bytes().partition(b"\n\n")[2]
    path = tmp_path / "many.bundle"
    for count in (REFS_MAX + 1, HEADER_BYTES_MAX // 40):
        refs = "".join(f"{head} refs/heads/b{number}\n" for number in range(count))
        path.write_bytes(f"# v2 git bundle\n{refs}\n".encode() + pack)
        assert isinstance(await refusal(scratch, path), TooLarge)


async def test_a_path_over_its_bound_is_refused(workshop: Workshop, scratch: Path) -> None:
    tree = workshop.tree([("100644", "a.py", workshop.blob(b"a\n"))])
    for _ in range(PATH_BYTES_MAX // 101 + 1):
        tree = workshop.tree([("40000", "d" * 100, tree)])
    workshop.commit_tree(tree)
    assert "a path in it has more than" in (await refusal(scratch, workshop.bundle("main"))).message


def with_endless_past(workshop: Workshop) -> Path:
    """Return a bundle whose head is harmless and whose first commit holds 10**10 files."""
    evil = workshop.commit_tree(endless(workshop))
    tree = workshop.tree([("100644", "a.py", workshop.blob(b"a\n"))])
    head = workshop.git("commit-tree", "-m", "clean", "-p", evil, tree, environment=workshop.who())
    workshop.git("update-ref", "refs/heads/main", head)
    return workshop.bundle("main")


async def test_a_command_that_takes_too_long_is_ended(workshop: Workshop, scratch: Path) -> None:
    refused = await refusal(scratch, with_endless_past(workshop), BundleLimits(command_seconds_max=0.3))
    assert "takes more than 0.3 s" in refused.message


async def test_a_command_that_takes_too_much_memory_is_ended_before_its_time(workshop: Workshop, scratch: Path) -> None:
    bundle = with_endless_past(workshop)
    async with asyncio.timeout(20):
        refused = await refusal(scratch, bundle, BundleLimits(command_seconds_max=40, memory_bytes_max=128 << 20))
    assert "128 MiB of memory" in refused.message


async def test_a_scratch_folder_without_room_makes_the_reader_unavailable(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    with pytest.raises(Unavailable):
        await GitBundleReader(scratch, BundleLimits(command_seconds_max=0.000_1)).read(workshop.bundle())
    assert left_in(scratch) == []


async def test_blame_is_cut_short_and_says_so(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({f"{number}.py": "a\n" for number in range(5)})
    bundle = workshop.bundle()
    few = await GitBundleReader(scratch, BundleLimits(blamed_files_max=2)).read(bundle)
    none = await GitBundleReader(scratch, BundleLimits(blame_seconds_max=0.0)).read(bundle)
    assert (few.blamed_files, few.blameable_files, sum(few.lines_by_identity.values())) == (2, 5, 2)
    assert (none.blamed_files, none.lines_by_identity) == (0, {})


async def test_a_reader_that_is_cancelled_leaves_nothing(workshop: Workshop, scratch: Path) -> None:
    workshop.commit({f"{number}.py": "a\n" * 50 for number in range(50)})
    bundle = workshop.bundle()
    for delay in (0.005, 0.02, 0.05):
        reading = asyncio.create_task(GitBundleReader(scratch).read(bundle))
        await asyncio.sleep(delay)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert left_in(scratch) == []


async def test_without_git_the_reader_is_unavailable(workshop: Workshop, scratch: Path, tmp_path: Path) -> None:
    workshop.commit({"a.py": "a\n"})
    with pytest.raises(Unavailable):
        await GitBundleReader(scratch, search_path=str(tmp_path)).read(workshop.bundle())


def git_that(tmp_path: Path, does: str) -> str:
    """Return a search path with a git that makes repositories, and then does this."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "git"
    script.write_text(f'#!/bin/sh\ncase "$*" in *" init "*) exec {shutil.which("git")} "$@";; esac\n{does}\n')
    script.chmod(0o755)
    return f"{folder}:{os.defpath}"


async def test_a_git_that_crashes_says_nothing_about_the_bundle(
    workshop: Workshop, scratch: Path, tmp_path: Path
) -> None:
    workshop.commit({"a.py": "a\n"})
    with pytest.raises(Broken, match="signal 11"):
        await GitBundleReader(scratch, search_path=git_that(tmp_path, "kill -SEGV $$")).read(workshop.bundle())
    assert left_in(scratch) == []


async def test_a_disk_without_room_says_nothing_about_the_bundle(
    workshop: Workshop, scratch: Path, tmp_path: Path
) -> None:
    workshop.commit({"a.py": "a\n"})
    full = "echo 'fatal: write error: No space left on device' >&2; exit 128"
    with pytest.raises(Unavailable):
        await GitBundleReader(scratch, search_path=git_that(tmp_path, full)).read(workshop.bundle())


async def test_whitespace_and_moves_do_not_make_lines_somebody_elses(workshop: Workshop, scratch: Path) -> None:
    body = "".join(f"    if value_{number} is None: return handle(value_{number})\n" for number in range(20))
    workshop.commit({"old.py": body})
    workshop.git("mv", "old.py", "new.py")
    workshop.commit({"new.py": body.replace("    if", "\tif")}, BEN, days=1)
    found = await GitBundleReader(scratch).read(workshop.bundle())
    assert found.lines_by_identity == {"ada@example.org": 20}

"""A signing key is made once, found again, kept from others, and never silently replaced."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.kernel.signing import verify
from shared.runtime.key_files import KeyFolder, KeyUnavailable


def test_a_key_is_made_at_first_use_in_a_folder_and_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "keys" / "record_log"
    keys = KeyFolder(folder)
    assert not folder.exists()
    signer = keys.signer("log")
    verify(signer.public_key, b"message", signer.sign(b"message"))
    assert [path.name for path in folder.iterdir()] == ["log.pem"]
    assert stat.S_IMODE((folder / "log.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_key_is_the_same_after_a_restart_and_another_for_another_purpose(tmp_path: Path) -> None:
    first = KeyFolder(tmp_path)
    again = KeyFolder(tmp_path)
    assert first.signer("log").public_key == again.signer("log").public_key
    assert first.signer("log").public_key != again.signer("credentials").public_key


def test_processes_that_ask_at_once_get_one_key(tmp_path: Path) -> None:
    folders = [KeyFolder(tmp_path) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda folder: folder.signer("log").public_key, folders))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["log.pem"]


def test_a_key_that_others_may_read_is_refused_with_the_mend(tmp_path: Path) -> None:
    KeyFolder(tmp_path).signer("log")
    (tmp_path / "log.pem").chmod(0o640)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        KeyFolder(tmp_path).signer("log")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_holds_no_key_is_named_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "log.pem"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(KeyUnavailable, match=r"log\.pem"):
        KeyFolder(tmp_path).signer("log")
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(KeyUnavailable, match="keys"):
        KeyFolder(tmp_path / "keys").signer("log")


def test_a_purpose_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="purpose"):
        KeyFolder(tmp_path).signer("../log")

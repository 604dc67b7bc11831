"""Signing keys in a folder: one file a purpose, made at first use, readable by its owner alone.

A file holds an Ed25519 key as PKCS#8 in PEM, so that usual tools read it, and is not encrypted: whoever may read the
folder can sign. It belongs into every backup, for a key can never be made again. To rotate a key, move its file away;
the next start makes another. Another kind of signer (PKCS#11, a KMS) takes the place of `KeyFolder`, nothing else.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from shared.kernel.errors import Unavailable
from shared.kernel.signing import Ed25519Signer

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
RETRY_SECONDS: Final = 5.0
_PURPOSE: Final = re.compile(r"[a-z][a-z-]{0,39}")


class KeyUnavailable(Unavailable):
    """A signing key cannot be read or made; whoever waits for it goes on once the file is mended."""

    code = "key-unavailable"


class KeyFolder:
    """The keys of one service. Nothing is read or made before a signer is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signers: dict[str, Ed25519Signer] = {}

    def signer(self, purpose: str) -> Ed25519Signer:
        """Return the signer for `purpose`, such as "log"; its key is made, durably, when there is no file yet.

        Two processes that ask at once get the same key. Raises KeyUnavailable naming the file when it cannot be read
        or made, holds no Ed25519 key, or may be read by others; ValueError for a purpose that is no lower-case name.
        """
        if purpose not in self._signers:
            if _PURPOSE.fullmatch(purpose) is None:
                raise ValueError(f"a purpose is a lower-case name: {purpose!r}")
            self._signers[purpose] = _signer_of(self._folder / f"{purpose}.pem")
        return self._signers[purpose]


def _signer_of(file: Path) -> Ed25519Signer:
    try:
        if not file.exists():
            _make(file)
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise KeyUnavailable(f"{file} may be read by others; take it from them (chmod 600)", RETRY_SECONDS)
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise KeyUnavailable(f"{error.filename}: {error.strerror}", RETRY_SECONDS) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnavailable(f"{file} holds no plain PKCS#8 key; restore it", RETRY_SECONDS) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnavailable(f"{file} holds a key that is not Ed25519; restore it", RETRY_SECONDS)
    return Ed25519Signer(key)


def _make(file: Path) -> None:
    """Put a fresh key into `file`, whole and on disk, unless another process was quicker."""
    file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    written = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(written, file)
    finally:
        written.unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

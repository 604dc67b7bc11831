"""Whom the reader believes: keys pinned before, by hand, from a source other than the file to be verified.

A trust file is JSON, `deedlog/trust/v1`:

    {"format": "deedlog/trust/v1",
     "issuers": [{"did": "did:web:deedlog.example", "keys": ["z6Mk…", …]}],
     "logs": ["deedlog.example/log+1a2b3c4d+ATQ…"]}

An issuer has as many keys as were pinned: credentials outlive a key, so pin a new one and keep the old. A log is pinned
by its C2SP vkey, whose name is the log's origin; a pinned log counts for every pinned issuer. `TrustStore` is a value;
`load` and `save` are the only IO.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ..kernel import canonical_json
from ..kernel.errors import NotFound, Rejected
from ..kernel.signed_note import VerifierKey, parse_vkey
from ..kernel.signing import decode_multikey
from .json_reader import JsonObject

FORMAT: Final = "deedlog/trust/v1"
PINS_MAX: Final = 1_000
"""Issuers, logs, and keys of one issuer; beyond it a trust file is refused."""


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The pinned keys: Multikeys by issuer DID, vkeys by their text. Immutable; changes return another store."""

    issuers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    logs: frozenset[str] = frozenset()

    def pins_key(self, did: str, multikey: str) -> bool:
        """Return whether this key was pinned for this issuer."""
        return multikey in self.issuers.get(did, frozenset())

    def log_keys(self) -> tuple[VerifierKey, ...]:
        """Return the pinned keys of logs."""
        return tuple(parse_vkey(text) for text in sorted(self.logs))

    def with_issuer(self, did: str, multikey: str) -> TrustStore:
        """Return the store that pins this key for this issuer too. Raises Rejected for what is no DID or no key."""
        if not did.startswith("did:") or any(character.isspace() for character in did):
            raise Rejected.of("", f"{did!r} is no DID", "Write it as did:web:host.")
        decode_multikey(multikey)
        keys = self.issuers.get(did, frozenset()) | {multikey}
        return replace(self, issuers={**self.issuers, did: keys})

    def with_log(self, vkey: str) -> TrustStore:
        """Return the store that pins this log key too. Raises Rejected for what is no vkey."""
        return replace(self, logs=self.logs | {str(parse_vkey(vkey))})

    def with_all(self, other: TrustStore) -> TrustStore:
        """Return the store that pins all that `other` pins too."""
        dids = self.issuers.keys() | other.issuers.keys()
        none: frozenset[str] = frozenset()
        issuers = {did: self.issuers.get(did, none) | other.issuers.get(did, none) for did in dids}
        return TrustStore(issuers, self.logs | other.logs)

    def without(self, name: str) -> TrustStore:
        """Return the store without an issuer (by DID), a single key (Multikey), or a log (origin or vkey).

        Raises NotFound when nothing by that name is pinned.
        """
        issuers = {did: keys - {name} for did, keys in self.issuers.items() if did != name}
        logs = frozenset(vkey for vkey in self.logs if name not in {vkey, parse_vkey(vkey).name})
        left = TrustStore({did: keys for did, keys in issuers.items() if keys}, logs)
        if left == self:
            raise NotFound.of("", f"nothing is pinned as {name!r}", "List what is pinned first.")
        return left

    def as_json(self) -> dict[str, Any]:
        """Return the store as the content of a trust file."""
        issuers = [{"did": did, "keys": sorted(keys)} for did, keys in sorted(self.issuers.items())]
        return {"format": FORMAT, "issuers": issuers, "logs": sorted(self.logs)}

    @classmethod
    def from_json(cls, value: Any) -> TrustStore:
        """Return the store a trust file's content tells. Raises Rejected, with the pointer."""
        whole = JsonObject.of(value)
        whole.expect_only("format", "issuers", "logs")
        if whole.text("format") != FORMAT:
            raise whole.wrong("format", f"expected {FORMAT}")
        store = cls()
        for issuer in whole.objects("issuers", PINS_MAX):
            issuer.expect_only("did", "keys")
            for multikey in issuer.texts("keys", PINS_MAX):
                store = store.with_issuer(issuer.text("did"), multikey)
        for vkey in whole.texts("logs", PINS_MAX):
            store = store.with_log(vkey)
        return store


def load(path: Path) -> TrustStore:
    """Return the store in the file at `path`; an empty one when there is no file.

    Raises Rejected for another content, OSError when it cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return TrustStore()
    return TrustStore.from_json(canonical_json.loads(raw))


def save(store: TrustStore, path: Path) -> None:
    """Put `store` into the file at `path`, readable and writable by its owner alone.

    A reader sees the old file or the new, never a part. Two savers at once: the later wins whole. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(canonical_json.dumps(store.as_json()) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise

"""The issuer as did:web: a name under a domain, and the document that lists its keys.

did:web keeps no history, so the document does: a retired key stays in it for as long as a credential it signed may be
read. Only a key that leaked is taken out of `assertionMethod`; all that it ever signed then fails, which is the point.
A key is named by its own Multikey, so no name is ever used twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from shared.kernel.errors import Rejected

CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key the issuer signs with, or once did, as a Multikey (`z6Mk…`)."""

    multikey: str
    has_leaked: bool = False


def did_web(origin: str) -> str:
    """Return the did:web of an origin such as `https://deedlog.example` or `http://localhost:8700/house`.

    The scheme is dropped: did:web knows none, and a reader asks by https. Raises Rejected for anything but an origin
    with a host and, at most, a path.
    """
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise Rejected.of("", f"{origin!r} is no http origin", "Write it as https://host, with a port if it has one.")
    path = [quote(step, safe="") for step in parts.path.split("/") if step]
    return ":".join(["did:web", quote(parts.netloc.lower(), safe=""), *path])


def document_url(did: str) -> str:
    """Return where the document of a did:web is read (did:web §2.5.2). Raises Rejected for another method."""
    method = "did:web:"
    if not did.startswith(method) or did == method:
        raise Rejected.of("", f"{did!r} is no did:web", "Write it as did:web:host.")
    host, *path = (unquote(step) for step in did.removeprefix(method).split(":"))
    return "https://" + "/".join([host, *(path or [".well-known"]), "did.json"])


def key_url(did: str, multikey: str) -> str:
    """Return the id a proof names this key by."""
    return f"{did}#{multikey}"


def did_document(did: str, keys: Sequence[IssuerKey]) -> dict[str, Any]:
    """Return the document with all `keys`, oldest first; those that leaked are listed and may assert nothing.

    Raises Rejected when there is no key or one stands twice.
    """
    names = [key.multikey for key in keys]
    if not names or len(set(names)) < len(names):
        raise Rejected.of("/verificationMethod", "an issuer has at least one key, and each once", "Look at the keys.")
    return {
        "@context": list(CONTEXTS),
        "id": did,
        "verificationMethod": [
            {"id": key_url(did, name), "type": "Multikey", "controller": did, "publicKeyMultibase": name}
            for name in names
        ],
        "assertionMethod": [key_url(did, key.multikey) for key in keys if not key.has_leaked],
    }

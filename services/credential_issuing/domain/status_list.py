"""Whether a credential still holds: one bit in a signed list of many (W3C Bitstring Status List 1.0).

An index is drawn at random and taken once, by a database constraint; a list counts as full at half its entries, so
that a draw hits a free one within a few tries and the order of issuing does not show. One list has one purpose, and a
credential one entry, for Open Badges allows no more.

The list is itself a credential with a validity of its own. A reader without a network trusts it until `validUntil`:
longer is kinder to offline readers, shorter tells them sooner of a revocation. That price is the operator's to set.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.credential_issuing.domain.timestamps import timestamp
from shared.kernel import bitstring
from shared.kernel.errors import Rejected

PURPOSE: Final = "revocation"
VALIDITY_DEFAULT: Final = timedelta(hours=24)
"""How long a published list is trusted offline. A revocation reaches the last offline reader after this time."""
VALIDITY_EMBEDDED_DEFAULT: Final = timedelta(days=7)
"""The same for a house on one machine, which may sleep for days between two publications."""
FULL_SHARE: Final = 0.5
"""Share of a list's entries that is given out before the next list is opened."""
CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """Where one credential's bit stands. `list_url` is the id of the list's own credential."""

    list_url: str
    index: int

    def as_json(self) -> dict[str, Any]:
        """Return the `credentialStatus` member: an id of its own, and the index as text (§2.1)."""
        return {
            "id": f"{self.list_url}#{self.index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": PURPOSE,
            "statusListIndex": str(self.index),
            "statusListCredential": self.list_url,
        }


def drawn_index(random: bytes, bits: int = bitstring.BITS_MIN) -> int:
    """Return the index these 8 random bytes draw from a list of `bits` entries, a power of two, so none is likelier."""
    if len(random) != 8 or bits & (bits - 1):
        raise ValueError("an index is drawn by 8 bytes from a list whose length is a power of two")
    return int.from_bytes(random, "big") % bits


def is_full(allocated: int, bits: int = bitstring.BITS_MIN) -> bool:
    """Return whether the next credential goes to a new list."""
    return allocated >= bits * FULL_SHARE


def status_list(
    list_url: str,
    issuer_did: str,
    revoked: Collection[int],
    published_at: datetime,
    validity: timedelta = VALIDITY_DEFAULT,
    bits: int = bitstring.BITS_MIN,
) -> dict[str, Any]:
    """Return the unsigned list credential in which exactly the entries of `revoked` are set.

    Raises Rejected for an index outside the list or a validity that is not longer than nothing.
    """
    if validity < timedelta(seconds=1):
        raise Rejected.of("/validUntil", "a list is valid for a second at least", "Let it end later.")
    return {
        "@context": [CONTEXT],
        "id": list_url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer_did,
        "validFrom": timestamp(published_at),
        "validUntil": timestamp(published_at + validity),
        "credentialSubject": {
            "id": f"{list_url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": PURPOSE,
            "encodedList": bitstring.encode(revoked, bits),
        },
    }

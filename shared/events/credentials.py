"""What `credential_issuing` tells: credentials issued and revoked."""

from __future__ import annotations

from datetime import datetime

from shared.events.event import Event, event
from shared.events.sources import CREDENTIAL_ISSUING


@event(CREDENTIAL_ISSUING, "credential-issued")
class CredentialIssued(Event):
    """A credential was signed. `digest` is over its canonical JSON with the proof: who holds both can match them."""

    credential: str
    skill: str
    level: int
    issuer: str
    digest: str
    status_list: str
    status_index: int
    policy: str
    release: str
    estimate: str
    valid_from: datetime
    valid_until: datetime | None = None


@event(CREDENTIAL_ISSUING, "credential-revoked")
class CredentialRevoked(Event):
    """The credential no longer holds; `reason` is a short code."""

    credential: str
    reason: str

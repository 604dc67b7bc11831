"""What skill_profiles asks of identity. Nothing is cached: a withdrawal holds for the next reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import grpc

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from services.skill_profiles.domain.requests import Terms, VerificationRequest
from services.skill_profiles.handlers.reading import Checked, Permission
from shared.runtime.grpc import kernel_errors

CALL_SECONDS: Final = 2.0
"""A reader waits for this; past it, identity counts as away and nothing is shown."""
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


class IdentityClient:
    """Consents and Granting, by gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._identity = service_pb2_grpc.IdentityServiceStub(channel)

    async def check(self, person: str, organisation: str, scope: str) -> Checked:
        """Return who the person is and whether the organisation may read `scope` now. Raises NotFound, Unavailable."""
        request = identity_pb2.CheckConsentRequest(person=person, organisation=organisation, scope=scope)
        with kernel_errors("identity"):
            answer = await self._identity.CheckConsent(request, timeout=CALL_SECONDS)
        consent = answer.consent
        if not answer.is_allowed:
            return Checked(answer.person, None)
        return Checked(answer.person, Permission(consent.grant, consent.purpose, tuple(consent.scopes)))

    async def canonical(self, people: Sequence[str]) -> dict[str, str]:
        """Return the canonical id of those among `people` who exist. Raises Unavailable."""
        with kernel_errors("identity"):
            answer = await self._identity.LookUpPeople(
                identity_pb2.LookUpPeopleRequest(people=people), timeout=CALL_SECONDS
            )
        return {entry.person: entry.canonical for entry in answer.people}

    async def grant(self, person: str, request: VerificationRequest, terms: Terms) -> str:
        """Return the id of the consent the person gives in answer to `request`. Raises Rejected or Unavailable."""
        asked = identity_pb2.GrantConsentRequest(
            person=person,
            organisation=request.organisation,
            purpose=request.purpose,
            scopes=terms.scopes,
            expires_at_us=(terms.expires_at - _EPOCH_START) // timedelta(microseconds=1),
            request=request.id,
        )
        with kernel_errors("identity"):
            answer = await self._identity.GrantConsent(asked, timeout=CALL_SECONDS)
        return str(answer.consent.grant)

    async def withdraw(self, person: str, grant: str) -> None:
        """Have the consent ended. Raises Unavailable."""
        with kernel_errors("identity"):
            await self._identity.WithdrawConsent(
                identity_pb2.WithdrawConsentRequest(person=person, grant=grant), timeout=CALL_SECONDS
            )

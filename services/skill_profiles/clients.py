"""What skill_profiles asks of identity, and of skill_inference. Nothing is cached: a withdrawal holds at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from deedlog.skill_inference.v1 import explanation_pb2, gap_pb2, prediction_pb2
from deedlog.skill_inference.v1 import service_pb2_grpc as inference_grpc
from services.skill_profiles.domain.predictions import MarksQuestion, TaskQuestion
from services.skill_profiles.domain.requests import Terms, VerificationRequest
from services.skill_profiles.handlers.reading import Checked, Permission
from shared.kernel.clock import rfc3339
from shared.runtime.grpc import kernel_errors

CALL_SECONDS: Final = 2.0
"""A reader waits for this; past it, identity counts as away and nothing is shown."""
FOLD_SECONDS: Final = 10.0
"""skill_inference folds all evidence of a person at the call, for suggestions dozens of times."""
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


class InferenceClient:
    """What skill_inference answers of a person, as it stands in replies."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._inference = inference_grpc.SkillInferenceServiceStub(channel)

    async def gap(self, person: str, role: str) -> dict[str, Any]:
        """Return what lies between a person and a role. Raises NotFound for an unknown role, Unavailable."""
        with kernel_errors("skill_inference"):
            request = gap_pb2.ComputeGapRequest(person=person, role=role)
            answer = await self._inference.ComputeGap(request, timeout=FOLD_SECONDS)
        return _plain(answer.gap)

    async def suggestions(self, person: str, role: str) -> dict[str, Any]:
        """Return which evidence would help the person most for a role. Raises NotFound, Unavailable."""
        with kernel_errors("skill_inference"):
            request = gap_pb2.SuggestEvidenceRequest(person=person, role=role)
            answer = await self._inference.SuggestEvidence(request, timeout=FOLD_SECONDS)
        return _plain(answer)

    async def explanation(self, person: str, skill: str, without: Sequence[str]) -> dict[str, Any]:
        """Return why a level is what it is, and what it would be without these facts. Raises NotFound, Unavailable."""
        with kernel_errors("skill_inference"):
            request = explanation_pb2.ExplainEstimateRequest(person=person, skill=skill, without_facts=without)
            answer = await self._inference.ExplainEstimate(request, timeout=FOLD_SECONDS)
        return _plain(answer)

    async def outcome(self, person: str, asked: TaskQuestion) -> dict[str, Any]:
        """Return how likely the person's next try is a success. Raises Rejected, NotFound, Unavailable."""
        skills = [prediction_pb2.ShownSkill(skill=skill, weight=weight) for skill, weight in asked.skills]
        request = prediction_pb2.PredictOutcomeRequest(
            person=person,
            organisation=asked.organisation,
            activity=asked.activity,
            skills=skills,
            difficulty=asked.difficulty,
            is_own_question=True,
        )
        with kernel_errors("skill_inference"):
            answer = await self._inference.PredictOutcome(request, timeout=FOLD_SECONDS)
        return _plain(answer)

    async def marks(self, person: str, asked: MarksQuestion) -> dict[str, Any]:
        """Return how any reviewer would mark the person's work. Raises Rejected, NotFound, Unavailable."""
        criteria = [prediction_pb2.RubricCriterion(criterion=name, skill=skill) for name, skill in asked.criteria]
        request = prediction_pb2.PredictMarksRequest(person=person, work=asked.work, criteria=criteria)
        with kernel_errors("skill_inference"):
            answer = await self._inference.PredictMarks(request, timeout=FOLD_SECONDS)
        return _plain(answer)


def _plain(message: Message) -> dict[str, Any]:
    """Return a message as JSON: every field, and instants as text instead of microseconds."""
    found = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    plain: dict[str, Any] = _instants(found)
    return plain


def _instants(value: Any) -> Any:
    if isinstance(value, list):
        return [_instants(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name.removesuffix("_us"): rfc3339(_EPOCH_START + timedelta(microseconds=int(one)))
        if name.endswith("_at_us") or name == "as_of_us"
        else _instants(one)
        for name, one in value.items()
    }

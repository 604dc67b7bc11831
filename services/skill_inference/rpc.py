"""The gRPC door: what is said of a person, with every contribution; for services and operators."""

from __future__ import annotations

from typing import Any, Final

from deedlog.skill_inference.v1 import service_pb2_grpc, skill_inference_pb2
from services.skill_inference.domain.observation import microseconds
from services.skill_inference.handlers.asking import Said, estimates_of
from services.skill_inference.handlers.desk import Inference
from services.skill_inference.store.alignments import AlignmentBook
from services.skill_inference.store.desk import ConnectedDesk
from shared.kernel.errors import Rejected, TooLarge
from shared.kernel.ids import has_prefix
from shared.runtime.auth import Access
from shared.runtime.backbone import Backbone
from shared.runtime.service import RpcDoor

ACCESS: Final = Access(kinds=frozenset({"service", "admin"}))

ACTIVITIES_MAX: Final = 500
"""Activities in one question."""


def door(backbone: Backbone, inference: Inference, book: AlignmentBook) -> RpcDoor:
    """Return the service's gRPC door."""
    servicer = SkillInferenceServicer(backbone, inference, book)
    return RpcDoor(servicer, service_pb2_grpc.add_SkillInferenceServiceServicer_to_server, access=ACCESS)


class SkillInferenceServicer(service_pb2_grpc.SkillInferenceServiceServicer):
    """Answers from the evidence kept, folded at the call."""

    def __init__(self, backbone: Backbone, inference: Inference, book: AlignmentBook) -> None:
        self._backbone = backbone
        self._inference = inference
        self._book = book

    async def GetEstimates(  # noqa: N802 - gRPC
        self, request: skill_inference_pb2.GetEstimatesRequest, context: Any
    ) -> skill_inference_pb2.GetEstimatesResponse:
        """Return the person's estimates, by skill; none for a person of whom nothing was heard."""
        if not has_prefix(request.person, "prs"):
            raise Rejected.of(
                "/person", "this is no id of a person", "Send one such as prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC."
            )
        async with self._backbone.reading() as connection:
            desk = ConnectedDesk(connection, self._book, _nothing_is_told)
            said = await estimates_of(desk, self._inference, request.person)
        return skill_inference_pb2.GetEstimatesResponse(estimates=[_estimate(one) for one in said])

    async def ListTouchedSkills(  # noqa: N802 - gRPC
        self, request: skill_inference_pb2.ListTouchedSkillsRequest, context: Any
    ) -> skill_inference_pb2.ListTouchedSkillsResponse:
        """Return what each of these activities shows, by the alignments in force; those not aligned are left out."""
        if not request.organisation:
            raise Rejected.of("/organisation", "it is missing", "Say whose alignments count.")
        if len(request.activities) > ACTIVITIES_MAX:
            rule = f"at most {ACTIVITIES_MAX}, got {len(request.activities)}"
            raise TooLarge.of("/activities", rule, "Ask in several calls.")
        async with self._backbone.reading() as connection:
            targets = (await self._book.targets(connection, {request.organisation})).get(request.organisation, {})
        response = skill_inference_pb2.ListTouchedSkillsResponse()
        for activity in request.activities:
            if activity in targets:
                response.activities.add(
                    activity=activity, skills=sorted(skill for skill, _ in targets[activity].skills)
                )
        return response


def _estimate(said: Said) -> skill_inference_pb2.Estimate:
    estimate, why = said.estimate, said.explanation
    return skill_inference_pb2.Estimate(
        skill=estimate.skill,
        layer=said.layer,
        mean=estimate.mean,
        variance=estimate.variance,
        interval_low=estimate.interval[0],
        interval_high=estimate.interval[1],
        level=estimate.level,
        level_probabilities=estimate.reached,
        works=estimate.works,
        raters=estimate.raters,
        release=estimate.release,
        contributions=[
            skill_inference_pb2.Contribution(fact=one.fact, source=one.source, logits=one.logits) for one in why.top
        ],
        prior=why.prior,
        contributions_rest=why.rest,
        contributions_rest_count=why.rest_count,
        observations=estimate.observations,
        has_deployment_attestation=estimate.has_deployment_attestation,
        last_evidence_at_us=microseconds(estimate.as_of),
        half_life_days=estimate.half_life_days,
    )


async def _nothing_is_told(facts: object) -> None:
    """Answering tells nothing."""

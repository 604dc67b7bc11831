"""A small skill_inference: it answers about whoever is asked for, so that tests see who that was."""

from __future__ import annotations

from typing import Any

from deedlog.skill_inference.v1 import explanation_pb2, gap_pb2, service_pb2_grpc, skill_inference_pb2
from shared.kernel.errors import NotFound

ROLE = "ml-operations-engineer"


class SmallInference(service_pb2_grpc.SkillInferenceServiceServicer):
    """Knows one role."""

    async def ComputeGap(  # noqa: N802 - gRPC
        self, request: gap_pb2.ComputeGapRequest, context: Any
    ) -> gap_pb2.ComputeGapResponse:
        """As the service."""
        if request.role != ROLE:
            raise NotFound(f"there is no such role; there are {ROLE}")
        skill = gap_pb2.SkillGap(skill="integration.apis", target=2, weight=1, chance=0.75)
        return gap_pb2.ComputeGapResponse(
            gap=gap_pb2.Gap(person=request.person, role=request.role, as_of_us=1, readiness=0.75, skills=[skill])
        )

    async def SuggestEvidence(  # noqa: N802 - gRPC
        self, request: gap_pb2.SuggestEvidenceRequest, context: Any
    ) -> gap_pb2.SuggestEvidenceResponse:
        """As the service."""
        if request.role != ROLE:
            raise NotFound(f"there is no such role; there are {ROLE}")
        return gap_pb2.SuggestEvidenceResponse(suggestions=[gap_pb2.Suggestion(kind="task", skill="integration.apis")])

    async def ExplainEstimate(  # noqa: N802 - gRPC
        self, request: explanation_pb2.ExplainEstimateRequest, context: Any
    ) -> explanation_pb2.ExplainEstimateResponse:
        """As the service."""
        told = skill_inference_pb2.Contribution(fact=request.person, source="learning_events", occurred_at_us=1)
        response = explanation_pb2.ExplainEstimateResponse(
            estimate=skill_inference_pb2.Estimate(skill=request.skill, contributions=[told])
        )
        response.without.removed.extend(request.without_facts)
        return response

"""A small skill_inference: it answers about whoever is asked for, so that tests see who that was."""

from __future__ import annotations

from typing import Any

from deedlog.skill_inference.v1 import (
    explanation_pb2,
    gap_pb2,
    prediction_pb2,
    service_pb2_grpc,
    skill_inference_pb2,
)
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

    async def PredictOutcome(  # noqa: N802 - gRPC
        self, request: prediction_pb2.PredictOutcomeRequest, context: Any
    ) -> prediction_pb2.PredictOutcomeResponse:
        """As the service; says what it was asked."""
        asked = [request.organisation, request.activity, *(f"{one.skill} {one.weight}" for one in request.skills)]
        difficulty = [f"{request.difficulty}"] if request.HasField("difficulty") else []
        whose = ["own"] if request.is_own_question else []
        rests_on = "; ".join([*asked, *difficulty, *whose])
        return prediction_pb2.PredictOutcomeResponse(person=request.person, chance=0.75, as_of_us=1, rests_on=rests_on)

    async def PredictMarks(  # noqa: N802 - gRPC
        self, request: prediction_pb2.PredictMarksRequest, context: Any
    ) -> prediction_pb2.PredictMarksResponse:
        """As the service; says what it was asked."""
        marks = [
            prediction_pb2.PredictedMark(criterion=one.criterion, skill=one.skill, chances=[0.5, 0.5], expected=0.5)
            for one in request.criteria
        ]
        return prediction_pb2.PredictMarksResponse(
            person=request.person, marks=marks, as_of_us=1, rests_on=f"{request.work}/{request.reviewer}"
        )

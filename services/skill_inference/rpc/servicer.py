"""The gRPC door: what is said of a person, with every contribution; for services and operators."""

from __future__ import annotations

from typing import Any, Final

from deedlog.skill_inference.v1 import (
    explanation_pb2,
    gap_pb2,
    prediction_pb2,
    service_pb2_grpc,
    skill_inference_pb2,
)
from services.skill_inference.domain.claims import ClaimRule
from services.skill_inference.handlers.asking import Said, Seen, estimates_of, seen_of
from services.skill_inference.handlers.comparing import Comparing
from services.skill_inference.handlers.desk import Inference
from services.skill_inference.handlers.explaining import explained
from services.skill_inference.handlers.predicting import predicted_marks, predicted_outcome, target_of
from services.skill_inference.rpc.explanations import check_explain, explanation_page
from services.skill_inference.rpc.messages import (
    contribution_messages,
    estimate_message,
    gap_message,
    suggestion_message,
)
from services.skill_inference.rpc.predictions import asked_marks, asked_task, marks_message, outcome_message
from services.skill_inference.store.alignments import AlignmentBook
from services.skill_inference.store.desk import ConnectedDesk
from services.skill_inference.store.releases import ReleaseBook
from shared.kernel.errors import Forbidden, Rejected, TooLarge
from shared.kernel.ids import has_prefix
from shared.runtime.auth import Access
from shared.runtime.backbone import Backbone
from shared.runtime.service import RpcDoor

ACCESS: Final = Access(kinds=frozenset({"service", "admin"}))

ACTIVITIES_MAX: Final = 500
"""Activities in one question."""
SUGGESTIONS_DEFAULT: Final = 10
SUGGESTIONS_MAX: Final = 100


def door(backbone: Backbone, releases: ReleaseBook, book: AlignmentBook, comparing: Comparing) -> RpcDoor:
    """Return the service's gRPC door."""
    servicer = SkillInferenceServicer(backbone, releases, book, comparing)
    return RpcDoor(servicer, service_pb2_grpc.add_SkillInferenceServiceServicer_to_server, access=ACCESS)


class SkillInferenceServicer(service_pb2_grpc.SkillInferenceServiceServicer):
    """Answers from the evidence kept, folded at the call."""

    def __init__(self, backbone: Backbone, releases: ReleaseBook, book: AlignmentBook, comparing: Comparing) -> None:
        self._backbone = backbone
        self._releases = releases
        self._book = book
        self._comparing = comparing

    async def GetEstimates(  # noqa: N802 - gRPC
        self, request: skill_inference_pb2.GetEstimatesRequest, context: Any
    ) -> skill_inference_pb2.GetEstimatesResponse:
        """Return the person's estimates, by skill; none for one of whom nothing was heard, or who opted out."""
        _check_person(request.person)
        async with self._backbone.reading() as connection:
            inference = await self._releases.now(connection)
            desk = ConnectedDesk(connection, self._book, _nothing_is_told)
            said = await estimates_of(desk, inference, request.person)
        rule = inference.rules.standard
        estimates = [_estimate(one, rule) for one in said or ()]
        return skill_inference_pb2.GetEstimatesResponse(estimates=estimates, is_opted_out=said is None)

    async def ExplainEstimate(  # noqa: N802 - gRPC
        self, request: explanation_pb2.ExplainEstimateRequest, context: Any
    ) -> explanation_pb2.ExplainEstimateResponse:
        """Return one page of what moved an estimate. Folds at the call, twice where facts are left out."""
        check_explain(request)
        inference, seen = await self._seen(request.person)
        found = await explained(inference, seen, request.skill, frozenset(request.without_facts))
        return explanation_page(found, request, inference.rules.standard)

    async def ComputeGap(  # noqa: N802 - gRPC
        self, request: gap_pb2.ComputeGapRequest, context: Any
    ) -> gap_pb2.ComputeGapResponse:
        """Return what lies between a person and a role now; of a stranger, all of it."""
        role = self._comparing.role(request.role)
        inference, seen = await self._seen(request.person)
        found = await self._comparing.gap(inference, seen, role)
        return gap_pb2.ComputeGapResponse(gap=gap_message(seen.person, found))

    async def SuggestEvidence(  # noqa: N802 - gRPC
        self, request: gap_pb2.SuggestEvidenceRequest, context: Any
    ) -> gap_pb2.SuggestEvidenceResponse:
        """Return which evidence would bring the person nearest to the role."""
        if request.limit > SUGGESTIONS_MAX:
            raise Rejected.of("/limit", f"at most {SUGGESTIONS_MAX}, got {request.limit}", "Ask for fewer.")
        role = self._comparing.role(request.role)
        now, found = await self._comparing.proposals(*await self._seen(request.person), role)
        return gap_pb2.SuggestEvidenceResponse(
            suggestions=[suggestion_message(one) for one in found[: request.limit or SUGGESTIONS_DEFAULT]],
            readiness=now.readiness.mean,
            release=now.release,
        )

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

    async def PredictOutcome(  # noqa: N802 - gRPC
        self, request: prediction_pb2.PredictOutcomeRequest, context: Any
    ) -> prediction_pb2.PredictOutcomeResponse:
        """Return how likely the person's next try of a task is a success. Folds at the call."""
        asked = asked_task(request)
        _check_person(request.person)
        async with self._backbone.reading() as connection:
            inference = await self._releases.now(connection)
            desk = ConnectedDesk(connection, self._book, _nothing_is_told)
            seen = await seen_of(desk, inference, request.person)
            _check_opted_in(seen)
            target = await target_of(desk, inference, seen, asked)
        found = await predicted_outcome(inference, seen, asked, target)
        return outcome_message(seen.person, inference.release.id, found)

    async def PredictMarks(  # noqa: N802 - gRPC
        self, request: prediction_pb2.PredictMarksRequest, context: Any
    ) -> prediction_pb2.PredictMarksResponse:
        """Return how one more reviewer is likely to mark a work of the person. Folds at the call."""
        asked = asked_marks(request)
        inference, seen = await self._seen(request.person)
        found = await predicted_marks(inference, seen, asked)
        return marks_message(seen.person, inference.release.id, found)

    async def _seen(self, person: str) -> tuple[Inference, Seen]:
        """Return what was seen of the person, and by what it is judged until the answer is whole."""
        _check_person(person)
        async with self._backbone.reading() as connection:
            inference = await self._releases.now(connection)
            seen = await seen_of(ConnectedDesk(connection, self._book, _nothing_is_told), inference, person)
        _check_opted_in(seen)
        return inference, seen


def _estimate(said: Said, rule: ClaimRule) -> skill_inference_pb2.Estimate:
    message, why = estimate_message(said.estimate, said.layer, rule), said.explanation
    message.contributions.extend(contribution_messages(why.top))
    message.prior = why.prior
    message.contributions_rest = why.rest
    message.contributions_rest_count = why.rest_count
    return message


def _check_person(person: str) -> None:
    if not has_prefix(person, "prs"):
        raise Rejected.of("/person", "this is no id of a person", "Send one such as prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC.")


def _check_opted_in(seen: Seen) -> None:
    if seen.is_opted_out:
        raise Forbidden.of("/person", "the person opted out of inference", "Ask them; only they opt in again.")


async def _nothing_is_told(facts: object) -> None:
    """Answering tells nothing."""

"""One page of what moved an estimate, and where the next one begins."""

from __future__ import annotations

import math
from typing import Final

from deedlog.skill_inference.v1 import explanation_pb2
from services.skill_inference.domain.claims import ClaimRule
from services.skill_inference.handlers.explaining import Explained
from services.skill_inference.rpc.messages import contribution_messages, estimate_message
from shared.kernel.errors import Rejected, TooLarge
from shared.runtime.pages import decode_cursor, encode_cursor

PAGE_DEFAULT: Final = 100
PAGE_MAX: Final = 1_000
WITHOUT_MAX: Final = 100
"""Facts that one question may leave out."""
_CURSOR: Final = "explanation"


def check_explain(request: explanation_pb2.ExplainEstimateRequest) -> None:
    """Hold a question to its bounds. Raises Rejected, TooLarge."""
    if request.page_size > PAGE_MAX:
        raise Rejected.of("/page_size", f"at most {PAGE_MAX}, got {request.page_size}", "Ask for smaller pages.")
    if len(request.without_facts) > WITHOUT_MAX:
        rule = f"at most {WITHOUT_MAX}, got {len(request.without_facts)}"
        raise TooLarge.of("/without_facts", rule, "Leave fewer facts out.")


def explanation_page(
    found: Explained, request: explanation_pb2.ExplainEstimateRequest, rule: ClaimRule
) -> explanation_pb2.ExplainEstimateResponse:
    """Return the page that was asked for. Raises Rejected for a place in an explanation that no longer stands."""
    # A place holds only while the estimate does: whatever moves it may reorder what moved it.
    standing = f"{found.estimate.release} {found.estimate.mean!r}"
    first = _first(request.page_token, standing)
    last = first + (request.page_size or PAGE_DEFAULT)
    every = found.explanation.top
    estimate = estimate_message(found.estimate, found.layer, rule)
    estimate.contributions.extend(contribution_messages(every[first:last]))
    estimate.prior = found.explanation.prior
    estimate.contributions_rest = math.fsum(one.logits for one in (*every[:first], *every[last:]))
    estimate.contributions_rest_count = len(every) - len(every[first:last])
    response = explanation_pb2.ExplainEstimateResponse(
        estimate=estimate,
        next_page_token=encode_cursor(_CURSOR, (standing, last)) if last < len(every) else "",
        contributions_count=len(every),
        outlook=[explanation_pb2.Outlook(months=one.months, mean=one.mean, level=one.level) for one in found.outlook],
    )
    if found.without is not None:
        response.without.removed.extend(found.without.removed)
        if found.without.said is not None:
            response.without.estimate.MergeFrom(estimate_message(found.without.said, found.layer, rule))
    return response


def _first(token: str, standing: str) -> int:
    position = decode_cursor(_CURSOR, {"cursor": token} if token else {}, str, int)
    if position is None:
        return 0
    if position[0] != standing or int(position[1]) < 0:
        raise Rejected.of("/page_token", "the estimate has moved since", "Begin again without a page token.")
    return int(position[1])

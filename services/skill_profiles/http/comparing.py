"""What a person compares, explains and has predicted: /v1/people/{id}/gap, …/explanation, …/prediction."""

from __future__ import annotations

from typing import Final

from services.skill_profiles.domain.predictions import read_marks, read_task
from services.skill_profiles.handlers.comparing import Comparing
from services.skill_profiles.http.callers import ANY, KEY_OR_PERSON, PERSON, reader_of
from services.skill_profiles.http.profiles import SELF
from shared.kernel.errors import Rejected
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.reply import Reply

NOTICE: Final = (
    "A gap compares evidence with a description of work, each figure with its uncertainty; it says of nobody that they "
    "are to be hired or refused."
)


def comparing_endpoints(comparing: Comparing) -> list[Endpoint]:
    """Return the operations that compare, explain and predict."""
    resource = _Resource(comparing)
    return [
        endpoint("GET", "/v1/people/{id}/gap", resource.gap, scopes=ANY, kinds=KEY_OR_PERSON),
        endpoint("GET", "/v1/people/{id}/explanation", resource.explanation, scopes=ANY, kinds=PERSON),
        endpoint("GET", "/v1/people/{id}/prediction", resource.prediction, scopes=ANY, kinds=PERSON),
        endpoint("GET", "/v1/people/{id}/mark-prediction", resource.mark_prediction, scopes=ANY, kinds=PERSON),
    ]


class _Resource:
    def __init__(self, comparing: Comparing) -> None:
        self._comparing = comparing

    async def gap(self, call: Call) -> Reply:
        caller, role = call.principal, _named(call, "role", "Name one of GET /v1/roles.")
        if caller.person is not None:
            found = await self._comparing.own_gap(caller.person, _own(call), role)
        else:
            found = await self._comparing.gap(reader_of(caller), call.path["id"], role)
        return Reply.json({"notice": NOTICE} | found)

    async def explanation(self, call: Call) -> Reply:
        skill = _named(call, "skill", "Name one of GET /v1/skills.")
        without = [value for name, value in call.query_pairs if name == "without"]
        return Reply.json(await self._comparing.own_explanation(str(call.principal.person), _own(call), skill, without))

    async def prediction(self, call: Call) -> Reply:
        asked = read_task(call.query_pairs)
        return Reply.json(await self._comparing.own_outcome(str(call.principal.person), _own(call), asked))

    async def mark_prediction(self, call: Call) -> Reply:
        asked = read_marks(call.query_pairs)
        return Reply.json(await self._comparing.own_marks(str(call.principal.person), _own(call), asked))


def _own(call: Call) -> str:
    named = call.path["id"]
    return str(call.principal.person) if named == SELF else named


def _named(call: Call, parameter: str, mend: str) -> str:
    named = dict(call.query_pairs).get(parameter, "")
    if not named:
        raise Rejected.of(parameter, "it is missing", mend)
    return named

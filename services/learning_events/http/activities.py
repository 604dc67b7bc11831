"""The Activities resource: what is known of an Activity (part 3, 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.learning_events.domain.activity_definition import folded
from services.learning_events.domain.document import Holder
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import check_iri
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.http.mounts import KEYS, MOUNTS, READ_ALL, finishing, only, organisation, speaking
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint


class Activities(Protocol):
    """Knows what statements told of activities."""

    async def definitions(self, holder: Holder, activity: str) -> Sequence[bytes]:
        """Return each different definition that was told, in the order in which they were told first."""
        ...


class ActivitiesDoor:
    """One Activity, folded from what statements told."""

    def __init__(self, activities: Activities) -> None:
        self._activities = activities

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [
            endpoint(
                "GET",
                f"{base}/activities",
                speaking(mount, self.get),
                scopes=READ_ALL,
                kinds=KEYS,
                finish=finishing(mount),
            )
            for base, mount in MOUNTS.items()
        ]

    async def get(self, call: Call, version: XapiVersion) -> Reply:
        """Answer with the Activity; one that nobody told anything of has an id and no definition."""
        query = call.query
        only(query, frozenset({"activityId"}))
        if "activityId" not in query:
            raise Rejected.of("activityId", "the query does not name it", "Add activityId=… to the query.")
        activity = query["activityId"]
        found = Faults()
        check_iri(activity, "activityId", found)
        if found.listed:
            raise Rejected.of("activityId", found.listed[0].rule, found.listed[0].mend)
        holder = Holder(organisation(call), call.principal.is_test)
        definitions = await self._activities.definitions(holder, activity)
        return Reply.raw(canonical_json.dumps(folded(activity, definitions)), "application/json")

"""The two profile resources: what a platform keeps about an agent, and about an activity (part 3, 2.6 and 2.7).

The scope `profile` opens both, within the key's own organisation; what other organisations keep is not to be seen.
"""

from __future__ import annotations

from typing import Final

from services.learning_events.domain.document import Resource
from services.learning_events.http.documents import DocumentResource

_PROFILE: Final = frozenset({"profile"})
AGENT_PROFILE: Final = DocumentResource(
    Resource.AGENT_PROFILE, "/agents/profile", scopes=_PROFILE, subjects=frozenset({"agent"}), name="profileId"
)
ACTIVITY_PROFILE: Final = DocumentResource(
    Resource.ACTIVITY_PROFILE,
    "/activities/profile",
    scopes=_PROFILE,
    subjects=frozenset({"activityId"}),
    name="profileId",
)

"""What differs between two tables of alignments, activity by activity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from services.skill_inference.domain.alignment import Target


class Change(NamedTuple):
    """One activity that two tables read differently. None: the table does not align it."""

    activity: str
    before: Target | None
    after: Target | None

    @property
    def kind(self) -> Literal["added", "changed", "removed"]:
        """What became of the activity."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def changes(before: Mapping[str, Target], after: Mapping[str, Target]) -> list[Change]:
    """Return what differs, by activity."""
    found = (Change(activity, before.get(activity), after.get(activity)) for activity in before.keys() | after.keys())
    return sorted((one for one in found if one.before != one.after), key=lambda one: one.activity)

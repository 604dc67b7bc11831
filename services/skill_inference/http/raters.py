"""GET /v1/raters: how reviewers mark, for operators. It reports and never acts: no mark, level or person is touched."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from services.skill_inference.domain.rater_misfit import Misfit
from services.skill_inference.domain.rater_monitor import MutualFavour
from services.skill_inference.handlers.raters import Rater, rater_report, read_sittings
from services.skill_inference.store.raters import ConnectedRaterDesk
from services.skill_inference.store.releases import ReleaseBook
from shared.runtime.backbone import Backbone
from shared.runtime.http import Call, Endpoint, Reply, endpoint

NOTE: Final = "A flag is a reason to look, never a verdict. Nothing acts on it: no mark, level or reviewer is changed."
DIGITS: Final = 4
DEVIATIONS_OF_90_PERCENT: Final = 1.6449


class RatersDoor:
    """Answers operators. One report is computed at a time, in a thread; who asks meanwhile waits."""

    def __init__(self, backbone: Backbone, releases: ReleaseBook) -> None:
        self._backbone = backbone
        self._releases = releases
        self._alone = asyncio.Lock()

    def endpoints(self) -> list[Endpoint]:
        """Return the operation."""
        return [endpoint("GET", "/v1/raters", self.get, scopes=frozenset[str](), kinds=frozenset({"admin"}))]

    async def get(self, call: Call) -> Reply:
        """Answer severity, misfit and links of each reviewer, and the pairs who marked each other."""
        async with self._alone:
            async with self._backbone.reading() as connection:
                release = (await self._releases.now(connection)).release
                sittings = await read_sittings(ConnectedRaterDesk(connection))
            report = await asyncio.to_thread(rater_report, sittings, release, self._releases.base.framework.skills)
        return Reply.json(
            {
                "note": NOTE,
                "release": release.id,
                "reviews": len(sittings.reviews),
                "is_newest_only": sittings.is_newest_only,
                "reviews_left_out_by_wish": sittings.left_out,
                "components": len({one.links.component for one in report.raters}),
                "reviewers": [_rater(one) for one in report.raters],
                "pairs": [_pair(one) for one in report.pairs],
            }
        )


def _rater(one: Rater) -> dict[str, Any]:
    severity = one.severity
    return {
        "reviewer": severity.reviewer,
        "severity": _interval(severity.severity, severity.deviation),
        "misfit": None if one.misfit is None else _misfit(one.misfit),
        "reviews": severity.sittings,
        **one.links._asdict(),
        "flags": list(one.flags),
    }


def _misfit(one: Misfit) -> dict[str, float]:
    return {"mean_square": round(one.mean_square, DIGITS), "standard_error": round(one.error, DIGITS)}


def _pair(one: MutualFavour) -> dict[str, Any]:
    favour = _interval(one.logits, one.deviation)
    return {"people": list(one.pair), "favour": favour, "flags": ["mutual-favour"] if one.is_flagged else []}


def _interval(mean: float, deviation: float) -> dict[str, float]:
    """Return a belief in logits with the interval that holds the truth in 90 of 100 cases."""
    half = DEVIATIONS_OF_90_PERCENT * deviation
    low, high = mean - half, mean + half
    return {"logits": round(mean, DIGITS), "low": round(low, DIGITS), "high": round(high, DIGITS)}

"""/v1/people/{id}/profile and /v1/accesses."""

from __future__ import annotations

from typing import Any, Final

from services.skill_profiles.domain.profile import Credential, Profile, Review, SkillLevel
from services.skill_profiles.handlers.accesses import Accesses, AccessShown
from services.skill_profiles.handlers.reading import Profiles, Reading
from services.skill_profiles.http.callers import ANY, KEY_OR_PERSON, PERSON, before_id, next_cursor, reader_of
from shared.kernel.clock import rfc3339
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.pages import page, page_limit
from shared.runtime.reply import Reply

SELF: Final = "self"
"""Stands for the id of the person who is signed in."""
NOTICE: Final = (
    "Levels are estimates from the evidence listed, each with its uncertainty; nothing here says whom to hire."
)
INTERVAL: Final = 0.9


def profile_endpoints(profiles: Profiles, accesses: Accesses) -> list[Endpoint]:
    """Return the operations that read."""
    resource = _Resource(profiles, accesses)
    return [
        endpoint("GET", "/v1/people/{id}/profile", resource.profile, scopes=ANY, kinds=KEY_OR_PERSON),
        endpoint("GET", "/v1/accesses", resource.accesses, scopes=ANY, kinds=PERSON),
    ]


class _Resource:
    def __init__(self, profiles: Profiles, accesses: Accesses) -> None:
        self._profiles = profiles
        self._accesses = accesses

    async def profile(self, call: Call) -> Reply:
        caller, named = call.principal, call.path["id"]
        if caller.person is not None:
            own = await self._profiles.own(caller.person, caller.person if named == SELF else named)
            return Reply.json(reading_body(own))
        return Reply.json(reading_body(await self._profiles.read(reader_of(caller), named)))

    async def accesses(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        found = await self._accesses.page(str(call.principal.person), before_id("accesses", call), limit + 1)
        items = [_access(one) for one in found[:limit]]
        return Reply.json(page(items, next_cursor("accesses", items, len(found) > limit)))


def reading_body(reading: Reading) -> dict[str, Any]:
    """Return a profile as it stands in replies."""
    profile = reading.profile
    return {
        "person": profile.person,
        "version": profile.version,
        "grant": reading.grant,
        "notice": NOTICE,
        "skills": [_skill(one) for one in profile.skills],
        "credentials": [_credential(one) for one in profile.credentials],
        "evidence_grades": profile.evidence_grades or {},
        "learning": {
            "statements": profile.learning.statements,
            "voided": profile.learning.voided,
            "last_at": rfc3339(profile.learning.last_at) if profile.learning.last_at else None,
        },
        "checkpoints": [
            {"origin": one.origin, "size": one.size, "root": one.root, "published_at": rfc3339(one.published_at)}
            for one in profile.checkpoints
        ],
        **_evidence(profile),
    }


def _skill(one: SkillLevel) -> dict[str, Any]:
    return {
        "skill": one.skill,
        "layer": one.layer,
        "level": one.level,
        "level_probabilities": [
            {"level": level, "at_least": probability} for level, probability in enumerate(one.level_probabilities, 1)
        ],
        "estimate": {
            "unit": "logit",
            "mean": one.mean,
            "variance": one.variance,
            "interval": {"coverage": INTERVAL, "low": one.interval_low, "high": one.interval_high},
        },
        "evidence": {
            "observations": one.observations,
            "works": one.works,
            "raters": one.raters,
            "has_deployment_attestation": one.has_deployment_attestation,
            "assurance_mix": one.assurance_mix,
        },
        "last_evidence_at": rfc3339(one.last_evidence_at),
        "half_life_days": one.half_life_days,
        "release": one.release,
    }


def _credential(one: Credential) -> dict[str, Any]:
    return {
        "id": one.id,
        "skill": one.skill,
        "level": one.level,
        "issuer": one.issuer,
        "digest": one.digest,
        "policy": one.policy,
        "release": one.release,
        "issued_at": rfc3339(one.occurred_at),
        "valid_from": rfc3339(one.valid_from),
        "valid_until": rfc3339(one.valid_until) if one.valid_until else None,
        "is_revoked": one.revoked_at is not None,
        "revoked_at": rfc3339(one.revoked_at) if one.revoked_at else None,
        "revoked_reason": one.revoked_reason,
    }


def _evidence(profile: Profile) -> dict[str, Any]:
    return {
        "projects": [
            {"id": one.id, "title": one.title, "occurred_at": rfc3339(one.occurred_at)} for one in profile.projects
        ],
        "submissions": [
            {
                "id": one.id,
                "project": one.project,
                "head_commit": one.head_commit,
                "commits": one.commits,
                "authorship_share": one.authorship_share,
                "occurred_at": rfc3339(one.occurred_at),
            }
            for one in profile.submissions
        ],
        "evidence": [
            {
                "id": one.id,
                "submission": one.submission,
                "project": one.project,
                "kind": one.kind,
                "grade": one.grade,
                "digest": one.digest,
                "summary": one.summary,
                "occurred_at": rfc3339(one.occurred_at),
            }
            for one in profile.evidence
        ],
        "reviews": [_review(one) for one in profile.reviews],
    }


def _review(one: Review) -> dict[str, Any]:
    return {
        "id": one.id,
        "submission": one.submission,
        "project": one.project,
        "reviewer": one.reviewer,
        "rubric": one.rubric,
        "marks": [
            {
                "criterion": mark.criterion,
                "skill": mark.skill,
                "layer": mark.layer,
                "value": mark.value,
                "scale_max": mark.scale_max,
            }
            for mark in one.marks
        ],
        "occurred_at": rfc3339(one.occurred_at),
    }


def _access(one: AccessShown) -> dict[str, Any]:
    return {
        "id": one.id,
        "organisation": one.organisation,
        "organisation_name": one.organisation_name,
        "grant": one.grant,
        "purpose": one.purpose,
        "scopes": one.scopes,
        "by": one.read_by,
        "manner": one.manner,
        "read_at": rfc3339(one.read_at),
    }

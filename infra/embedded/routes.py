"""Which service answers a path of the one public origin. The paths themselves are in the services' own doors.

The first pattern that fits decides. What no pattern names belongs to the console, whose pages stand at the root.
"""

from __future__ import annotations

import re
from typing import Final

_PERSON: Final = r"/v1/people/[^/]+"
_PATTERNS: Final = (
    (rf"{_PERSON}/(profile|claims|gap|explanation|prediction|mark-prediction)(/.*)?", "skill_profiles"),
    (rf"{_PERSON}/record(/.*)?", "record_log"),
    (rf"{_PERSON}/credentials(/.*)?", "credential_issuing"),
    (rf"{_PERSON}/(estimates|inference)(/.*)?", "skill_inference"),
    (r"/v1/people([/:].*)?", "identity"),
    (r"/v1/(projects|submissions|rubrics|reviews)([/:].*)?", "project_submissions"),
    (r"/v1/(skills|alignments|releases|framework|frameworks|roles|claim-rules|raters)([/:].*)?", "skill_inference"),
    (r"/ims/case(/.*)?", "skill_inference"),
    (r"(?i:(/data)?/xapi(/.*)?)", "learning_events"),
    (r"/caliper", "learning_events"),
    (r"/v1/(events|connection-test|deliveries|statements|imports|retention)([/:].*)?", "learning_events"),
    (r"/log(/.*)?", "record_log"),
    (r"/oauth/token|/\.well-known/oauth-authorization-server", "identity"),
    (r"/\.well-known/.*", "credential_issuing"),
    (r"/v1/(status-lists|credentials)([/:].*)?", "credential_issuing"),
    (r"/v1/(verification-requests|accesses)([/:].*)?", "skill_profiles"),
    (
        r"/v1/(consents|sessions|organisations|api-keys|account-links|personas|erasures|services|dead-letters)([/:].*)?",
        "identity",
    ),
)
_COMPILED: Final = tuple((re.compile(pattern), service) for pattern, service in _PATTERNS)
ELSEWHERE: Final = "console"


def service_of(path: str) -> str:
    """Return the service that answers `path`, without its query."""
    return next((service for pattern, service in _COMPILED if pattern.fullmatch(path)), ELSEWHERE)

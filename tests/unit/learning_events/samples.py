"""Statements that the tests of this folder vary: a small one, and one that uses every property."""

from __future__ import annotations

from typing import Any

ID = "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"
OTHER_ID = "fd41c918-b88b-4b20-a0a5-a4c32391aaa0"
ACTIVITY = "https://lms.example/questions/1"
ADA = {"account": {"homePage": "https://lms.example", "name": "4711"}}
BEN = {"objectType": "Agent", "mbox": "mailto:ben@example.org"}


def small(**changes: Any) -> dict[str, Any]:
    """Return the smallest statement with an id, with `changes` on top."""
    statement = {
        "id": ID,
        "actor": ADA,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": ACTIVITY},
    }
    return {**statement, **changes}


def full() -> dict[str, Any]:
    """Return a statement of version 2.0 with nearly every property the specification knows."""
    group = {"objectType": "Group", "name": "Team 1", "mbox": "mailto:team@Example.ORG", "member": [BEN, ADA]}
    return {
        "id": ID,
        "actor": {"objectType": "Agent", "name": "Ada", **ADA},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en-US": "answered", "de": ""}},
        "object": {
            "objectType": "Activity",
            "id": ACTIVITY,
            "definition": {
                "name": {"en": "Question"},
                "description": {"zh-Hant-TW": "…"},
                "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
                "moreInfo": "https://lms.example/questions/1/about",
                "interactionType": "choice",
                "correctResponsesPattern": ["a[,]b"],
                "choices": [{"id": "a", "description": {"en": "A"}}, {"id": "b"}],
                "extensions": {"https://lms.example/difficulty": None},
            },
        },
        "result": {
            "score": {"scaled": 0.5, "raw": 5, "min": 0, "max": 10},
            "success": True,
            "completion": False,
            "response": "a",
            "duration": "PT1M30.256S",
            "extensions": {"https://lms.example/hints": [1, None]},
        },
        "context": {
            "registration": "EC531277-B57B-4C15-8D91-D292C5B2B8F7",
            "instructor": BEN,
            "team": group,
            "contextActivities": {"parent": {"id": "course-v1:ORG+COURSE+RUN"}, "category": [{"id": "uuid://1"}]},
            "revision": "7",
            "platform": "Example LMS",
            "language": "en-GB",
            "statement": {"objectType": "StatementRef", "id": OTHER_ID},
            "contextAgents": [
                {"objectType": "contextAgent", "agent": BEN, "relevantTypes": ["https://x.example/role"]}
            ],
            "contextGroups": [{"objectType": "contextGroup", "group": group}],
            "extensions": {"https://lms.example/room": {"floor": 3}},
        },
        "timestamp": "2026-03-01T10:30:00.123456+01:00",
        "stored": "2026-03-01T09:31:00Z",
        "authority": {"objectType": "Group", "member": [ADA, BEN]},
        "version": "2.0.0",
        "attachments": [
            {
                "usageType": "https://example.org/certificate",
                "display": {"en": "Certificate"},
                "description": {"en": "The certificate"},
                "contentType": 'text/plain; charset="utf-8"',
                "length": 27,
                "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
                "fileUrl": "https://lms.example/certificate.txt",
            }
        ],
    }

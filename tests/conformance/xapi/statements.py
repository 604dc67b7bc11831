"""The parts that valid and invalid statements are made of, and every place where a part may stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

HOME_PAGE: Final = "https://lms.example"
ACCOUNT: Final = {"homePage": HOME_PAGE, "name": "4711"}
ADA: Final = {"objectType": "Agent", "account": ACCOUNT}
BEN: Final = {"objectType": "Agent", "name": "Ben", "mbox": "mailto:ben@example.org"}
TEAM: Final = {"objectType": "Group", "name": "Team 1", "mbox": "mailto:team@example.org", "member": [ADA, BEN]}
PAIR: Final = {"objectType": "Group", "member": [ADA, BEN]}
ANSWERED: Final = {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en-GB": "answered"}}
VOIDED: Final = {"id": "http://adlnet.gov/expapi/verbs/voided"}
QUESTION: Final = {"objectType": "Activity", "id": "https://lms.example/questions/1"}
SOME_ID: Final = "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"
REFERENCE: Final = {"objectType": "StatementRef", "id": SOME_ID}
ATTACHMENT: Final = {
    "usageType": "https://example.org/certificate",
    "display": {"en": "Certificate"},
    "contentType": "text/plain",
    "length": 27,
    "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
    "fileUrl": "https://lms.example/certificate.txt",
}

Part = dict[str, Any]
Place = Callable[[Any], Part]


def stating(**changes: Any) -> Part:
    """Return a small valid statement with `changes` on top."""
    return {"actor": ADA, "verb": ANSWERED, "object": QUESTION, **changes}


def nested(**changes: Any) -> Part:
    """Return a statement about a small SubStatement with `changes` on top."""
    return stating(object={"objectType": "SubStatement", **stating(**changes)})


def without(part: Part, *names: str) -> Part:
    """Return the part without these properties."""
    return {name: value for name, value in part.items() if name not in names}


def changed(part: Part, **changes: Any) -> Part:
    """Return the part with `changes` on top."""
    return {**part, **changes}


def defined(**definition: Any) -> Part:
    """Return an Activity with this definition."""
    return {**QUESTION, "definition": definition}


AGENT_PLACES: Final[dict[str, Place]] = {
    "/actor": lambda agent: stating(actor=agent),
    "/object": lambda agent: stating(object=agent),
    "/authority": lambda agent: stating(authority=agent),
    "/context/instructor": lambda agent: stating(context={"instructor": agent}),
    "/actor/member/0": lambda agent: stating(actor={"objectType": "Group", "member": [agent]}),
    "/object/actor": lambda agent: nested(actor=agent),
    "/object/context/instructor": lambda agent: nested(context={"instructor": agent}),
}
"""Where an Agent with an objectType may stand."""
GROUP_PLACES: Final[dict[str, Place]] = {
    "/actor": lambda group: stating(actor=group),
    "/object": lambda group: stating(object=group),
    "/context/instructor": lambda group: stating(context={"instructor": group}),
    "/context/team": lambda group: stating(context={"team": group}),
    "/object/actor": lambda group: nested(actor=group),
    "/object/context/team": lambda group: nested(context={"team": group}),
}
"""Where a Group may stand."""
STATEMENT_PLACES: Final[dict[str, Callable[..., Part]]] = {"": stating, "/object": nested}
"""A statement and a SubStatement, whose rules are the same."""
ACTIVITY_PLACES: Final[dict[str, Place]] = {
    "/object": lambda activity: stating(object=activity),
    "/object/object": lambda activity: nested(object=activity),
    "/context/contextActivities/parent/0": lambda one: stating(context={"contextActivities": {"parent": [one]}}),
    "/context/contextActivities/grouping/0": lambda one: stating(context={"contextActivities": {"grouping": [one]}}),
    "/context/contextActivities/category/0": lambda one: stating(context={"contextActivities": {"category": [one]}}),
    "/context/contextActivities/other/0": lambda one: stating(context={"contextActivities": {"other": [one]}}),
    "/object/context/contextActivities/other": lambda one: nested(context={"contextActivities": {"other": one}}),
}
"""Where an Activity may stand."""

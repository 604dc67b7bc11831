"""The address a sender was given: the usual ways to get it wrong, and the one it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from services.learning_events.domain.diagnosis import Finding, failed, passed

ADDRESS_CHARACTERS_MAX: Final = 2_000
"""A longer address is read by nobody."""
RESOURCES: Final = frozenset(
    {"statements", "activities", "activities/state", "activities/profile", "agents", "agents/profile", "about"}
)
"""The paths below a mount (xAPI part 3, 2)."""
_SINGULAR: Final = {"statement": "statements", "activity": "activities", "agent": "agents"}
_VERSIONS: Final = {"1": "1", "2": "2", "v1": "1", "v2": "2", "1.0": "1", "1.0.3": "1", "2.0": "2", "2.0.0": "2"}


@dataclass(frozen=True, slots=True)
class PathFault:
    """What is wrong with a path, and the path that is meant."""

    rule: str
    right: str


def path_fault(path: str) -> PathFault | None:
    """Return what is wrong with the path of a resource or of a mount; None where it is served, or a mount."""
    segments = [segment for segment in path.lower().split("/") if segment]
    if "xapi" not in segments:
        return PathFault("nothing of xAPI is served under this path", "/xapi/statements")
    rest = segments[segments.index("xapi") + 1 :]
    mount = "/xapi"
    if rest and rest[0] in _VERSIONS:
        mount = f"/xapi/{_VERSIONS[rest[0]]}"
        rest = rest[1:]
    resource, left = _resource(rest)
    right = f"{mount}/{resource}" if resource else f"{mount}/statements"
    if path in {f"{mount}/{resource}", mount, f"{mount}/"}:
        return None
    return PathFault(_rule(path, segments, rest, resource, left), right)


def judge_address(address: str, origin: str, forwarded_scheme: str | None) -> list[Finding]:
    """Return whether the address leads here, by path and by transport.

    address: as set in the sender; origin: the public one of this house; forwarded_scheme: what a proxy before us says
    that this request came by, if it does.
    """
    address = address[:ADDRESS_CHARACTERS_MAX]
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return [failed("address", "the sender's address is no http or https URL", f"Set {origin}/xapi.")]
    if parts.username is not None or parts.query or parts.fragment:
        rule = "the sender's address holds a user name, a query or a fragment"
        return [failed("address", rule, f"Set {origin}/xapi, and the credential in its own fields.")]
    found = []
    if parts.netloc.lower() != urlsplit(origin).netloc.lower():
        rule = "the sender's address names another host or port than this house has"
        found.append(failed("address", rule, f"Set {origin}/xapi."))
    elif (fault := path_fault(parts.path)) is not None:
        found.append(failed("address", fault.rule, _set_to(origin, fault.right)))
    else:
        found.append(passed("address", "the sender's address leads here"))
    return [*found, judge_transport(parts.scheme, origin, forwarded_scheme)]


def judge_transport(scheme: str | None, origin: str, forwarded_scheme: str | None) -> Finding:
    """Return whether what is sent is encrypted where the house is reached by https. scheme: of the sender's address."""
    if not origin.startswith("https:"):
        return passed("transport", "this house is reached without TLS, as on one's own machine")
    if "http" in (scheme, forwarded_scheme):
        rule = "the sender uses http, so that its secret and its events can be read on the way"
        return failed("transport", rule, f"Set an address that begins with {origin}.")
    return passed("transport", "the sender uses https")


def _resource(rest: list[str]) -> tuple[str, list[str]]:
    """Return the first resource that these segments name, singular or plural, and what follows it."""
    for start in range(len(rest)):
        for length in (2, 1):
            taken = rest[start : start + length]
            named = "/".join(_SINGULAR.get(segment, segment) for segment in taken)
            if len(taken) == length and named in RESOURCES:
                return named, rest[start + length :]
    return "", []


def _rule(path: str, segments: list[str], rest: list[str], resource: str, left: list[str]) -> str:
    if segments[0] != "xapi":
        return f"the path begins with /xapi here, and not with /{segments[0][:20]}"
    if path != path.lower():
        return "paths are written in lower case here"
    if not resource:
        return "there is no such resource of xAPI"
    if left and "/".join(left).startswith(resource.partition("/")[0]):
        return f"/{resource} stands there twice: the sender appends it to its address"
    if left:
        return f"something follows /{resource} in the path; what is asked for goes into the query"
    if any(segment in _SINGULAR for segment in rest):
        return f"the resource is called {resource}, in the plural"
    if "//" in path or path.endswith("/"):
        return "there is a slash too many in the path"
    return "the path has parts that are not served here"


def _set_to(origin: str, right: str) -> str:
    mount = right.rpartition("/")[0] if right.endswith(("/statements", "/about")) else "/xapi"
    return f"Set {origin}{mount}; the statements go to {origin}{mount}/statements."

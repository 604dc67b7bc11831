"""Who a statement is about: Agents and Groups, and the one text that identifies each (part 2, sections 2.4.2.*).

An Agent has exactly one Inverse Functional Identifier of four. Its canonical text is what accounts are stored and
looked up by; two actors are the same if and only if their texts are equal:

    account:https://lms.example|4711      the first | ends the home page, since | stands in no IRI
    mbox:ada@example.org                  the domain in lower case; the part before the @ as it came
    mbox_sha1sum:<40 lower-case hex>      not turned into an mbox, even where one with this hash is known
    openid:https://ada.example            as it came (RFC 3987 §5.3.1, simple comparison)
    anonymous:<statement id>              a Group without identifier: distinct in each statement, as 2.4.2.2 demands
"""

from __future__ import annotations

import re
from typing import Any, Final

from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_string

IDENTIFIERS: Final = ("account", "mbox", "mbox_sha1sum", "openid")
"""The four Inverse Functional Identifiers."""

_IDENTIFIERS: Final = frozenset(IDENTIFIERS)
_AGENT: Final = frozenset({"objectType", "name", *IDENTIFIERS})
_GROUP: Final = _AGENT | {"member"}
_ACCOUNT: Final = frozenset({"homePage", "name"})
_MAILTO: Final = re.compile(r"mailto:[^\s@<>\"(),:;\[\]\\\x00-\x1f\x7f]+@[^\s@<>\"(),:;\\/?#\x00-\x1f\x7f]+").fullmatch
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}").fullmatch
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]").search

_IDENTIFIER_MEND: Final = "Give exactly one of account, mbox, mbox_sha1sum and openid."


def check_actor(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being an Agent or a Group."""
    if type(value) is dict and value.get("objectType") == "Group":
        check_group(value, pointer, faults)
    else:
        check_agent(value, pointer, faults)


def check_agent(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being an Agent, which may leave its objectType out."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "an Agent, that is an object", _IDENTIFIER_MEND)
        return
    if value.get("objectType", "Agent") != "Agent":
        faults.add(f"{pointer}/objectType", 'expected "Agent" or, where one may stand, "Group"', 'Write "Agent".')
    if not _AGENT.issuperset(value):
        faults.add_unknown(pointer, value, _AGENT, "an Agent")
    if "name" in value:
        check_string(value["name"], f"{pointer}/name", faults)
    if _check_identifiers(value, pointer, faults) == 0:
        faults.add(pointer, "an Agent has an identifier", _IDENTIFIER_MEND)


def check_group(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being a Group: identified, or anonymous with at least one member."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a Group, that is an object", 'Send {"objectType": "Group", …}.')
        return
    if value.get("objectType") != "Group":
        faults.add(f"{pointer}/objectType", 'expected "Group"', 'Write "Group".')
    if not _GROUP.issuperset(value):
        faults.add_unknown(pointer, value, _GROUP, "a Group")
    if "name" in value:
        check_string(value["name"], f"{pointer}/name", faults)
    identifiers = _check_identifiers(value, pointer, faults)
    members = value.get("member", [])
    if type(members) is not list:
        faults.add_wrong(f"{pointer}/member", members, "an array of Agents", "Send the members as an array.")
        return
    if identifiers == 0 and not members:
        faults.add(pointer, "an anonymous Group has members", f"List its Agents under member. {_IDENTIFIER_MEND}")
    for index, member in enumerate(members):
        check_agent(member, f"{pointer}/member/{index}", faults)


def is_identified(actor: dict[str, Any]) -> bool:
    """Say whether a checked actor has an identifier, so that its canonical text is the same in every statement."""
    return not _IDENTIFIERS.isdisjoint(actor)


def identifier(actor: dict[str, Any], statement_id: str) -> str:
    """Return the canonical text of a checked actor; the forms stand at the head of this module."""
    if "account" in actor:
        account = actor["account"]
        return f"account:{account['homePage']}|{account['name']}"
    if "mbox" in actor:
        local, _, domain = actor["mbox"][7:].rpartition("@")
        return f"mbox:{local}@{domain.lower()}"
    if "mbox_sha1sum" in actor:
        return f"mbox_sha1sum:{actor['mbox_sha1sum'].lower()}"
    if "openid" in actor:
        return f"openid:{actor['openid']}"
    return f"anonymous:{statement_id}"


def _check_identifiers(value: dict[str, Any], pointer: str, faults: Faults) -> int:
    """Check each identifier in `value` and return how many there are; more than one is a fault."""
    count = 0
    if "account" in value:
        count += 1
        _check_account(value["account"], f"{pointer}/account", faults)
    if "mbox" in value:
        count += 1
        _check_matching(_MAILTO, value["mbox"], f"{pointer}/mbox", "mailto: and an e-mail address", faults)
    if "mbox_sha1sum" in value:
        count += 1
        _check_matching(_SHA1, value["mbox_sha1sum"], f"{pointer}/mbox_sha1sum", "a SHA-1 in 40 hex digits", faults)
    if "openid" in value:
        count += 1
        check_iri(value["openid"], f"{pointer}/openid", faults)
    if count > 1:
        faults.add(pointer, f"one identifier, got {count}", _IDENTIFIER_MEND)
    return count


def _check_account(account: Any, pointer: str, faults: Faults) -> None:
    if type(account) is not dict:
        faults.add_wrong(pointer, account, "an object", 'Send {"homePage": "https://…", "name": "…"}.')
        return
    if not _ACCOUNT.issuperset(account):
        faults.add_unknown(pointer, account, _ACCOUNT, "an account")
    check_iri(account.get("homePage", MISSING), f"{pointer}/homePage", faults)
    name = account.get("name", MISSING)
    # The specification lets a name be empty. Then everybody at this home page would be one person.
    if type(name) is not str or not name or _CONTROL(name):
        expected = "a text with at least one character and no control characters"
        faults.add_wrong(f"{pointer}/name", name, expected, "Name the account by its id at the home page.")


def _check_matching(matches: Any, value: Any, pointer: str, expected: str, faults: Faults) -> None:
    if type(value) is not str or matches(value) is None:
        faults.add_wrong(pointer, value, expected, "Send it in that form, or identify the actor by an account.")

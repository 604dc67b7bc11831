"""A person's accounts as they see them: at which platform, since when, and by which proof each is theirs.

The links are a forest, so there is one way from an account to the person's oldest; the first link on it is the one by
which the account is theirs, and undoing it takes the account away, with whatever hangs on it. The oldest hangs on none.

Where a platform's word holds people together, identifiers are shown shortened: it may be wrong, and then the one would
read the other's mail address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.account_links import AccountLink
from services.identity.domain.accounts import LinkedAccount
from shared.kernel.errors import Conflict, NotFound
from shared.kernel.ids import PersonId


class NothingToUndo(Conflict):
    """The account is theirs by no link."""

    code = "nothing-to-undo"


@dataclass(frozen=True, slots=True)
class Reading:
    """An operator looked at the accounts."""

    read_at: datetime
    reader: str


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """An account as it is shown. platform: the organisation's name. link: by which it is theirs; None of the oldest."""

    account: LinkedAccount
    platform: str
    identifier: str
    link: AccountLink | None


def shown_accounts(
    canonical: PersonId, accounts: Sequence[tuple[LinkedAccount, str]], links: Iterable[AccountLink], *, is_own: bool
) -> list[ShownAccount]:
    """Return the accounts, each with the link by which it is theirs. is_own: a person looks."""
    linked = [link for link in links if link.state == "linked"]
    by_person = ways(canonical, linked)
    is_short = is_own and any(link.is_declared for link in linked)
    return [
        ShownAccount(
            account,
            platform,
            shortened(account.identifier) if is_short else account.identifier,
            by_person.get(account.person),
        )
        for account, platform in accounts
    ]


def ways(canonical: PersonId, links: Iterable[AccountLink]) -> Mapping[PersonId, AccountLink]:
    """Return the link by which each person hangs on the canonical one, directly or over others. links: linked ones."""
    left = list(links)
    found: dict[PersonId, AccountLink] = {}
    reached = [canonical]
    for here in reached:
        for link in left:
            if link.claim is None or here not in (link.proposer, link.claim.person):
                continue
            there = link.claim.person if link.proposer == here else link.proposer
            if there not in found and there != canonical:
                found[there] = link
                reached.append(there)
    return found


def link_to_undo(
    account: str, accounts: Iterable[LinkedAccount], canonical: PersonId, links: Iterable[AccountLink]
) -> AccountLink:
    """Return the link by which the account is theirs. Raises NotFound, or NothingToUndo for the oldest person's."""
    mine = next((one for one in accounts if one.id == account), None)
    if mine is None:
        raise NotFound("There is no such account, or it is not yours.")
    link = ways(canonical, [one for one in links if one.state == "linked"]).get(mine.person)
    if link is None:
        rule = "it is the account that all others were linked with"
        raise NothingToUndo.of("/account", rule, "Unlink the others from it.")
    return link


def shortened(identifier: str) -> str:
    """Return enough of an identifier for its owner to know it, and too little for anybody else."""
    kind, _, rest = identifier.partition(":")
    if kind == "account":
        home_page, _, name = rest.partition("|")
        return f"account:{home_page}|{name[:1]}…"
    local, at, domain = rest.rpartition("@")
    if kind == "mbox" and at:
        return f"mbox:{local[:1]}…@{domain}"
    if kind == "openid":
        return "openid:" + "/".join(rest.split("/")[:3]) + "/…"
    return f"{kind}:{rest[:2]}…"

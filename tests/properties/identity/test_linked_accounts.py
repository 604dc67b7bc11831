"""Undoing the link by which an account is somebody's takes it away with what hangs on it, and leaves the rest one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.account_links import NO_CODE, AccountLink, Claim, declared_link
from services.identity.domain.accounts import LinkedAccount
from services.identity.domain.aliases import Aliases, Edge, Member
from services.identity.domain.linked_accounts import link_to_undo, shortened, shown_accounts, ways
from services.identity.domain.personas import proven_instead
from shared.kernel.ids import AccountId, OrganisationId, PersonId

AT = datetime(2026, 3, 1, tzinfo=UTC)
HERE = OrganisationId("org_here")


@st.composite
def unions(draw: st.DrawFn) -> tuple[Aliases, list[AccountLink]]:
    """Draw a tree over two to ten people, some of its links declared, and the links that are its edges."""
    count = draw(st.integers(2, 10))
    people = [PersonId(f"prs_{number}") for number in range(count)]
    ages = draw(st.permutations(range(count)))
    members = frozenset(Member(AT + timedelta(days=age), one, "account") for one, age in zip(people, ages, strict=True))
    links = []
    for number in range(1, count):
        pair = people[draw(st.integers(0, number - 1))], people[number]
        if draw(st.booleans()):
            links.append(declared_link(f"lnk_{number}", pair, HERE, "psn_1", AT))
        else:
            claim = Claim(pair[1])
            links.append(AccountLink(f"lnk_{number}", pair[0], NO_CODE, AT, AT, "linked", claim=claim, settled_at=AT))
    edges = frozenset(Edge(link.id, link.proposer, link.claim.person) for link in links if link.claim is not None)
    return Aliases(members, edges), draw(st.permutations(links))


def account_of(person: PersonId) -> LinkedAccount:
    return LinkedAccount(AccountId(f"acc_{person}"), HERE, f"mbox:{person}@example.org", person, AT)


@given(unions(), st.data())
def test_an_account_goes_with_what_hangs_on_it_and_the_rest_stays_one(
    union: tuple[Aliases, list[AccountLink]], data: st.DataObject
) -> None:
    aliases, links = union
    oldest = min(aliases.members).id
    by_person = ways(oldest, links)
    assert by_person.keys() == {member.id for member in aliases.members} - {oldest}
    taken = data.draw(st.sampled_from(sorted(by_person)))
    link = link_to_undo(account_of(taken).id, [account_of(one) for one in by_person], oldest, links)
    after = aliases.split(link.id)
    gone = {member.id for member in after.union(taken)}
    left = {member.id for member in after.union(oldest)}
    assert taken in gone
    assert gone | left == {member.id for member in aliases.members}
    assert not gone & left


@given(unions(), st.data())
def test_a_proof_in_place_of_a_declaration_changes_nobody(
    union: tuple[Aliases, list[AccountLink]], data: st.DataObject
) -> None:
    aliases, links = union
    one, other = data.draw(st.lists(st.sampled_from(sorted(aliases.members)), min_size=2, max_size=2, unique=True))
    edge = Edge("lnk_new", one.id, other.id)
    found = proven_instead(aliases, [link for link in links if link.is_declared], edge)
    if found is None:
        proven = [link for link in links if not link.is_declared]
        kept = frozenset(each for each in aliases.edges if each.link in {link.id for link in proven})
        assert Aliases(aliases.members, kept).union(one.id) == Aliases(aliases.members, kept).union(other.id)
    else:
        ended, after = found
        assert ended.is_declared
        assert after.table() == aliases.table()
        assert edge in after.edges


@given(unions())
def test_where_a_platforms_word_holds_people_together_nobody_reads_an_address(
    union: tuple[Aliases, list[AccountLink]],
) -> None:
    aliases, links = union
    oldest = min(aliases.members).id
    accounts = [(account_of(member.id), "Lernhaus") for member in sorted(aliases.members)]
    own = shown_accounts(oldest, accounts, links, is_own=True)
    is_declared = any(link.is_declared for link in links)
    assert all((one.identifier != one.account.identifier) is is_declared for one in own)
    assert [one.link is None for one in own] == [one.account.person == oldest for one in own]
    operators = shown_accounts(oldest, accounts, links, is_own=False)
    assert all(one.identifier == one.account.identifier for one in operators)


@given(st.sampled_from(["mbox", "account", "openid", "mbox_sha1sum"]), st.uuids())
def test_a_shortened_identifier_says_the_kind_and_not_who(kind: str, who: object) -> None:
    forms = {
        "mbox": f"mbox:{who}@example.org",
        "account": f"account:https://lms.example|{who}",
        "openid": f"openid:https://id.example/{who}",
        "mbox_sha1sum": f"mbox_sha1sum:{who}",
    }
    short = shortened(forms[kind])
    assert short.startswith(f"{kind}:")
    assert str(who)[:4] not in short

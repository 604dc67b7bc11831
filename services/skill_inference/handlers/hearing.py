"""Hearing facts: what they say is kept, and whoever it touches is revised in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from services.skill_inference.domain.fold import Ledger
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.people import People
from services.skill_inference.domain.reading import Evidence, observations
from services.skill_inference.domain.testimony import Counts, Review, Statement, Testimony
from services.skill_inference.handlers.desk import Basis, Desk, Inference, Judging, Standing
from services.skill_inference.handlers.revising import revise


async def keep(desk: Desk, testimony: Testimony) -> Counts:
    """Have kept what was said, and return what was counted; what is over a bound is in `testimony.aside` then."""
    if testimony.erasures:
        await desk.erase(testimony.erasures)
    counts = testimony.counts()
    if counts:
        testimony.limit(await desk.count(counts))
    await desk.keep(testimony)
    return counts


async def hear(desk: Desk, judging: Judging, testimony: Testimony, locked: Collection[str]) -> bool:
    """Have kept what was said, and told what moved by it. Say whether anything was left for later.

    locked: the subjects whose lock the transaction holds; who is not among them is put off.
    """
    named, is_waiting = testimony.persons(), False
    if not named:
        return False
    if testimony.only_adds:
        around = await desk.people_held(named | testimony.reviewers())
        left = await _add(desk, judging, testimony, around, locked)
    else:
        people = await desk.people(named)
        await keep(desk, testimony)
        basis = await desk.hold_basis()
        changed = await desk.people(named)
        touched = named | people.canonicals(named) | changed.canonicals(named)
        left = await revise(desk, await judging(basis), touched, await desk.people(touched), locked, basis)
        if testimony.links or testimony.erasures:
            # Whoever was reviewed by somebody who became, or ceased to be, somebody else.
            is_waiting = await desk.put_off_reviewed(named | people.around() | changed.around())
        if testimony.erasures:
            # Whoever had ids of the erased among theirs was told of what these showed.
            erased = {one.subject for one in testimony.erasures}
            await desk.empty_later(erased | people.canonicals(erased))
    if left:
        await desk.put_off(left)
    return bool(left or is_waiting or testimony.erasures)


async def _add(desk: Desk, judging: Judging, testimony: Testimony, people: People, locked: Collection[str]) -> set[str]:
    """Hear what only adds evidence: whoever's ledger is at hand learns from that alone."""
    members = {person: people.members(person) for person in people.canonicals(testimony.persons())}
    before, basis = await desk.standings_and_basis(members)
    inference = await judging(basis)
    counts = await keep(desk, testimony)
    voiders = {person: members[person] for person, standing in before.items() if standing.has_voidings}
    seen = await _seen(desk, inference, testimony, people, members, await desk.voided(voiders))
    own = {person: members[person] for person in members if person in locked}
    after = _advance(inference, basis, before, counts, own, seen, _merged_reviewers(testimony, people))
    touched = {person for person, found in seen.items() if found}
    return await revise(desk, inference, touched, people, locked, basis, after) if touched else set()


async def _seen(
    desk: Desk,
    inference: Inference,
    testimony: Testimony,
    people: People,
    members: Mapping[str, Collection[str]],
    void: Collection[tuple[str, str, str]],
) -> dict[str, list[Observation]]:
    """Return by person what the testimony shows. A statement may have been voided before it was heard."""
    targets = await desk.targets({statement.organisation for statement in testimony.statements})
    statements: defaultdict[str, list[Statement]] = defaultdict(list)
    for statement in testimony.statements:
        person = people.canonical(statement.subject)
        if (person, statement.organisation, statement.statement) not in void:
            statements[person].append(statement)
    reviews: defaultdict[str, list[Review]] = defaultdict(list)
    for review in testimony.reviews:
        told = review._replace(reviewer=people.canonical(review.reviewer))
        reviews[people.canonical(review.subject)].append(told)
    skills = inference.framework.skills
    return {
        person: observations(Evidence(tuple(statements[person]), tuple(reviews[person])), targets, skills, ids)
        for person, ids in members.items()
    }


def _merged_reviewers(testimony: Testimony, people: People) -> dict[str, set[tuple[str, str]]]:
    """Return by person who reviewed them here and was merged, as (id that was told, id that stands for it)."""
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in testimony.reviews:
        if people.is_alias(one.reviewer):
            found[people.canonical(one.subject)].add((one.reviewer, people.canonical(one.reviewer)))
    return found


def _advance(
    inference: Inference,
    basis: Basis,
    before: Mapping[str, Standing],
    counts: Counts,
    members: Mapping[str, Collection[str]],
    seen: Mapping[str, Sequence[Observation]],
    reviewers: Mapping[str, Collection[tuple[str, str]]],
) -> dict[str, Standing]:
    """Have the ledgers of these persons, who are locked, stand for what was added too, and return where they stand.

    That is reckoned from our own writes and not read again: what others wrote meanwhile is not in the ledgers.
    """
    after: dict[str, Standing] = {}
    by_subject: defaultdict[str, Counts] = defaultdict(dict)
    for shelf, count in counts.items():
        by_subject[shelf.subject][shelf] = count
    for person, ids in members.items():
        old = before.get(person, Standing())
        if not old.heads:
            # Of a stranger nothing was kept: what is heard now is all there is to learn from.
            inference.ledgers.put(person, old.token(basis, ids), Ledger((), inference.release))
        moved = {shelf: count for one in ids for shelf, count in by_subject[one].items()}
        new = old.moved(moved, reviewers.get(person, ()))
        inference.ledgers.advance(person, old.token(basis, ids), new.token(basis, ids), seen[person])
        after[person] = new
    return after

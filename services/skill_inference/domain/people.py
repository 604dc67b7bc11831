"""Who is whom: several ids of one person, and the one that stands for all of them.

Facts are never re-keyed. Evidence lies under the id it was told of, and is read for the canonical person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


class People:
    """The links around some persons. `links`: alias → canonical, everything reachable from them either way."""

    def __init__(self, links: Mapping[str, str]) -> None:
        self._links = links

    def canonical(self, person: str) -> str:
        """Return the id that stands for `person`: the end of the links, and on a ring of them the least id.

        Identity tells no rings; one that stands all the same must neither hang a consumer nor read differently twice.
        """
        seen: list[str] = []
        while person in self._links:
            if person in seen:
                return min(seen[seen.index(person) :])
            seen.append(person)
            person = self._links[person]
        return person

    def members(self, person: str) -> frozenset[str]:
        """Return every id that `person`, a canonical one, stands for, its own among them."""
        return frozenset((person, *(one for one in self._links if self.canonical(one) == person)))

    def canonicals(self, persons: Iterable[str]) -> set[str]:
        """Return the canonical ids of `persons`."""
        return {self.canonical(person) for person in persons}

    def aliases(self) -> Iterable[str]:
        """Return the ids that another stands for."""
        return self._links.keys()

    def around(self) -> set[str]:
        """Return every id that these links name."""
        return {one for link in self._links.items() for one in link}

    def is_alias(self, person: str) -> bool:
        """Say whether another id stands for `person`."""
        return self.canonical(person) != person


def outside(names: Collection[str], links: Mapping[str, str]) -> set[str]:
    """Return the ends of `links` that are not among `names`: whom to look up next."""
    return {end for link in links.items() for end in link if end not in names}

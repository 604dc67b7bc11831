"""Takes the identifiers of erased people out of what others said: of JSON, and of any text.

What goes is an actor that is the person, whole but for its kind and members, with the name beside the identifier; an
account of theirs wherever it stands; a Caliper entity that is the person; and in every text, keys included, the mail
address, the openid, or the SHA-1. What comes instead says that somebody was erased, and the same for the same account:

    {"account": {"homePage": "urn:deedlog:erased", "name": "prs_…"}}      an actor
    urn:deedlog:erased:prs_…                                              in a text

What cannot be recognised stays: a name in free text, and the name of an account apart from its home page, unless that
is a mail address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.actor import IDENTIFIERS, identifier
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected

ERASED: Final = "urn:deedlog:erased"
"""The home page of an actor who was erased, and what a text about one begins with."""
_KEPT_OF_ACTORS: Final[tuple[str, ...]] = ("objectType", "member")
_KEPT_OF_ENTITIES: Final[tuple[str, ...]] = ("type", "objectType")
_MAIL_NAME: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+").fullmatch
_IDENTIFIERS: Final = frozenset(IDENTIFIERS)


@dataclass(frozen=True, slots=True)
class ErasedAccount:
    """An account that an erased person had. identifier: its canonical text; until: what came later is not concerned."""

    identifier: str
    person: str
    until: datetime


class Redaction:
    """Takes some accounts of one organisation out of what it said. Equal input gives equal output."""

    def __init__(self, accounts: Iterable[ErasedAccount]) -> None:
        self._accounts = tuple(accounts)
        self._people = {one.identifier: one.person for one in self._accounts}
        self._iris = {name[7:]: person for name, person in self._people.items() if name.startswith("openid:")}
        patterns = [(_pattern(name), person) for name, person in self._people.items()]
        known = [(pattern, person) for pattern, person in patterns if pattern is not None]
        self._named = [person for _, person in known]
        self._pattern = re.compile("|".join(f"({pattern})" for pattern, _ in known)) if known else None

    @property
    def until(self) -> datetime:
        """The latest time until which one of them is concerned. Raises ValueError where there is none."""
        return max(one.until for one in self._accounts)

    @property
    def people(self) -> list[str]:
        """Whose they were."""
        return sorted(set(self._people.values()))

    def identifiers(self) -> list[tuple[str, datetime]]:
        """Return the canonical text of each, and until when it is concerned."""
        return [(one.identifier, one.until) for one in self._accounts]

    def until_then(self, at: datetime) -> Redaction:
        """Return what is to be taken out of something stored at this time."""
        concerned = [one for one in self._accounts if at <= one.until]
        return self if len(concerned) == len(self._accounts) else Redaction(concerned)

    def fragments(self) -> list[bytes]:
        """Return bytes of which one stands in every canonical JSON that names one of the accounts."""
        return sorted({part for name in self._people for part in _fragments(name)})

    def loose_fragments(self) -> list[bytes]:
        """Return bytes of which one stands in whatever names one of them, however it is spelled."""
        return sorted({part for name in self._people for part in _loose_fragments(name)} | {b"\\"})

    def concerns(self, actor: str) -> str | None:
        """Return the erased person whose canonical text this is; None for others."""
        return self._people.get(actor)

    def value(self, value: Any) -> Any:
        """Return a JSON value without the accounts; an equal one where it names none."""
        if type(value) is str:
            return self.text(value)
        if type(value) is list:
            return [self.value(one) for one in value]
        return self._object(value) if type(value) is dict else value

    def text(self, text: str) -> str:
        """Return a text without the accounts; the same where it names none."""
        return text if self._pattern is None else self._pattern.sub(self._opaque, text)

    def json(self, raw: bytes) -> bytes | None:
        """Return JSON without the accounts, in canonical form; None where it names none, or is none.

        Raises Rejected for what is no strict JSON.
        """
        value: Any = canonical_json.loads(raw, bytes_max=len(raw))
        changed = self.value(value)
        return None if changed == value else canonical_json.dumps(changed)

    def content(self, raw: bytes) -> bytes | None:
        """Return any bytes without the accounts, JSON as such; None where they name none.

        Empty where they name one and are no text, for then nothing in them can be replaced.
        """
        try:
            return self.json(raw)
        except Rejected:
            pass
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return b"" if self.text(raw.decode("latin-1")) != raw.decode("latin-1") else None
        changed = self.text(text)
        return None if changed == text else changed.encode()

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        person = self._actor(value)
        if person is not None:
            kept = {name: self.value(value[name]) for name in _KEPT_OF_ACTORS if name in value}
            return {**kept, "account": {"homePage": ERASED, "name": person}}
        person = self._account(value)
        if person is not None:
            return {"homePage": ERASED, "name": person}
        entity = value.get("id")
        if type(entity) is str and entity in self._iris:
            kept = {name: value[name] for name in _KEPT_OF_ENTITIES if name in value}
            return {**kept, "id": f"{ERASED}:{self._iris[entity]}"}
        return {self.text(name): self.value(one) for name, one in value.items()}

    def _actor(self, value: dict[str, Any]) -> str | None:
        if _IDENTIFIERS.isdisjoint(value):
            return None
        try:
            return self._people.get(identifier(value, ""))
        except (AttributeError, KeyError, TypeError):
            return None  # somebody else's object, with a member that is only called so

    def _account(self, value: dict[str, Any]) -> str | None:
        home_page, name = value.get("homePage"), value.get("name")
        return self._people.get(f"account:{home_page}|{name}") if home_page and name else None

    def _opaque(self, match: re.Match[str]) -> str:
        return f"{ERASED}:{self._named[(match.lastindex or 1) - 1]}"


def is_redacted(raw: bytes) -> bool:
    """Say whether somebody was taken out of this; never wrongly no."""
    return ERASED.encode() in raw


def is_same_but_for_the_erased(kept: Any, sent: Any) -> bool:
    """Say whether what was sent is what is kept, where this names somebody who was erased and that anybody."""
    if type(kept) is dict and type(sent) is dict:
        account = kept.get("account")
        if type(account) is dict and account.get("homePage") == ERASED:
            return kept.get("objectType") == sent.get("objectType") and not _IDENTIFIERS.isdisjoint(sent)
        return len(kept) == len(sent) and _are_same_members(kept, sent)
    if type(kept) is list and type(sent) is list:
        return len(kept) == len(sent) and _are_same_items(kept, sent)
    if type(kept) is str and type(sent) is str and ERASED in kept:
        pieces = re.split(rf"{ERASED}:prs_[0-9A-Z]+", kept)
        return re.fullmatch(".+".join(map(re.escape, pieces)), sent, re.DOTALL) is not None
    return canonical_json.dumps(kept) == canonical_json.dumps(sent)


def _are_same_members(kept: dict[str, Any], sent: dict[str, Any]) -> bool:
    named = kept.keys() & sent.keys()
    others = sorted(sent.keys() - named)
    if any(ERASED not in name for name in kept.keys() - named):
        return False
    return all(is_same_but_for_the_erased(kept[name], sent[name]) for name in named) and len(others) == len(
        kept.keys() - named
    )


def _are_same_items(kept: Sequence[Any], sent: Sequence[Any]) -> bool:
    """Compare in any order: that of a Group's members, which are sorted by what identifies them, is another now."""
    left = list(sent)
    for one in sorted(kept, key=lambda item: is_redacted(canonical_json.dumps(item))):
        place = next((place for place, other in enumerate(left) if is_same_but_for_the_erased(one, other)), None)
        if place is None:
            return False
        del left[place]
    return True


def _mail(name: str) -> tuple[str, str] | None:
    """Return what stands before and behind the @ where the identifier, or its account's name, is a mail address."""
    kind, _, rest = name.partition(":")
    address = rest.partition("|")[2] if kind == "account" else rest
    if kind not in ("mbox", "account") or _MAIL_NAME(address) is None:
        return None
    local, _, domain = address.rpartition("@")
    return local, domain


def _pattern(name: str) -> str | None:
    """Return what an account looks like in a text, without groups; None where it looks like any other text."""
    mail = _mail(name)
    if mail is not None:
        local, domain = map(re.escape, mail)
        return rf"(?:(?i:mailto:)|(?<![\w.+%-])){local}(?:@|%40)(?i:{domain})(?![\w-]|\.\w)"
    kind, _, rest = name.partition(":")
    if kind == "mbox_sha1sum":
        return rf"(?<![0-9A-Fa-f])(?i:{rest})(?![0-9A-Fa-f])"
    return rf"{re.escape(rest)}(?!\.?[\w%~-])" if kind == "openid" else None


def _fragments(name: str) -> list[bytes]:
    kind, _, rest = name.partition(":")
    if kind != "account":
        return _loose_fragments(name)
    home_page, _, account = rest.partition("|")
    whole = canonical_json.dumps({"homePage": home_page, "name": account})
    return [whole[1:-1], *(_loose_fragments(name) if _mail(name) else [])]


def _loose_fragments(name: str) -> list[bytes]:
    mail = _mail(name)
    if mail is not None:
        return [_spelled(f"{mail[0]}{at}") for at in ("@", "%40")]
    kind, _, rest = name.partition(":")
    if kind == "mbox_sha1sum":
        return [rest.lower().encode(), rest.upper().encode()]
    return [_spelled(rest.partition("|")[2] if kind == "account" else rest)]


def _spelled(text: str) -> bytes:
    """Return a text as it stands between quotation marks in canonical JSON."""
    return canonical_json.dumps(text)[1:-1]

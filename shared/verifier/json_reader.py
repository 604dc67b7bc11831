"""Reading a stranger's JSON member by member, so that a wrong one is named by its pointer and nothing is assumed."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..kernel.clock import parse_rfc3339
from ..kernel.errors import Rejected

TEXT_CHARACTERS_MAX: Final = 4_096
"""Bound on a text that is looked at as an id, a time or a name."""

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
"""XML Schema dateTimeStamp, to the microsecond we can hold."""


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A JSON object and where it stands. Every method raises Rejected at the member's pointer."""

    members: Mapping[str, Any]
    pointer: str = ""

    @classmethod
    def of(cls, value: Any, pointer: str = "") -> JsonObject:
        """Return `value`, which must be an object."""
        if not isinstance(value, dict):
            raise Rejected.of(pointer, "an object is expected", "Take the file as it was made.")
        return cls(value, pointer)

    def expect_only(self, *names: str) -> None:
        """Return only if the members are exactly `names`."""
        for name in sorted(self.members.keys() ^ set(names)):
            wrong = "the member is missing" if name in names else "there is no such member"
            raise Rejected.of(f"{self.pointer}/{name}", wrong, "Take the file as it was made.")

    def object(self, name: str) -> JsonObject:
        """Return the member `name`, an object."""
        return JsonObject.of(self.members.get(name), f"{self.pointer}/{name}")

    def objects(self, name: str, count_max: int) -> list[JsonObject]:
        """Return the member `name`, an array of at most `count_max` objects."""
        items = self._list(name, count_max)
        return [JsonObject.of(item, f"{self.pointer}/{name}/{index}") for index, item in enumerate(items)]

    def texts(self, name: str, count_max: int) -> list[str]:
        """Return the member `name`, an array of at most `count_max` texts."""
        items = self._list(name, count_max)
        if not all(isinstance(item, str) for item in items):
            raise self.wrong(name, "an array of texts is expected")
        return items

    def text(self, name: str, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
        """Return the member `name`, a text of 1 to `characters_max` characters."""
        value = self.members.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= characters_max:
            raise self.wrong(name, f"a text of 1 to {characters_max} characters is expected")
        return value

    def number(self, name: str) -> int:
        """Return the member `name`, an integer from 0 upwards."""
        value = self.members.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(name, "an integer from 0 upwards is expected")
        return value

    def time(self, name: str) -> datetime:
        """Return the member `name`, a date-time with a zone."""
        value = self.text(name)
        if _DATE_TIME.fullmatch(value) is None:
            raise self.wrong(name, "a date-time with a zone is expected")
        try:
            return parse_rfc3339(value)
        except (ValueError, OverflowError) as error:
            raise self.wrong(name, "a date-time with a zone is expected") from error

    def octets(self, name: str, size: int) -> bytes:
        """Return the member `name`, base64 of exactly `size` bytes."""
        return decoded(self.text(name), size, f"{self.pointer}/{name}")

    def wrong(self, name: str, rule: str) -> Rejected:
        """Return the rejection of the member `name`."""
        return Rejected.of(f"{self.pointer}/{name}", rule, "Take the file as it was made.")

    def _list(self, name: str, count_max: int) -> list[Any]:
        value = self.members.get(name)
        if not isinstance(value, list) or len(value) > count_max:
            raise self.wrong(name, f"an array of at most {count_max} items is expected")
        return value


def decoded(text: str, size: int, pointer: str) -> bytes:
    """Return the `size` bytes that `text` is the one base64 spelling of (RFC 4648 §4). Raises Rejected otherwise."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) != size or base64.b64encode(octets).decode() != text:
        raise Rejected.of(pointer, f"base64 of {size} bytes is expected", "Take the file as it was made.")
    return octets

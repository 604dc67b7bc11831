"""The special data types of xAPI: IRIs, UUIDs, language tags, timestamps, durations (part 2, section 4).

Each `is_…` says whether a text keeps its format, each `check_…` lists a fault if it does not. The expressions are
compiled once and written so that no text makes them backtrack. Limits of the checks, on purpose:

* An IRI is checked for its scheme, its characters and its percent-escapes, not for the grammar of each scheme:
  `course-v1:ORG+COURSE+RUN` and `uuid://…` are valid and used by real platforms. Nothing is resolved.
* A UUID is 32 hexadecimal digits in their five groups. The variant bits are not looked at: the specification's own
  examples do not keep them.
* A language tag is checked for its shape (RFC 5646 §2.1), not against the registry of subtags.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from services.learning_events.domain.faults import Faults, member_pointer
from shared.events.fact import CALENDAR_END, CALENDAR_START

# No group is possessive: before Python 3.11.4 such a group lets pass what it should not. None needs to be, because each
# repeat begins with a character that no other can.
# RFC 3987 §2.2, without the parts that need a grammar: controls, blanks and <>"{}|\^` stand in no IRI.
_IRI_CHARACTER: Final = r"[^\x00-\x20\x7f-\x9f<>\"{}|\\^`%\u00a0\u2028\u2029\ufdd0-\ufdef\ufff0-\uffff]"
_IRI: Final = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*+:(?=.){_IRI_CHARACTER}*+(?:%[0-9A-Fa-f]{{2}}{_IRI_CHARACTER}*+)*", re.DOTALL
).fullmatch
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}").fullmatch
_LANGUAGE: Final = re.compile(
    r"""(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})      # language, with up to three extended subtags
        (?:-[a-z]{4})?                                   # script
        (?:-(?:[a-z]{2}|[0-9]{3}))?                      # region
        (?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*         # variants
        (?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*             # extensions
        (?:-x(?:-[a-z0-9]{1,8})+)?                       # private use
      | x(?:-[a-z0-9]{1,8})+
      | en-gb-oed | sgn-(?:be-fr|be-nl|ch-de)            # irregular and grandfathered, RFC 5646 §2.1
      | i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
).fullmatch
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?"
    r"(?:[Zz]|\+[0-9]{2}:[0-9]{2}|-(?!00:00)[0-9]{2}:[0-9]{2})"
).fullmatch
_NUMBER: Final = "[0-9]{1,12}(?:[.,][0-9]{1,12}(?=[A-Z]$))?"
_DURATION: Final = re.compile(
    rf"P(?:({_NUMBER})W|(?=[0-9T])(?:({_NUMBER})Y)?(?:({_NUMBER})M)?(?:({_NUMBER})D)?"
    rf"(?:T(?=[0-9])(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?)"
).fullmatch

RECURRING_CHARACTERS_MAX: Final = 256
"""Of a name that is remembered to be an IRI, or none."""
_IRI_MEND: Final = "Send an absolute IRI such as https://example.org/activities/1, with a scheme and no blanks."
_UUID_MEND: Final = "Send a UUID in its 36 characters, such as 12345678-1234-4678-9234-567812345678."
_LANGUAGE_MEND: Final = "Name the language as RFC 5646 does: en, en-US, zh-Hant."
_TIMESTAMP_MEND: Final = "Send an RFC 3339 time with its zone, such as 2026-03-01T09:30:00.250Z; -00:00 is no zone."
_DURATION_MEND: Final = "Send it as PT4H35M59.14S, P3Y1M29D or P4W: weeks alone, decimals in the last part."


@lru_cache(maxsize=4_096)
def _is_recurring_iri(text: str) -> bool:
    """Say whether this is an IRI: a platform's extensions have the same few names in all its statements."""
    return _IRI(text) is not None


def is_uuid(value: Any) -> bool:
    """Say whether `value` is a text of 32 hexadecimal digits in the five groups of a UUID."""
    return type(value) is str and _UUID(value) is not None


def check_iri(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault unless `value` is an absolute IRI."""
    if type(value) is not str or _IRI(value) is None:
        faults.add_wrong(pointer, value, "an IRI with a scheme (RFC 3987)", _IRI_MEND)


def check_uuid(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault unless `value` is a UUID in its standard form."""
    if type(value) is not str or _UUID(value) is None:
        faults.add_wrong(pointer, value, "a UUID in its standard form (RFC 9562)", _UUID_MEND)


def check_string(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault unless `value` is a string; it may be empty."""
    if type(value) is not str:
        faults.add_wrong(pointer, value, "a string", "Send it in quotes, or leave it out.")


def check_boolean(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault unless `value` is true or false."""
    if type(value) is not bool:
        faults.add_wrong(pointer, value, "true or false", "Send the bare word true or false, or leave it out.")


def check_language_tag(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault unless `value` has the shape of a language tag."""
    if type(value) is not str or _LANGUAGE(value) is None:
        faults.add_wrong(pointer, value, "a language tag (RFC 5646)", _LANGUAGE_MEND)


def check_language_map(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault for each entry of `value` that is not a language tag with a string, or one if it is no object."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a language map, that is an object", 'Send {"en": "…"}, or leave it out.')
        return
    for tag, text in value.items():
        if _LANGUAGE(tag) is None:
            rule = "the name of an entry in a language map is a language tag (RFC 5646)"
            faults.add(member_pointer(pointer, tag), rule, _LANGUAGE_MEND)
        if type(text) is not str:
            check_string(text, member_pointer(pointer, tag), faults)


def check_extensions(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault for each name in `value` that is no IRI. The values are anything JSON can say, null included."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "an extensions object", 'Send {"https://example.org/ext/name": …}.')
        return
    for name in value:
        if not (_is_recurring_iri(name) if len(name) <= RECURRING_CHARACTERS_MAX else _IRI(name)):
            rule = "the name of an extension is an IRI with a scheme (RFC 3987)"
            faults.add(member_pointer(pointer, name), rule, _IRI_MEND)


def check_timestamp(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault unless `value` is an RFC 3339 date-time with a zone that exists in the calendar."""
    if type(value) is not str or _TIMESTAMP(value) is None:
        faults.add_wrong(pointer, value, "a time with a zone (RFC 3339)", _TIMESTAMP_MEND)
        return
    try:
        moment = instant(value)
    except (ValueError, OverflowError):
        faults.add(pointer, "no such day or hour is in the calendar", _TIMESTAMP_MEND)
        return
    if not CALENDAR_START < moment < CALENDAR_END:
        # What programs write for a time they do not have, such as 0001-01-01T00:00:00Z.
        mend = "Send when it happened, or leave the timestamp out."
        faults.add(pointer, "an end of the calendar stands for no time", mend)


@lru_cache(maxsize=1_024)
def instant(timestamp: str) -> datetime:
    """Return the instant in UTC, to the microsecond, that a checked timestamp names.

    Remembered for a moment, since who checks a timestamp asks for it next. A leap second (RFC 3339 §5.7) is the first
    instant of the next minute. Raises ValueError or OverflowError for what is not in the calendar or leaves the years
    1 to 9999.
    """
    text = timestamp.upper()
    if text[17:19] != "60":
        return datetime.fromisoformat(text).astimezone(UTC)
    before = datetime.fromisoformat(f"{text[:17]}59{text[19:]}").astimezone(UTC)
    if (before.hour, before.minute) != (23, 59):
        raise ValueError("a leap second ends a day in UTC")
    return before.replace(microsecond=0) + timedelta(seconds=1)


def check_duration(value: Any, pointer: str, faults: Faults) -> None:
    """List a fault unless `value` is an ISO 8601 duration with designators (ISO 8601:2004 §4.4.3.2)."""
    if type(value) is not str or _DURATION(value) is None:
        faults.add_wrong(pointer, value, "an ISO 8601 duration with designators", _DURATION_MEND)


def duration_seconds(duration: str) -> float | None:
    """Return the seconds in a checked duration, a day being 86,400; None where years or months make that a guess."""
    match = _DURATION(duration)
    if match is None:
        return None
    weeks, years, months, days, hours, minutes, seconds = (
        float(part.replace(",", ".")) if part else 0.0 for part in match.groups()
    )
    if years or months:
        return None
    return (weeks * 7 + days) * 86_400 + hours * 3_600 + minutes * 60 + seconds

"""Canonical JSON has one form, agrees with the reference library, and a name that stands twice is always found."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from shared.kernel.canonical_json import (
    DEPTH_MAX,
    canonical_object,
    dumps,
    dumps_around,
    loads,
    loads_items,
    spelling,
)
from shared.kernel.errors import Rejected

INT_SAFE = 2**53 - 1

text = st.text(max_size=12) | st.sampled_from(['":', '" :', '\\":', ":", '{"', "😀", "\ue000", "\u0000", "~/"])
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-INT_SAFE, INT_SAFE) | floats | text
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5), max_leaves=25
)


def names_shuffled(value: Any, data: st.DataObject) -> Any:
    """Return the same value with the members of every object in another order."""
    if isinstance(value, list):
        return [names_shuffled(child, data) for child in value]
    if isinstance(value, dict):
        return {name: names_shuffled(value[name], data) for name in data.draw(st.permutations(list(value)))}
    return value


def spelled(value: Any, data: st.DataObject) -> str:
    """Return some JSON text of `value`: any blanks, any escapes, every name kept."""
    blank = data.draw(st.sampled_from(["", "", " ", "\n\t", "\r "]))
    if isinstance(value, list):
        return f"[{blank}{','.join(blank + spelled(child, data) for child in value)}{blank}]"
    if isinstance(value, dict):
        return object_text([(name, spelled(child, data)) for name, child in value.items()], blank, data)
    return f"{blank}{string_text(value, data) if isinstance(value, str) else json.dumps(value)}{blank}"


def object_text(members: list[tuple[str, str]], blank: str, data: st.DataObject) -> str:
    body = ",".join(f"{blank}{string_text(name, data)}{blank}:{child}" for name, child in members)
    return f"{{{body}{blank}}}"


def string_text(content: str, data: st.DataObject) -> str:
    """Return a JSON string for `content`: plain, with all beyond ASCII escaped, or with everything escaped."""
    how = data.draw(st.sampled_from(["plain", "ascii", "all"]))
    if how != "all":
        return json.dumps(content, ensure_ascii=how == "ascii")
    units = content.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'


@given(values)
def test_written_value_is_that_of_the_reference_library(value: Any) -> None:
    assert dumps(value) == rfc8785.dumps(value)


@given(values)
def test_value_survives_the_round_trip_and_its_form_is_final(value: Any) -> None:
    written = dumps(value)
    assert loads(written) == value
    assert dumps(loads(written)) == written


@given(values, st.data())
def test_order_of_names_does_not_matter(value: Any, data: st.DataObject) -> None:
    assert dumps(names_shuffled(value, data)) == dumps(value)


@given(values, st.data())
def test_every_spelling_of_a_value_is_read_as_it(value: Any, data: st.DataObject) -> None:
    raw = spelled(value, data).encode()
    assert loads(raw) == value
    assert dumps(loads(raw)) == dumps(value)


@given(st.dictionaries(text, values, min_size=1, max_size=4), values, st.integers(0, 4), st.data())
def test_name_that_stands_twice_is_always_found(
    members: dict[str, Any], again: Any, depth: int, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(list(members)))
    pairs = [(each, spelled(child, data)) for each, child in members.items()]
    pairs.insert(data.draw(st.integers(0, len(pairs))), (name, spelled(again, data)))
    raw = object_text(pairs, data.draw(st.sampled_from(["", " "])), data)
    for _ in range(depth):
        around = data.draw(st.sampled_from(["[%s]", '[1,"\\":",%s]', '{"x":%s}', '{"a" :":","b":%s}']))
        raw = around.replace("%s", raw)
    with pytest.raises(Rejected) as refusal:
        loads(raw.encode())
    (fault,) = refusal.value.faults
    assert "twice" in fault.rule
    assert fault.pointer.endswith("/" + name.replace("~", "~0").replace("/", "~1"))


@given(floats)
@example(-0.0)
@example(5e-324)
@example(1e21)
@example(1e21 - 131072)
@example(2.0**53)
@example(2.0**53 - 1)
@example(1e-4)
@example(1e-5)
@example(1e-6)
@example(9.999999999999999e-7)
@example(4503599627370495.5)
@example(2.0**63)
@example(2.0**64)
def test_number_is_written_as_ecmascript_would_and_read_back_the_same(number: float) -> None:
    for value in (number, -number):
        written = dumps([value])
        assert written == rfc8785.dumps([value])
        assert loads(written) == [value]


@given(st.integers())
@example(2**53)
@example(2**53 - 1)
@example(-(2**53))
@example(2**64)
def test_integer_is_written_when_safe_and_refused_when_not(number: int) -> None:
    if abs(number) <= INT_SAFE:
        assert loads(dumps(number)) == number
    else:
        with pytest.raises(Rejected):
            dumps(number)


def read(raw: bytes) -> tuple[bool, Any]:
    """Return whether `raw` was read, and the value or the one fault."""
    try:
        return True, loads(raw)
    except Rejected as refusal:
        (fault,) = refusal.faults
        return False, fault


@given(st.integers(2**53, 10**30), st.booleans())
@example(2**53, False)
@example(2**53 + 1, False)
@example(2**64, True)
def test_integer_text_is_read_only_when_it_would_be_written_the_same(number: int, is_negative: bool) -> None:
    raw = str(-number if is_negative else number).encode()
    was_read, found = read(raw)
    assert was_read == (rfc8785.dumps(float(raw)) == raw)
    assert dumps(found) == raw if was_read else "2^53-1" in found.rule


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda each: each.encode("utf-8", "surrogatepass")))
def test_bytes_are_read_or_refused_with_one_fault_and_nothing_else_happens(raw: bytes) -> None:
    was_read, found = read(raw)
    assert loads(dumps(found)) == found if was_read else found.mend


@given(values, st.data())
def test_text_with_one_byte_altered_is_refused_or_read_as_the_standard_library_reads_it(
    value: Any, data: st.DataObject
) -> None:
    raw = bytearray(dumps(value))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    was_read, found = read(bytes(raw))
    # Integers that were not taken as such were taken as the double their digits spell.
    assert not was_read or found == json.loads(raw, parse_int=float)


small = st.floats(-1e-3, 1e-3) | st.floats(1e14, 1e23) | st.integers(-(2**60), 2**60).map(float)
members = st.dictionaries(text, values | small | st.lists(small, max_size=3), max_size=6)


@given(members)
@example({"a": 1e-5, "b": 5e-5})
@example({"a": 1e16, "b": -0.0})
@example({"a": [123456789012345680.0]})
@example({"😀": 1, "\ue000": 2})
@example({"a": "x1e5,", "b": "1.0]"})
def test_an_object_is_taken_for_canonical_only_if_it_reads_and_writes_as_itself(value: dict[str, Any]) -> None:
    for raw in (dumps(value), orjson.dumps(value, option=orjson.OPT_SORT_KEYS), orjson.dumps(value)):
        found = canonical_object(raw)
        if found is not None:
            assert (found, dumps(found)) == (loads(raw), raw)
            assert repr(found) == repr(loads(raw))


@given(members, st.data())
def test_any_other_spelling_is_not_taken_for_canonical(value: dict[str, Any], data: st.DataObject) -> None:
    raw = spelled(value, data).encode()
    assert raw == dumps(value) or canonical_object(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"[]", b"1", b"null", b"{", b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a": 1}', b'{"a":"\\ud800"}'),
        *(b'{"a":1.0}', b'{"a":[-0.0]}', b'{"a":1e16}', b'{"a":1E5}', b'{"a":9007199254740993}'),
        b'{"a":' + b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1) + b"}",
    ],
)
def test_what_is_no_canonical_object_beyond_doubt_is_not_taken_for_one(raw: bytes) -> None:
    assert canonical_object(raw) is None


def test_the_canonical_object_that_facts_carry_is_known_for_one() -> None:
    raw = b'{"at":"2026-11-23T12:00:00Z","mean":[0.25,-1.5],"n":7,"of":{"f3e5":null,"is":true},"text":"\xc3\xa9"}'
    assert canonical_object(raw) == loads(raw)


@given(st.dictionaries(text, text, max_size=4), text, values)
def test_an_object_made_around_a_canonical_member_is_spelled_as_a_whole(
    texts: dict[str, str], name: str, value: Any
) -> None:
    assert dumps_around(texts, name, dumps(value)) == dumps({**texts, name: value})


def test_a_lone_surrogate_beside_a_canonical_member_is_refused_where_it_stands() -> None:
    with pytest.raises(Rejected, match="/a"):
        dumps_around({"a": "\ud800"}, "data", b"{}")


@given(st.lists(values, max_size=4) | values, st.data())
@example([{"a": 1e16, "b": -0.0}, {"😀": 1, "\ue000": 2}, 1.0, "x", []], None)
@example([{"a": "x1e5,", "b": "1.0]"}, {" a ": " b "}], None)
def test_items_are_read_and_spelled_as_each_would_be_alone(value: Any, data: st.DataObject | None) -> None:
    raw = json.dumps(value).encode() if data is None else spelled(value, data).encode()
    for text in (raw, dumps(value), json.dumps(value, ensure_ascii=False, indent=2).encode()):
        whole = loads(text)
        items = whole if isinstance(whole, list) else [whole]
        found, pairs = loads_items(text)
        assert dumps(found) == dumps(whole)
        assert [form for _, form in pairs] == [dumps(item) for item in items]
        assert [dumps(item) for item, _ in pairs] == [dumps(item) for item in items]


@pytest.mark.parametrize(
    "raw",
    [
        b'[{"a": 1, "a": 1}]',
        b'[{"a":1},{"b": {"a ": 1, "a ": 2}}]',
        b'[{"a":1, "a":"\\u003a"}]',
        b'[{"a":":","a":100000.0}]',
        b'[{"a":1e5,"a":100000.0}]',
        b"[NaN]",
        b"[9007199254740993]",
        b"[18446744073709551617]",
        b"[" * 65 + b"]" * 65,
        b"[" + b"[" * 64 + b"]" * 64 + b",{}]",
        b'[{"a":' * 33 + b"1" + b"}]" * 33,
        b'["\\ud800"]',
        b'["\xff"]',
        b"[1] []",
        b"",
    ],
)
def test_items_are_refused_where_the_whole_is(raw: bytes) -> None:
    with pytest.raises(Rejected):
        loads(raw)
    with pytest.raises(Rejected):
        loads_items(raw)


@given(st.dictionaries(text, values, min_size=1, max_size=4), values, st.data())
def test_an_item_whose_name_stands_twice_is_refused_in_any_spelling(
    value: dict[str, Any], other: Any, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(value)))
    members = [
        (json.dumps(key, ensure_ascii=False), json.dumps(each, ensure_ascii=False)) for key, each in value.items()
    ]
    members.insert(
        data.draw(st.integers(0, len(members))),
        (json.dumps(name, ensure_ascii=False), json.dumps(other, ensure_ascii=False)),
    )
    for blank in ("", " "):
        body = f",{blank}".join(f"{key}:{blank}{each}" for key, each in members)
        with pytest.raises(Rejected):
            loads_items(f"[{{{body}}}]".encode())


@given(values, values)
def test_two_values_of_one_spelling_are_one(one: Any, other: Any) -> None:
    one, other = (loads(dumps(each)) for each in (one, other))
    is_same = spelling(one) == spelling(other)
    assert not is_same or dumps(one) == dumps(other)

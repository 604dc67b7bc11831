"""What canonical JSON writes, and what it refuses with pointer, rule and mend."""

from __future__ import annotations

import gzip
import json
import math
import os
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest
import rfc8785

from shared.kernel import json_fault
from shared.kernel.canonical_json import BYTES_MAX, DEPTH_MAX, digest, dumps, loads
from shared.kernel.errors import Rejected, TooLarge
from shared.kernel.hashing import sha256

DATA: Final = Path(os.environ.get("DEEDLOG_TEST_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data"))
STATEMENTS: Final = DATA / "xapi" / "fun-mooc-statements.json.gz"

REFUSED_TEXTS: Final = {
    "a name twice": (b'{"a":1,"b":2,"a":3}', "/a", "twice"),
    "a name twice, with blanks": (b'{"a" : 1, "a"\t:\n2}', "/a", "twice"),
    "a name twice, deep inside": (b'[{"x":{"y":[0,{"n":1,"n":1}]}}]', "/0/x/y/1/n", "twice"),
    "a name twice, once escaped": (b'{"name":1,"n\\u0061me":2}', "/name", "twice"),
    "a name twice, escaped as a pair": ('{"\\ud83d\\ude00":1,"😀":2}'.encode(), "/😀", "twice"),
    "a name twice, beside a string like a name": (b'{"a":"\\":","a":1}', "/a", "twice"),
    "a name twice, of pointer characters": (b'{"a/~b":1,"a/~b":2}', "/a~1~0b", "twice"),
    "an empty name twice": (b'{"":1,"":2}', "/", "twice"),
    "NaN": (b'{"score":NaN}', "/score", "NaN is no JSON number"),
    "Infinity": (b"[1,Infinity]", "/1", "Infinity is no JSON number"),
    "-Infinity": (b"-Infinity", "", "-Infinity is no JSON number"),
    "a number beyond the doubles": (b'{"n":1e400}', "/n", "beyond what a double holds"),
    "an integer of 54 bits": (b'{"n":9007199254740993}', "/n", "2^53-1"),
    "an integer of 54 bits, after a blank": (b'{"n": 9007199254740993}', "/n", "2^53-1"),
    "an integer of 65 bits": (b'{"n":[18446744073709551617]}', "/n/0", "2^53-1"),
    "a negative integer of 65 bits": (b"[-18446744073709551617]", "/0", "2^53-1"),
    "an integer of 5,000 digits": (b"9" * 5000, "", "beyond what a double holds"),
    "an integer of 300 digits": (b"9" * 300, "", "2^53-1"),
    "a high surrogate alone": (b'{"t":"\\ud800"}', "/t", "surrogate"),
    "a low surrogate alone": (b'["a\\udc00"]', "/0", "surrogate"),
    "surrogates the wrong way round": (b'["\\ude00\\ud83d"]', "/0", "surrogate"),
    "a surrogate in a name": (b'{"a":{"\\udfff":1}}', "/a", "surrogate"),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "", "byte 1 is not valid UTF-8"),
    "a byte that is not UTF-8": (b'{"a":"\xff"}', "", "byte 6 is not valid UTF-8"),
    "an overlong UTF-8 sequence": (b'"\xc0\xaf"', "", "byte 1 is not valid UTF-8"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "", "not valid UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "", "byte order mark"),
    "nothing": (b"", "", "ends too early"),
    "blanks alone": (b" \n", "", "ends too early"),
    "an object cut off": (b'{"a":{"b":', "/a/b", "ends too early"),
    "a string cut off": (b'{"a":"b', "/a", "character 5"),
    "a comma after the last member": (b'{"a":1,}', "", "character 7"),
    "a comma after the last item": (b"[1,2,]", "/2", "character 5"),
    "a comma missing": (b"[1 2]", "/0", "character 3"),
    "a colon missing": (b'{"a" 1}', "/a", "character 5"),
    "a name that is no string": (b"{1:2}", "", "character 1"),
    "single quotes": (b"{'a':1}", "", "character 1"),
    "a comment": (b"[1] // one", "", "character 3"),
    "a second document": (b"{}{}", "", "character 2"),
    "a bracket that closes nothing": (b"]", "", "character 0"),
    "a bracket that closes another": (b'{"a":[1}', "/a/0", "character 7"),
    "a leading zero": (b'{"n":007}', "/n", "character 5"),
    "a bare point": (b"[1.]", "/0", "character 1"),
    "a plus sign": (b"[+1]", "/0", "character 1"),
    "a hexadecimal number": (b"[0x10]", "/0", "character 1"),
    "a word unknown": (b"[nil]", "/0", "character 1"),
    "a word run on": (b"[nulll]", "/0", "character 1"),
    "a control character in a string": (b'{"a":"x\ny"}', "/a", "character 5"),
    "an unknown escape": (b'["\\x41"]', "/0", "character 1"),
    "a fault behind many short lists": (b"[" + b"[]," * 100 + b"x]", "/100", "character 301"),
    "a NUL": (b"\x00", "", "character 0"),
    "a no-break space between": (b"[1,\xc2\xa02]", "/1", "character 3"),
}

ACCEPTED_TEXTS: Final = {
    "strings like names": (b'{"a":"\\":","b":"x\\" : y","c":":"}', {"a": '":', "b": 'x" : y', "c": ":"}),
    "one name in two objects": (b'[{"a":1},{"a":{"a":1}}]', [{"a": 1}, {"a": {"a": 1}}]),
    "names that differ in case and form": ('{"é":1,"e\u0301":2,"É":3}'.encode(), {"é": 1, "e\u0301": 2, "É": 3}),
    "blanks everywhere": (b' \t\n\r{ "a" \t:\r\n[ ] , "b" :1 } ', {"a": [], "b": 1}),
    "a scalar": (b"null", None),
    "a surrogate pair": (b'"\\ud83d\\ude00"', "😀"),
    "the largest integers": (b"[9007199254740991,-9007199254740991]", [2**53 - 1, 1 - 2**53]),
    "an integer spelled as RFC 8785 spells a double": (b"[9007199254740992,100000000000000000000]", [2.0**53, 1e20]),
}


def refused(raw: bytes, **bounds: int) -> Rejected:
    with pytest.raises(Rejected) as refusal:
        loads(raw, **bounds)
    return refusal.value


@pytest.mark.parametrize("fault", REFUSED_TEXTS)
def test_text_is_refused_with_pointer_rule_and_mend(fault: str) -> None:
    raw, pointer, rule = REFUSED_TEXTS[fault]
    (found,) = refused(raw).faults
    assert found.pointer == pointer
    assert rule in found.rule
    assert found.mend.endswith(".")


@pytest.mark.parametrize("name", ACCEPTED_TEXTS)
def test_text_that_only_looks_wrong_is_read(name: str) -> None:
    raw, value = ACCEPTED_TEXTS[name]
    assert loads(raw) == value
    assert loads(dumps(loads(raw))) == value


def test_text_over_the_bound_is_too_large_and_one_at_it_is_read() -> None:
    assert loads(b'"%b"' % (b"x" * (BYTES_MAX - 2))) == "x" * (BYTES_MAX - 2)
    assert isinstance(refused(b'"%b"' % (b"x" * (BYTES_MAX - 1))), TooLarge)
    assert "at most 3" in str(refused(b"[10]", bytes_max=3))


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[1, {"b": ', "}]")])
def test_text_one_level_too_deep_is_refused_and_one_at_the_bound_is_read(opening: str, closing: str) -> None:
    levels = opening.count("[") + opening.count("{")
    turns = DEPTH_MAX // levels
    loads(f"{opening * turns}0{closing * turns}".encode())
    fault = refused(f"{opening * turns}[]{closing * turns}".encode()).faults[0]
    assert "more than 64 levels" in fault.rule
    assert fault.pointer.count("/") == DEPTH_MAX


def test_depth_is_counted_in_containers_and_not_in_scalars() -> None:
    assert loads(b"1", depth_max=0) == 1
    assert loads(b"[]", depth_max=1) == []
    assert refused(b"[[]]", depth_max=1).faults[0].pointer == "/0"
    assert refused(b'{"a":{ }}', depth_max=1).faults[0].pointer == "/a"
    assert loads(b"[" * 300 + b"]" * 300, depth_max=300)


@pytest.mark.parametrize("count", [65, 1_100, 100_000])
def test_absurd_depth_is_refused_without_a_crash(count: int) -> None:
    assert "levels" in str(refused(b"[" * count + b"]" * count))
    assert "levels" in str(refused(b'{"a":' * count + b"1" + b"}" * count))


def test_fault_far_behind_is_told_without_its_place_and_soon() -> None:
    raw = b"[" + b"0," * 400_000 + b"x]"
    (fault,) = refused(raw).faults
    assert (fault.pointer, fault.rule) == ("", f"a fault lies behind character {json_fault.TOKENS_MAX}")


def test_name_too_long_for_a_message_is_cut_in_the_pointer() -> None:
    name = b"n" * 100_000
    assert len(refused(b'{"%b":1,"%b":2}' % (name, name)).message) < 300


@pytest.mark.parametrize(
    ("value", "pointer", "rule"),
    [
        (math.nan, "", "NaN"),
        ({"a": [1, math.inf]}, "/a/1", "infinities"),
        ([-math.inf], "/0", "infinities"),
        ({"n": 2**53}, "/n", "2^53-1"),
        ([-(2**64)], "/0", "2^53-1"),
        ({"a": "\ud800"}, "/a", "surrogate"),
        ({"a": {"\udc00": 1}}, "/a", "surrogate"),
        ("\udfff😀", "", "surrogate"),
        ({"😀": math.nan}, "/😀", "NaN"),
    ],
)
def test_value_without_canonical_form_is_refused_with_its_pointer(value: Any, pointer: str, rule: str) -> None:
    with pytest.raises(Rejected) as refusal:
        dumps(value)
    (fault,) = refusal.value.faults
    assert fault.pointer == pointer
    assert rule in fault.rule


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_value_one_level_too_deep_is_refused_and_one_at_the_bound_is_written() -> None:
    assert loads(dumps(nested(DEPTH_MAX))) == nested(DEPTH_MAX)
    for depth in (DEPTH_MAX + 1, 300, 5_000):
        with pytest.raises(Rejected, match="levels"):
            dumps(nested(depth))


@pytest.mark.parametrize("value", [{1: 2}, [b"bytes"], {"a": {1, 2}}, object(), [{"x": 1j}]])
def test_value_that_is_no_json_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="JSON"):
        dumps(value)


class Grade(StrEnum):
    A = "a"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        # UTF-16 order: the pair's first unit 0xd83d is below 0xe000, though its code point is above.
        ({"\ue000": 1, "😀": 2}, '{"😀":2,"\ue000":1}'),
        ({"\uffff": 1, "\ue000": 2}, '{"\ue000":2,"\uffff":1}'),
        ({"é": 1, "z": 2, "": 3}, '{"":3,"z":2,"é":1}'),
        ('\x00\b\t\n\f\r\x1f"\\/\x7f\u2028', '"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/\x7f\u2028"'),
        ([True, False, None, "", [], {}], '[true,false,null,"",[],{}]'),
        ((1, (2.0,)), "[1,[2]]"),
        ({"grade": Grade.A}, '{"grade":"a"}'),
        (
            [-0.0, 0.0, 1.0, 1.5, 1e21, 1e20, 123456789012345680000.0],
            "[0,0,1,1.5,1e+21,100000000000000000000,123456789012345680000]",
        ),
        (
            [5e-324, 1.7976931348623157e308, 2.0**53, 1e-6, 1e-7, 0.0001],
            "[5e-324,1.7976931348623157e+308,9007199254740992,0.000001,1e-7,0.0001]",
        ),
        ([333333333.33333329, 1e23, 9.999999999999997e22], "[333333333.3333333,1e+23,9.999999999999997e+22]"),
        ([2**53 - 1, 1 - 2**53], "[9007199254740991,-9007199254740991]"),
    ],
)
def test_value_is_written_as_rfc_8785_says(value: Any, written: str) -> None:
    assert dumps(value) == written.encode()


def test_digest_is_sha256_over_the_canonical_bytes() -> None:
    assert digest({"b": 1, "a": [1.0]}) == sha256(b'{"a":[1],"b":1}')


@pytest.mark.skipif(not STATEMENTS.exists(), reason=f"the real statements are not at {STATEMENTS}")
def test_real_statements_are_read_as_the_standard_library_reads_them_and_written_as_the_library_writes() -> None:
    with gzip.open(STATEMENTS) as lines:
        for number, line in enumerate(lines):
            if number % 20 == 0:
                statement = json.loads(line)
                assert loads(line) == statement
                assert dumps(statement) == rfc8785.dumps(statement)

"""A JSON document changed by a JSON Patch (RFC 6902), whole or not at all, at a cost that is bounded."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from shared.kernel.canonical_json import DEPTH_MAX
from shared.kernel.errors import Conflict, Rejected

OPERATIONS_MAX: Final = 100
BYTES_MAX: Final = 1 << 20
"""What all copies of one patch add at most: each could double the document."""
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch
_MEMBERS: Final = {
    "add": {"op", "path", "value"},
    "replace": {"op", "path", "value"},
    "test": {"op", "path", "value"},
    "remove": {"op", "path"},
    "move": {"op", "path", "from"},
    "copy": {"op", "path", "from"},
}


def patched(document: Any, patch: Any) -> Any:
    """Return the document as the patch changes it; what was handed over stays as it is.

    Raises Rejected, with the operation's place, for what is no patch or cannot be done; Conflict for a test that fails.
    """
    if not isinstance(patch, list) or len(patch) > OPERATIONS_MAX:
        rule = f"a JSON Patch is an array of at most {OPERATIONS_MAX} operations"
        raise Rejected.of("", rule, 'Send such as [{"op": "replace", "path": "/verb/id", "value": "…"}].')
    holder: dict[str, Any] = {"": copy.deepcopy(document)}
    copied = 0
    for place, operation in enumerate(patch):
        name = _checked(operation, f"/{place}")
        try:
            if name == "copy":
                copied += len(json.dumps(_found(holder, operation["from"]), ensure_ascii=False))
                if copied > BYTES_MAX:
                    raise _Fault("from", f"the copies of a patch have at most {BYTES_MAX} characters together")
            _OPERATIONS[name](holder, operation)
        except RecursionError:
            raise _too_deep(f"/{place}") from None
        except _Fault as fault:
            raise Rejected.of(f"/{place}/{fault.member}", fault.rule, "Look at the item as it is now.") from None
        except _TestFailed:
            rule = "the value there is another one than the test names"
            raise Conflict.of(f"/{place}", rule, "Look at the item as it is now.") from None
    if _is_deeper(holder[""], DEPTH_MAX):
        raise _too_deep("")
    return holder[""]


def _is_deeper(document: Any, depth_max: int) -> bool:
    """Say whether it has more levels than a document that is sent may have: each operation could add some."""
    level = _containers([document])
    for _ in range(depth_max):
        level = [child for one in level for child in _containers(one.values() if isinstance(one, dict) else one)]
    return bool(level)


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def _too_deep(pointer: str) -> Rejected:
    rule = f"the document would have more than {DEPTH_MAX} levels"
    return Rejected.of(pointer, rule, "Nest it less.")


class _Fault(Exception):
    """member: path or from, the part of the operation that cannot be done."""

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(rule)
        self.member = member
        self.rule = rule


class _TestFailed(Exception):
    pass


def _checked(operation: Any, pointer: str) -> str:
    """Return the name of a well-formed operation (§4). Raises Rejected."""
    name = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(name, str) or name not in _MEMBERS:
        rule = "it is no operation of JSON Patch"
        raise Rejected.of(pointer, rule, f"Name one of {', '.join(sorted(_MEMBERS))} as op.")
    wanted = _MEMBERS[name]
    if not wanted <= set(operation):
        missing = min(wanted - set(operation))
        raise Rejected.of(pointer, f"the operation {name} has no member {missing}", f"Add {missing}.")
    for member in sorted({"path", "from"} & wanted):
        text = operation[member]
        if not isinstance(text, str) or (text and not text.startswith("/")) or re.search(r"~(?![01])", text):
            raise Rejected.of(f"{pointer}/{member}", "it is no JSON pointer (RFC 6901)", "Send such as /verb/id.")
    return name


def _tokens(pointer: str) -> list[str]:
    """Return the keys from the holder down: the document stands under the empty name."""
    return ["", *(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])]


def _found(holder: Any, pointer: str, member: str = "from") -> Any:
    value = holder
    for token in _tokens(pointer):
        value = _child(value, token, member)
    return value


def _child(value: Any, token: str, member: str) -> Any:
    if isinstance(value, dict) and token in value:
        return value[token]
    if isinstance(value, list) and _INDEX(token) and int(token) < len(value):
        return value[int(token)]
    raise _Fault(member, "there is nothing at this place")


def _parent(holder: Any, pointer: str, member: str) -> tuple[Any, str]:
    *above, last = _tokens(pointer)
    value = holder
    for token in above:
        value = _child(value, token, member)
    return value, last


def _add(holder: Any, operation: dict[str, Any]) -> None:
    _put(holder, operation["path"], copy.deepcopy(operation["value"]))


def _put(holder: Any, pointer: str, value: Any) -> None:
    parent, last = _parent(holder, pointer, "path")
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and last == "-":
        parent.append(value)
    elif isinstance(parent, list) and _INDEX(last) and int(last) <= len(parent):
        parent.insert(int(last), value)
    else:
        raise _Fault("path", "nothing can be added at this place")


def _remove(holder: Any, operation: dict[str, Any]) -> None:
    _take(holder, operation["path"], "path")


def _take(holder: Any, pointer: str, member: str) -> Any:
    if not pointer:
        raise _Fault(member, "the whole document cannot be removed")
    parent, last = _parent(holder, pointer, member)
    value = _child(parent, last, member)
    del parent[last if isinstance(parent, dict) else int(last)]
    return value


def _replace(holder: Any, operation: dict[str, Any]) -> None:
    parent, last = _parent(holder, operation["path"], "path")
    _child(parent, last, "path")
    parent[last if isinstance(parent, dict) else int(last)] = copy.deepcopy(operation["value"])


def _move(holder: Any, operation: dict[str, Any]) -> None:
    if f"{operation['path']}/".startswith(f"{operation['from']}/") and operation["path"] != operation["from"]:
        raise _Fault("path", "nothing can be moved into itself")
    if operation["path"] == operation["from"]:
        _found(holder, operation["from"])
        return
    _put(holder, operation["path"], _take(holder, operation["from"], "from"))


def _copy(holder: Any, operation: dict[str, Any]) -> None:
    _put(holder, operation["path"], copy.deepcopy(_found(holder, operation["from"])))


def _test(holder: Any, operation: dict[str, Any]) -> None:
    if not _is_equal(_found(holder, operation["path"], "path"), operation["value"]):
        raise _TestFailed


def _is_equal(one: Any, other: Any) -> bool:
    """Say whether two values are equal as §4.6 has it: true is no number, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    return bool(one == other)


_OPERATIONS: Final[dict[str, Callable[[Any, dict[str, Any]], None]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}

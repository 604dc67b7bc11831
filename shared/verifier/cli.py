"""The commands of the verifier, each a function that writes to a stream and returns its exit code.

    verify FILE                    0 valid, 1 the answer is no, 2 wrong use
    trust add DID KEY …            pin keys of an issuer (Multikeys, z6Mk…)
    trust add VKEY                 pin a log (C2SP vkey, name+id+key)
    trust add FILE                 pin all that a trust file pins; it must come from a source you believe
    trust list
    trust remove NAME              unpin an issuer (DID), one key, or a log (origin or vkey); 1 when there is none

They stand alone by `python -m`, and a larger command line mounts the `run_…` functions. What comes from a file is never
written to a terminal unfiltered: it could speak to the terminal instead of the reader.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from ..kernel import canonical_json
from ..kernel.clock import SystemClock
from ..kernel.errors import NotFound, Rejected
from .presentation import BYTES_MAX
from .trust import TrustStore, load, save
from .verdict import NOT_CHECKED, Check, Outcome, Verdict
from .verification import verify

FINE: Final = 0
ANSWER_IS_NO: Final = 1
WRONG_USE: Final = 2

_MARKS: Final = {Outcome.PASSED: "passed", Outcome.FAILED: "FAILED", Outcome.UNKNOWN: "unknown"}
"""Words, so that neither colour nor a terminal's alphabet carries the meaning."""


def default_trust_path() -> Path:
    """Return where pins are kept unless told otherwise: `.config/deedlog/trust.json` in the user's home."""
    return Path.home() / ".config" / "deedlog" / "trust.json"


def run_verify(file: Path, trust_path: Path, now: datetime, json_output: bool, out: TextIO) -> int:
    """Write the verdict on the presentation in `file` under the pins at `trust_path`; return 0, 1 or 2."""
    try:
        trust = load(trust_path)
        with file.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except (OSError, Rejected) as error:
        return _wrong_use(error, json_output, out)
    verdict = verify(raw, trust, now)
    if json_output:
        _write_json(verdict.as_json(), out)
    else:
        out.writelines(f"{line}\n" for line in _readable(verdict))
    return verdict.exit_code


def run_trust_add(words: Sequence[str], trust_path: Path, out: TextIO) -> int:
    """Pin what `words` name (see the head of this module) and say what is pinned now; return 0 or 2."""
    try:
        store = _with_words(load(trust_path), words)
        save(store, trust_path)
    except (OSError, Rejected) as error:
        return _wrong_use(error, False, out)
    return run_trust_list(trust_path, False, out)


def run_trust_list(trust_path: Path, json_output: bool, out: TextIO) -> int:
    """Write what is pinned at `trust_path`; return 0 or 2."""
    try:
        store = load(trust_path)
    except (OSError, Rejected) as error:
        return _wrong_use(error, json_output, out)
    if json_output:
        _write_json(store.as_json(), out)
        return FINE
    for did, keys in sorted(store.issuers.items()):
        out.writelines(f"issuer  {_printable(did)}  {key}\n" for key in sorted(keys))
    out.writelines(f"log     {_printable(vkey)}\n" for vkey in sorted(store.logs))
    if not store.issuers and not store.logs:
        out.write("nothing is pinned; `trust add` pins an issuer or a log\n")
    return FINE


def run_trust_remove(name: str, trust_path: Path, out: TextIO) -> int:
    """Unpin what `name` names and say so; return 0, 1 when nothing is pinned by that name, or 2."""
    try:
        save(load(trust_path).without(name), trust_path)
    except NotFound as error:
        out.write(f"{_printable(str(error))}\n")
        return ANSWER_IS_NO
    except (OSError, Rejected) as error:
        return _wrong_use(error, False, out)
    out.write(f"no longer pinned: {_printable(name)}\n")
    return FINE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the stand-alone verifier on the machine's clock and standard output; return its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "verify":
        return run_verify(options.file, options.trust, SystemClock().now(), options.json, sys.stdout)
    if options.action == "add":
        return run_trust_add(options.words, options.trust, sys.stdout)
    if options.action == "remove":
        return run_trust_remove(options.name, options.trust, sys.stdout)
    return run_trust_list(options.trust, options.json, sys.stdout)


def _with_words(store: TrustStore, words: Sequence[str]) -> TrustStore:
    first, *keys = words or [""]
    if first.startswith("did:"):
        if not keys:
            raise Rejected.of("", "an issuer is pinned by its keys", "Give one or more Multikeys after the DID.")
        for key in keys:
            store = store.with_issuer(first, key)
        return store
    if keys:
        raise Rejected.of("", f"{first!r} is no DID", "Give a DID and its keys, or one vkey, or one trust file.")
    if Path(first).is_file():
        return store.with_all(TrustStore.from_json(canonical_json.loads(Path(first).read_bytes())))
    return store.with_log(first)


def _readable(verdict: Verdict) -> list[str]:
    about = verdict.about
    lines = [verdict.headline.upper()]
    if about is not None:
        members = ("name", "credential", "issuer", "subject", "valid_from", "valid_until")
        lines += [f"  {name.replace('_', ' '):<12}{_printable(getattr(about, name))}" for name in members]
    lines.append("")
    for step in verdict.steps:
        lines.append(f"  {step.number} {_MARKS[step.outcome]:<8} {step.check.value:<17}{_printable(step.sentence)}")
    if len(verdict.steps) < len(Check):
        lines.append(f"  {len(verdict.steps) + 1}-{len(Check)} not looked at, for nothing in the file can be believed")
    lines += ["", "Not checked:"]
    lines += [f"  - {each}" for each in NOT_CHECKED]
    return lines


def _wrong_use(error: Exception, json_output: bool, out: TextIO) -> int:
    sentence = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
    if json_output:
        _write_json({"format": "deedlog/error/v1", "error": sentence}, out)
    else:
        out.write(f"{_printable(sentence)}\n")
    return WRONG_USE


def _write_json(value: Any, out: TextIO) -> None:
    out.write(json.dumps(value, indent=2) + "\n")


def _printable(text: str) -> str:
    """Return `text` with every character that is not printable replaced, so that no terminal obeys it."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deedlog-verifier", description="Verify a Deedlog credential offline.")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--trust", type=Path, default=default_trust_path(), help="the file of pinned keys")
    shared.add_argument("--json", action="store_true", help="write JSON")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("verify", parents=[shared], help="verify a presentation file")
    checking.add_argument("file", type=Path)
    actions = commands.add_parser("trust", help="pin keys").add_subparsers(dest="action", required=True)
    adding = actions.add_parser("add", parents=[shared], help="pin an issuer's keys, a log, or a trust file")
    adding.add_argument("words", nargs="+", metavar="DID KEY… | VKEY | FILE")
    actions.add_parser("list", parents=[shared], help="show what is pinned")
    removing = actions.add_parser("remove", parents=[shared], help="unpin an issuer, a key or a log")
    removing.add_argument("name")
    return parser

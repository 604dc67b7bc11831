"""Reads a bench's load from the command line: an option for each of its fields, by the same name and default."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

_Load = TypeVar("_Load")


def parser_of(load: type[Any], bench: str, description: str) -> argparse.ArgumentParser:
    """Return what reads the fields of the dataclass `load` for `python -m tests.load.<bench>`."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.load.{bench}", description=description)
    for field in fields(load):
        _add(parser, field)
    return parser


def load_of(load: type[_Load], options: argparse.Namespace) -> _Load:
    """Return the load that was asked for."""
    return load(**{field.name: getattr(options, field.name) for field in fields(load)})  # type: ignore[arg-type]


def asked_for(load: type[_Load], bench: str, description: str) -> _Load:
    """Return the load that the command line asks for, or the usual one."""
    return load_of(load, parser_of(load, bench, description).parse_args())


def _add(parser: argparse.ArgumentParser, field: Field[Any]) -> None:
    usual = field.default
    assert usual is not MISSING, f"{field.name} has no usual value"
    name = f"--{field.name.removeprefix('is_')}"
    if isinstance(usual, bool):
        parser.add_argument(name, dest=field.name, action="store_true")
    else:
        parser.add_argument(name, type=type(usual), default=usual)

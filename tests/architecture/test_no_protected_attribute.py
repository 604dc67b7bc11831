"""No protected attribute is an input of inference: nothing it hears, keeps or reads by has a place for one."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import services.skill_inference as room
from services.skill_inference.domain.alignment import Alignment
from services.skill_inference.domain.observation import Mark, MarkSet, Outcome
from services.skill_inference.domain.testimony import Review, Statement, Voiding
from services.skill_inference.stream import InferenceEffect
from shared.events.event import REGISTRY

FOLDER: Final = Path(room.__file__).parent
_WORDS: Final = """
    age ages aged birth birthdate birthday birthplace born dob
    sex sexes gender genders pronoun pronouns transgender orientation sexuality
    race races racial ethnicity ethnic ethnicities ancestry colour color origin caste tribe
    nationality nationalities citizenship citizen country language mother religion religious belief beliefs faith creed
    disability disabilities disabled handicap health medical diagnosis genetic genetics
    pregnancy pregnant maternity marital marriage married spouse family children dependants
    politics political party union veteran military photo picture face voice
    name firstname surname email address postcode zip zipcode city
"""
PROTECTED: Final = frozenset(_WORDS.split())
"""Words for what people may not be judged by (EU Charter Art. 21, GDPR Art. 9, US Title VII, ADA, ADEA, GINA), and for
what stands in for it. `name` and `address` of a person among them: they tell origin and sex."""
COLUMN: Final = re.compile(
    r"(?:^    |\()([a-z_]+) +(?:text|bigint|float8|integer|smallint|uuid|timestamptz|bytea|boolean)", re.MULTILINE
)
TABLE: Final = re.compile(r"^CREATE TABLE (\w+) (\([^;]*)", re.MULTILINE)
COMMENT: Final = re.compile(r"--.*")
OF_NOBODY: Final = frozenset({"frameworks.name", "releases.name", "releases.origin"})
"""Columns that name something else than a person."""
KNOWN: Final = frozenset({"beliefs"})
"""The statistician's word, in the state and never in what is read."""


def words(name: str) -> set[str]:
    """Return the words of a name in snake, kebab or camel case."""
    return set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", name).lower()))


def suspects(names: Iterable[str]) -> set[str]:
    """Return the names that hold a word for a protected attribute."""
    return {name for name in names if words(name) & (PROTECTED - KNOWN)}


def fields(kind: Any) -> Iterator[str]:
    """Yield the names of the fields of a tuple, dataclass or event, and of what these are made of."""
    if dataclasses.is_dataclass(kind):
        yield from (field.name for field in dataclasses.fields(kind))
    elif hasattr(kind, "model_json_schema"):
        yield from properties(kind.model_json_schema())
    else:
        yield from kind._fields


def properties(schema: Any) -> Iterator[str]:
    """Yield every property a JSON schema names, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value)


def heard() -> list[Any]:
    """Return the events that inference hears."""
    return [model for type_, model in REGISTRY.items() if type_ in (InferenceEffect.types or ())]


def columns() -> set[str]:
    """Return every column of every table of inference, as table.column."""
    texts = [file.read_text(encoding="utf-8") for file in FOLDER.glob("migrations/**/*.sql")]
    tables = [found for text in texts for found in TABLE.findall(COMMENT.sub("", text))]
    return {f"{table}.{column}" for table, body in tables for column in COLUMN.findall(body)}


@pytest.mark.parametrize("event", heard(), ids=lambda event: event.type)
def test_no_event_that_inference_hears_has_a_field_for_a_protected_attribute(event: Any) -> None:
    assert suspects(fields(event)) == set()


@pytest.mark.parametrize("kind", [Statement, Review, Voiding, Mark, MarkSet, Outcome, Alignment])
def test_nothing_that_an_estimate_is_made_of_has_one(kind: Any) -> None:
    found = set(fields(kind))
    assert found
    assert suspects(found) == set()


def test_no_table_of_inference_has_a_column_for_one() -> None:
    found = columns()
    assert {"statements.subject", "statements.result", "reviews.marks", "told.person"} <= found
    assert suspects(found) - OF_NOBODY == set()


def test_no_release_has_a_parameter_for_one() -> None:
    documents = [json.loads(file.read_bytes()) for file in (FOLDER / "parameters").glob("release-*.json")]
    assert documents
    assert suspects(set(keys(documents)) - {"name", "origin"}) == set()


def keys(value: Any) -> Iterator[str]:
    """Yield every member's name of a JSON value. `name` and `origin` are the release's own."""
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from keys(each)


@pytest.mark.parametrize(
    "name", ["gender", "date_of_birth", "person_age", "homeCountry", "ethnic-origin", "first_name"]
)
def test_the_guard_barks(name: str) -> None:
    assert suspects(["result", name, "passage"]) == {name}

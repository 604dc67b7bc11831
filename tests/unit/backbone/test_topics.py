"""Names of topics over generations, and where a subject's facts lie."""

from __future__ import annotations

from shared.events.sources import IDENTITY, LEARNING_EVENTS, SOURCES, Source
from shared.runtime.relay import partition_of
from shared.runtime.topics import newest_generation, topic_name, topics_of


def test_the_first_generation_bears_the_base_name_and_later_ones_a_number() -> None:
    assert [topic_name(IDENTITY, generation) for generation in (1, 2, 11)] == [
        "deedlog.identity.v1",
        "deedlog.identity.v1.g2",
        "deedlog.identity.v1.g11",
    ]


def test_the_newest_generation_is_found_by_number_and_not_by_spelling() -> None:
    topics = ["deedlog.identity.v1", "deedlog.identity.v1.g9", "deedlog.identity.v1.g10", "deedlog.profiles.v1.g12"]
    assert newest_generation(IDENTITY, topics) == 10
    assert newest_generation(LEARNING_EVENTS, topics) == 0


def test_every_generation_is_ours_and_nothing_that_only_looks_like_it() -> None:
    ours = {"deedlog.identity.v1", "deedlog.identity.v1.g2"}
    others = {
        "deedlog.identity.v2",
        "deedlog.identity.v1.copy",
        "deedlog.identity.v1.g",
        "deedlog.identity.v1.g2.g3",
        "xdeedlog.identity.v1",
        "__consumer_offsets",
    }
    assert topics_of([IDENTITY], ours | others) == ours


def test_no_two_sources_share_a_topic() -> None:
    topics = [topic_name(source, generation) for source in SOURCES.values() for generation in (1, 2)]
    assert len(set(topics)) == len(topics)
    assert all(topics_of([source], [topic_name(source, 3)]) for source in SOURCES.values())


def test_a_source_of_a_later_version_has_generations_of_its_own() -> None:
    later = Source("identity", "deedlog.identity.v2", "deedlog.identity.")
    assert newest_generation(later, ["deedlog.identity.v1.g7", "deedlog.identity.v2"]) == 1


def test_a_subject_lies_where_it_always_lay() -> None:
    """Golden: another function would scatter streams over partitions where a topic lives on."""
    assert [partition_of(subject, 12) for subject in ("ada", "prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC", "é", "")] == [
        0,
        6,
        2,
        0,
    ]


def test_subjects_spread_over_all_partitions() -> None:
    counts = [0] * 12
    for number in range(12_000):
        counts[partition_of(f"prs_{number}", 12)] += 1
    assert min(counts) > 800

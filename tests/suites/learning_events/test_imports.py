"""A history is uploaded, recorded once, and reported line by line."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable

import httpx
import pytest
from backports import zstd

from services.learning_events.domain.import_report import IMPORT_BYTES_MAX, OPEN_MAX, PIECE_BYTES
from shared.kernel.ids import system_uuid7
from shared.runtime.faults import arm
from tests.suites.learning_events.house import House, Platform, statement
from tests.suites.learning_events.importing import begun, caliper_entity, ended, history, looked_at, report

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def announced(platform: Platform, size: int, **headers: str) -> str:
    """Begin an import whose bytes follow, and return its id."""
    response = await platform.send({"bytes": size}, "/v1/imports", **headers)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/v1/imports/{response.json()['id']}"
    return str(response.json()["id"])


async def part(platform: Platform, import_id: str, place: int, content: bytes) -> httpx.Response:
    path, kind = f"/v1/imports/{import_id}", "application/offset+octet-stream"
    return await platform.send(content, path, "PATCH", content_type=kind, upload_offset=str(place))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress], ids=["plain", "gzip", "zstd"])
async def test_good_lines_are_stored_once_and_bad_ones_reported(
    house: House, platform: Platform, pack: Callable[[bytes], bytes]
) -> None:
    lines = history(1200, 12, seed=7)
    shown = await ended(platform, (await begun(platform, pack(lines.content)))["id"])
    assert shown["state"] == "done"
    assert shown["counts"] == {"stored": lines.good, "duplicate": 0, "conflict": 0, "invalid": 12}
    assert shown["lines"] == 1200
    assert shown["inflated_bytes"] == len(lines.content)
    told = await report(platform, shown["id"])
    assert [line["line"] for line in told] == list(lines.bad)
    assert all(line["rule"] and line["mend"] and line["outcome"] == "invalid" for line in told)
    assert await house.counts(platform.organisation) == (lines.good, lines.good)


async def test_what_caliper_describes_is_kept_and_told_of_nobody(house: House, platform: Platform) -> None:
    lines = [caliper_entity("one"), caliper_entity("two"), statement(), caliper_entity("one")]
    content = "\n".join(json.dumps(one) for one in lines).encode()
    shown = await ended(platform, (await begun(platform, content))["id"])
    assert shown["counts"] == {"stored": 3, "duplicate": 1, "conflict": 0, "invalid": 0}
    assert await house.counts(platform.organisation) == (1, 1)


async def test_an_upload_goes_on_at_the_place_that_is_answered(house: House, platform: Platform) -> None:
    lines = history(300, 3, seed=1).content
    import_id = await announced(platform, len(lines))
    first = await part(platform, import_id, 0, lines[:1000])
    assert (first.status_code, first.headers["upload-offset"]) == (200, "1000")
    wrong = await part(platform, import_id, 1500, lines[1500:])
    assert wrong.status_code == 409
    assert "1000" in wrong.json()["errors"][0]["rule"]
    assert (await looked_at(platform, import_id))["state"] == "receiving"
    last = await part(platform, import_id, 1000, lines[1000:])
    assert last.json()["state"] == "waiting"
    assert (await ended(platform, import_id))["counts"]["stored"] == 297
    again = await part(platform, import_id, len(lines), b"more")
    assert again.status_code == 409


async def test_more_than_was_announced_is_refused(platform: Platform) -> None:
    import_id = await announced(platform, 10)
    refused = await part(platform, import_id, 0, b"{" * 11)
    assert refused.status_code == 413
    assert (await looked_at(platform, import_id))["received_bytes"] == 0


async def test_a_repeated_upload_is_the_same_import(house: House, platform: Platform) -> None:
    lines = history(50, 1, seed=2).content
    key = {"idempotency_key": str(system_uuid7())}
    first = await ended(platform, (await begun(platform, lines, **key))["id"])
    again = await platform.send(lines, "/v1/imports", content_type="application/x-ndjson", **key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == first
    other = await platform.send(b"x" + lines[1:], "/v1/imports", content_type="application/x-ndjson", **key)
    assert other.status_code == 422
    longer = await platform.send({"bytes": 77}, "/v1/imports", **key)
    assert longer.status_code == 422


async def test_a_repeated_upload_goes_on_where_the_first_broke_off(platform: Platform) -> None:
    padding = b" " * 700
    lines = b"".join(json.dumps(statement()).encode() + padding + b"\n" for _ in range(3 * PIECE_BYTES // 900))
    key = {"idempotency_key": str(system_uuid7())}
    kept = 0

    async def break_off() -> None:
        nonlocal kept
        kept += 1
        if kept == 2:
            raise ConnectionAbortedError

    with arm("learning-events.import-part", break_off):
        assert (await platform.send(lines, "/v1/imports", content_type="text/plain", **key)).status_code == 500
    shown = await ended(platform, (await begun(platform, lines, **key))["id"])
    assert shown["counts"]["stored"] == len(lines.splitlines())
    assert shown["received_bytes"] == len(lines)


async def test_lines_that_are_kept_already_are_duplicates_and_changed_ones_conflicts(platform: Platform) -> None:
    same, changed = statement(), statement()
    await platform.post([same, changed])
    other = {**changed, "object": {"id": "https://lms.example/questions/2"}}
    lines = "\n".join(json.dumps(one) for one in (same, other, statement())).encode()
    shown = await ended(platform, (await begun(platform, lines))["id"])
    assert shown["counts"] == {"stored": 1, "duplicate": 1, "conflict": 1, "invalid": 0}
    (told,) = await report(platform, shown["id"])
    assert (told["line"], told["outcome"], told["id"], told["pointer"]) == (2, "conflict", changed["id"], "/id")


async def test_imports_are_seen_by_their_own_tenant_and_kind_of_key_only(house: House, platform: Platform) -> None:
    import_id = (await begun(platform, b"{}\n"))["id"]
    colleague = house.platform(organisation=platform.organisation)
    assert (await looked_at(colleague, import_id))["id"] == import_id
    strangers = [
        house.platform(),
        house.platform(organisation=platform.organisation, is_test=True),
        house.platform(("write",), organisation=platform.organisation),
    ]
    for stranger in strangers:
        assert (await stranger.get(f"/v1/imports/{import_id}")).status_code == 404
        assert (await stranger.get(f"/v1/imports/{import_id}/report")).status_code == 404
        assert (await stranger.send(b"", f"/v1/imports/{import_id}:cancel")).status_code == 404
        assert (await stranger.get("/v1/imports")).json()["items"] == []


async def test_what_a_test_key_imports_is_test_data(house: House, platform: Platform) -> None:
    tester = house.platform(organisation=platform.organisation, is_test=True)
    one = statement()
    shown = await ended(tester, (await begun(tester, json.dumps(one).encode()))["id"])
    assert shown["is_test"]
    assert await tester.read(one["id"]) is not None
    assert await platform.read(one["id"]) is None


async def test_imports_are_listed_the_newest_first_page_by_page(platform: Platform) -> None:
    ids = [(await begun(platform, b"{}\n"))["id"] for _ in range(3)]
    first = (await platform.get("/v1/imports?limit=2")).json()
    assert [one["id"] for one in first["items"]] == ids[:0:-1]
    last = (await platform.get(f"/v1/imports?limit=2&cursor={first['next_cursor']}")).json()
    assert ([one["id"] for one in last["items"]], last["has_more"]) == (ids[:1], False)


async def test_an_upload_that_does_not_inflate_fails_and_keeps_what_was_before(
    house: House, platform: Platform
) -> None:
    lines = b"".join(json.dumps(statement()).encode() + b"\n" for _ in range(600))
    packed = gzip.compress(lines)[:-20]
    shown = await ended(platform, (await begun(platform, packed))["id"])
    assert shown["state"] == "failed"
    assert "too early" in shown["refusal"]["rule"]
    assert shown["counts"]["stored"] == 500
    assert (await house.counts(platform.organisation))[0] == 500


async def test_a_bomb_fails_and_stores_nothing(house: House, platform: Platform) -> None:
    shown = await ended(platform, (await begun(platform, zstd.compress(b"\n" * (64 << 20))))["id"])
    assert shown["state"] == "failed"
    assert "200 times" in shown["refusal"]["rule"]


async def test_a_cancelled_import_ends_and_keeps_what_it_stored(house: House, platform: Platform) -> None:
    import_id = await announced(platform, 100)
    cancelled = await platform.send(b"", f"/v1/imports/{import_id}:cancel")
    assert cancelled.json()["state"] == "cancelled"
    assert (await platform.send(b"", f"/v1/imports/{import_id}:cancel")).status_code == 200
    assert (await part(platform, import_id, 0, b"{}")).status_code == 409


async def test_an_import_that_is_cancelled_while_it_is_recorded_stops(house: House, platform: Platform) -> None:
    lines = history(2500, 0, seed=5)
    begun_id = asyncio.get_running_loop().create_future()

    async def cancel() -> None:
        if not begun_id.done():
            listed = (await platform.get("/v1/imports")).json()["items"]
            begun_id.set_result(listed[0]["id"])
            assert (await platform.send(b"", f"/v1/imports/{listed[0]['id']}:cancel")).status_code == 200

    with arm("learning-events.import-step", cancel):
        import_id = (await begun(platform, lines.content))["id"]
        assert await asyncio.wait_for(begun_id, 10) == import_id
        shown = await ended(platform, import_id)
    assert (shown["state"], shown["counts"]["stored"]) == ("cancelled", 500)
    await asyncio.sleep(0.3)
    assert (await house.counts(platform.organisation))[0] == 500


async def test_the_bytes_are_removed_when_an_import_ends(house: House, platform: Platform) -> None:
    shown = await ended(platform, (await begun(platform, history(20, 0, seed=3).content))["id"])
    async with asyncio.timeout(5):
        while True:
            async with house.backbone.reading() as connection:
                count = await connection.fetchval("SELECT count(*) FROM import_parts WHERE import = $1", shown["id"])
            if not count:
                return
            await asyncio.sleep(0.05)


async def test_an_organisation_has_so_many_imports_open_and_no_more(platform: Platform) -> None:
    ids = [await announced(platform, 10) for _ in range(OPEN_MAX)]
    refused = await platform.send({"bytes": 10}, "/v1/imports")
    assert refused.status_code == 409
    assert str(OPEN_MAX) in refused.json()["detail"]
    await platform.send(b"", f"/v1/imports/{ids[0]}:cancel")
    await announced(platform, 10)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"bytes": 0}, "/bytes"), ({"bytes": IMPORT_BYTES_MAX + 1}, "/bytes"), ({"bytes": 1, "size": 2}, "/size")],
)
async def test_an_announcement_that_breaks_a_rule_is_refused_with_its_place(
    platform: Platform, body: dict[str, int], pointer: str
) -> None:
    refused = await platform.send(body, "/v1/imports")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_a_part_with_a_coding_or_without_a_place_is_refused(platform: Platform) -> None:
    import_id = await announced(platform, 10)
    kind = {"content_type": "application/octet-stream"}
    path = f"/v1/imports/{import_id}"
    assert (await platform.send(b"{}", path, "PATCH", **kind)).status_code == 400
    coded = await platform.send(b"{}", path, "PATCH", content_encoding="gzip", upload_offset="0", **kind)
    assert coded.status_code == 415


async def test_a_line_over_the_bound_is_reported_and_the_rest_is_stored(platform: Platform) -> None:
    lines = b'{"long": "' + b"x" * (8 << 20) + b'"}\n' + json.dumps(statement()).encode()
    shown = await ended(platform, (await begun(platform, lines))["id"])
    assert shown["counts"] == {"stored": 1, "duplicate": 0, "conflict": 0, "invalid": 1}
    assert [line["line"] for line in await report(platform, shown["id"])] == [1]

"""What everybody may read of the framework and the releases, and who may ask for estimates."""

from __future__ import annotations

import pytest

from deedlog.skill_inference.v1 import service_pb2_grpc, skill_inference_pb2
from services.skill_inference.domain.claims import parse_claim_rules
from shared.kernel import canonical_json
from shared.kernel.errors import Broken, DeedlogError, Forbidden, Rejected, TooLarge
from shared.kernel.ids import system_id
from shared.runtime.auth import Principal
from shared.runtime.grpc import channel, kernel_errors
from tests.suites.skill_inference.house import House, Tenant, line
from tests.unit.skill_inference.people import DRIFT, framework, release, rules

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_anybody_reads_the_skills_of_the_framework(house: House) -> None:
    answer = await house.http.get("/v1/skills")
    page = answer.json()
    assert [skill["id"] for skill in page["items"]] == list(framework().skills)
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    assert {len(skill["levels"]) for skill in page["items"]} == {5}


async def test_every_iri_that_a_skill_names_is_answered(house: House) -> None:
    skill = (await house.http.get(f"/v1/skills/{DRIFT}")).json()
    assert skill["iri"] == f"https://deedlog.example/v1/framework/skills/{DRIFT}"
    for iri in (skill["iri"], *(level["iri"] for level in skill["levels"])):
        answer = await house.http.get(iri.removeprefix("https://deedlog.example"))
        assert answer.status_code == 200
        assert answer.json()["iri"] == iri
    whole = (await house.http.get("/v1/framework")).json()
    assert (whole["id"], whole["version"]) == ("https://deedlog.example/v1/framework", framework().version)


async def test_anybody_reads_the_rules_that_claims_are_held_to(house: House) -> None:
    answer = await house.http.get("/v1/claim-rules")
    assert parse_claim_rules(answer.content) == rules()


@pytest.mark.parametrize("form", ["application/json", "application/ld+json"])
async def test_every_iri_of_the_linked_data_is_answered_with_its_own_node(house: House, form: str) -> None:
    linked = {"accept": "application/ld+json"}
    iris = []
    for path in ("/v1/framework", "/v1/roles", "/v1/framework/terms"):
        document = (await house.http.get(path, headers=linked)).json()
        iris += [one["id"] for node in document["graph"] for one in (node, *node.get("levels", ()))]
    own = [iri for iri in iris if "#" not in iri]
    assert len(own) > 150
    for iri in own:
        answer = await house.http.get(iri.removeprefix("https://deedlog.example"), headers={"accept": form})
        assert (answer.status_code, answer.headers["content-type"]) == (200, form)
        assert iri in answer.text


async def test_every_identifier_of_a_case_package_is_answered(house: House) -> None:
    listed = (await house.http.get("/ims/case/v1p1/CFDocuments")).json()["CFDocuments"]
    assert [one["caseVersion"] for one in listed] == ["1.1", "1.1"]
    for document, path in zip(listed, ("/v1/framework", "/v1/roles"), strict=True):
        where = document["CFPackageURI"]["uri"].removeprefix("https://deedlog.example")
        package = (await house.http.get(where)).json()
        assert package == (await house.http.get(f"{path}?format=case")).json()
        for one in package["CFItems"]:
            found = (await house.http.get(f"/ims/case/v1p1/CFItemAssociations/{one['identifier']}")).json()
            assert found["CFItem"]["uri"] == one["uri"]
            assert found["CFItem"]["CFDocumentURI"]["identifier"] == document["identifier"]
        for one in package["CFAssociations"][:20]:
            assert (await house.http.get(one["uri"].removeprefix("https://deedlog.example"))).json()["uri"] == one[
                "uri"
            ]


async def test_a_skill_is_answered_with_its_own_anchors_and_what_it_builds_on(house: House) -> None:
    skill = (await house.http.get(f"/v1/skills/{DRIFT}")).json()
    assert [level["anchor"] for level in skill["levels"]] == list(framework().skills[DRIFT].anchors)
    assert [level["general"] for level in skill["levels"]] == [level.anchor for level in framework().levels]
    assert [one["id"] for one in skill["prerequisites"]] == list(framework().skills[DRIFT].prerequisites)
    assert {one["kind"] for one in skill["evidence"]} <= {kind.id for kind in framework().evidence_kinds}


async def test_the_shares_of_a_role_are_of_all_its_weights(house: House) -> None:
    roles = (await house.http.get("/v1/roles")).json()["items"]
    assert {"inventor", "integrator", "operator"} <= {role["id"] for role in roles}
    for role in roles:
        assert abs(sum(one["share"] for one in role["skills"]) - 1) < 0.001
        assert (await house.http.get(f"/v1/roles/{role['id']}")).json() == role


@pytest.mark.parametrize(
    ("accept", "got"),
    [
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("application/ld+json;q=0.5, application/json", "application/json"),
        ("application/ld+json, application/json;q=0.9", "application/ld+json"),
        ("application/ld+json;q=high", "application/json"),
    ],
)
async def test_the_form_is_the_one_that_is_preferred(house: House, accept: str, got: str) -> None:
    answer = await house.http.get("/v1/framework", headers={"accept": accept})
    assert (answer.headers["content-type"], answer.headers["vary"]) == (got, "Accept")


async def test_a_form_that_is_not_written_is_refused_with_those_that_are(house: House) -> None:
    answer = await house.http.get(f"/v1/skills/{DRIFT}?format=case")
    assert answer.status_code == 400
    assert "json or jsonld" in answer.text


async def test_a_release_is_read_under_the_id_that_estimates_name(house: House) -> None:
    listed = (await house.http.get("/v1/releases")).json()["items"]
    assert release().id in {one["id"] for one in listed}
    answer = await house.http.get(f"/v1/releases/{release().id}")
    assert canonical_json.digest(canonical_json.loads(answer.content)).hex() == release().digest


@pytest.mark.parametrize(
    "path",
    [
        "/v1/skills/no.skill",
        f"/v1/framework/skills/{DRIFT}/levels/6",
        "/v1/framework/layers/no",
        "/v1/roles/no",
        "/ims/case/v1p1/CFItems/no",
        "/v1/releases/0",
        "/v1/skills/",
    ],
)
async def test_what_is_not_there_is_said_not_to_be(house: House, path: str) -> None:
    answer = await house.http.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


@pytest.mark.parametrize(
    "path", ["/v1/skills", f"/v1/skills/{DRIFT}", "/v1/framework", "/v1/claim-rules", f"/v1/releases/{release().id}"]
)
async def test_what_a_reader_has_already_is_not_sent_again(house: House, path: str) -> None:
    first = await house.http.get(path)
    again = await house.http.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_services_and_operators_ask_for_estimates_and_nobody_else(house: House, tenant: Tenant) -> None:
    operator = house.secret(Principal("admin", "admin", scopes=frozenset({"admin"})))
    assert await asked(house, operator["authorization"].split()[1]) is None
    key = tenant.caller(("read", "profile"))["authorization"].split()[1]
    assert isinstance(await asked(house, key), Forbidden)
    # To one service of ours it is our own fault when another does not know it.
    assert isinstance(await asked(house, "nobody's"), Broken)


async def test_a_person_is_named_by_their_id(house: House) -> None:
    with pytest.raises(Rejected, match="/person"):
        await house.estimates("ada")
    assert await house.estimates(system_id("person")) == {}


async def test_the_skills_an_activity_touches_are_those_its_organisation_aligned_it_to(
    house: House, tenant: Tenant
) -> None:
    await tenant.align(line("https://x.example/quiz", DRIFT))
    aligned = await touched(house, tenant.id, "https://x.example/other", "https://x.example/quiz")
    assert aligned == {"https://x.example/quiz": [DRIFT]}
    assert await touched(house, system_id("organisation"), "https://x.example/quiz") == {}
    with pytest.raises(TooLarge, match="/activities"):
        await touched(house, tenant.id, *["https://x.example/quiz"] * 501)
    with pytest.raises(Rejected, match="/organisation"):
        await touched(house, "", "https://x.example/quiz")


async def touched(house: House, organisation: str, *activities: str) -> dict[str, list[str]]:
    request = skill_inference_pb2.ListTouchedSkillsRequest(organisation=organisation, activities=activities)
    with kernel_errors("skill_inference"):
        answer = await house.rpc.ListTouchedSkills(request)
    return {one.activity: list(one.skills) for one in answer.activities}


async def asked(house: House, secret: str) -> DeedlogError | None:
    """Ask for somebody's estimates with this secret, and return the refusal."""
    request = skill_inference_pb2.GetEstimatesRequest(person=system_id("person"))
    async with channel(f"127.0.0.1:{house.settings.rpc_port}", secret) as opened:
        try:
            with kernel_errors("skill_inference"):
                await service_pb2_grpc.SkillInferenceServiceStub(opened).GetEstimates(request)
        except DeedlogError as error:
            return error
    return None

"""The pages over HTTP: what they show, to whom, and under which policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest

from services.console.domain.problems import is_described, meaning_of
from shared.events.identity import PersonMerged
from shared.kernel.ids import system_id
from shared.runtime.problem import DOCS, STATUSES
from tests.suites.console.house import ConsoleHouse, console_house
from tests.suites.skill_profiles.house import ProfilesHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")
SCRIPT = "<script>alert(1)</script>"


def text(response: httpx.Response) -> str:
    """Return the page without its tags, each run of white space one space."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.text))


async def sign_in(house: ConsoleHouse, secret: str, **headers: str) -> httpx.Response:
    return await house.http.post("/sign-in", data={"secret": secret}, headers=headers)


async def test_the_first_page_says_what_this_is_and_that_the_sign_in_proves_nothing(house: ConsoleHouse) -> None:
    page = await house.visit("/")

    assert page.status_code == 200
    assert "built, shipped and kept running" in page.text
    assert "Development sign-in." in page.text
    assert 'type="password"' in page.text


@pytest.mark.parametrize("code", sorted({kind.code for kind in STATUSES} - {"error"}))
async def test_the_docs_of_every_problem_lead_to_a_page(house: ConsoleHouse, code: str) -> None:
    assert is_described(code)
    page = await house.visit(f"{DOCS}{code}")
    assert page.status_code == 200
    assert meaning_of(code)[0] in text(page)


async def test_a_code_of_one_service_has_a_page_too(house: ConsoleHouse) -> None:
    page = await house.visit(f"{DOCS}persona-refused")
    assert (page.status_code, "the rule it breaks" in text(page)) == (200, True)
    assert "<script>" not in (await house.visit(f"{DOCS}{SCRIPT}")).text


async def test_a_persons_token_leads_to_their_profile(house: ConsoleHouse, person: str) -> None:
    token = house.profiles.identity.session(person)

    answer = await sign_in(house, token)
    cookie = answer.headers["set-cookie"]
    page = await house.visit(answer.headers["location"], token)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/people/{person}"
    assert cookie.startswith(f"deedlog_credential={token};")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Mira Sample" in page.text


async def test_the_admin_key_leads_to_the_operators_page_and_a_key_to_the_first(house: ConsoleHouse) -> None:
    admin, key = house.profiles.identity.admin(), house.profiles.identity.key("org_1", "profile")

    assert (await sign_in(house, admin)).headers["location"] == "/operator"
    assert (await sign_in(house, key)).headers["location"] == "/"


@pytest.mark.parametrize("secret", ["nobodys-secret", "", "with space", "x" * 201, "a;b", 'a"b'])
async def test_a_secret_nobody_issued_is_refused_and_not_kept(house: ConsoleHouse, secret: str) -> None:
    answer = await sign_in(house, secret)

    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert not secret or secret not in answer.text


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
async def test_a_form_that_another_site_sends_signs_nobody_in_or_out(
    house: ConsoleHouse, person: str, headers: dict[str, str]
) -> None:
    token = house.profiles.identity.session(person)

    assert (await sign_in(house, token, **headers)).status_code == 403
    assert (await house.http.post("/sign-out", headers=headers)).status_code == 403


async def test_signing_out_forgets_the_secret(house: ConsoleHouse) -> None:
    answer = await house.http.post("/sign-out")

    assert answer.status_code == 303
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_without_a_sign_in_no_page_but_the_first_is_shown(house: ConsoleHouse, person: str) -> None:
    for path in (f"/people/{person}", "/operator"):
        page = await house.visit(path)
        assert page.status_code == 401
        assert "Sign in to see this page" in page.text


async def test_a_sign_in_that_has_ended_is_said_and_forgotten(house: ConsoleHouse, person: str) -> None:
    page = await house.visit(f"/people/{person}", "a-token-that-ended")

    assert page.status_code == 401
    assert "Your sign-in has ended" in page.text
    assert "Max-Age=0" in page.headers["set-cookie"]


async def test_the_profile_shows_levels_only_with_interval_chances_evidence_and_release(
    house: ConsoleHouse, person: str
) -> None:
    page = text(await house.visit("/people/self", house.profiles.identity.session(person)))

    assert "Interfaces to running systems Level 3 independent" in page
    assert "90 % interval: level 2 to level 3" in page
    assert page.count("Chance of at least level") == page.count("90 % interval") == 5
    assert page.count("Model release") == 5
    assert "11 observations, 3 works and 2 reviewers" in page


async def test_the_profile_shows_evidence_credentials_looks_and_requests(house: ConsoleHouse, person: str) -> None:
    page = text(await house.visit("/people/self", house.profiles.identity.session(person)))

    assert "signed by a third party" in page
    assert "Invoice triage in production" in page
    assert "CI. CI is configured for GitHub Actions" in page
    assert re.search(r"vcr_\S+_2", page)
    assert "revoked" in page
    assert "Northwind Freight Deployment lead, Rotterdam read" in page
    assert re.search(r"deedlog requests approve vrq_\w+ --as prs_\w+", page)


async def test_the_profile_shows_which_accounts_are_ones_own_by_which_proof_and_how_to_undo_it(
    house: ConsoleHouse, person: str
) -> None:
    own = text(await house.visit(f"/people/{person}", house.profiles.identity.session(person)))
    nobody = house.profiles.identity.person()
    bare = text(await house.visit("/people/self", house.profiles.identity.session(nobody)))

    assert "Lernhaus account:https://lms.example|acc_2 declared by the platform 1 March 2026 acc_2" in own
    assert f"deedlog people unlink ACCOUNT --as {person}" in own
    assert "No platform has told anything of you." in bare


async def test_an_organisation_sees_what_the_consent_covers_and_nothing_of_who_looked(house: ConsoleHouse) -> None:
    person = await house.told_person()
    organisation = system_id("organisation")
    await house.profiles.identity.give(person, organisation, ("profile",))

    page = text(await house.visit(f"/people/{person}", house.profiles.identity.key(organisation, "profile")))

    assert "Profile, seen with consent" in page
    assert "single pieces of evidence are not shared" in page
    assert "Sample Person" not in page
    assert "Who looked" not in page
    assert "Who asks" not in page
    assert "Accounts" not in page


async def test_without_consent_the_page_says_what_to_do(house: ConsoleHouse, person: str) -> None:
    page = await house.visit(f"/people/{person}", house.profiles.identity.key(system_id("organisation"), "profile"))

    assert page.status_code == 403
    assert "POST /v1/verification-requests" in page.text


async def test_what_people_and_organisations_write_is_text_and_never_markup(house: ConsoleHouse) -> None:
    person = await house.told_person(SCRIPT)
    organisation = system_id("organisation")
    wanted = {"person": person, "purpose": SCRIPT}
    await house.profiles.reader(organisation).post("/v1/verification-requests", wanted, 201)

    page = await house.visit("/people/self", house.profiles.identity.session(person))

    assert SCRIPT not in page.text
    assert page.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


async def test_nothing_is_known_yet_is_a_page_too(house: ConsoleHouse) -> None:
    person = house.profiles.identity.person()

    page = text(await house.visit("/people/self", house.profiles.identity.session(person)))

    assert "Nothing is known yet" in page
    assert "Nobody has looked at your profile" in page


async def test_a_release_that_is_not_known_leaves_the_interval_in_logits(house: ConsoleHouse) -> None:
    from tests.suites.skill_profiles.samples import estimate

    person = house.profiles.identity.person()
    await house.profiles.tell(person, estimate(release="another"))

    page = text(await house.visit("/people/self", house.profiles.identity.session(person)))

    assert "90 % interval: 0.2 to 1.8 logits" in page


async def test_the_operators_page_shows_services_lag_and_what_is_parked(house: ConsoleHouse) -> None:
    subject = house.profiles.identity.person()
    await house.profiles.tell(subject, PersonMerged(canonical="prs_A", alias="prs_B"))

    page = text(await house.visit("/operator", house.profiles.identity.admin()))

    assert "2 of 2 services not ready: gone and skill_profiles" in page
    assert "gone unreachable" in page
    assert "it names two other people than the one whose stream it stands in" in page
    assert f"deedlog dlq redrive {house.profiles.backbone.name} identity {subject}" in page


async def test_the_operators_page_is_for_operators(house: ConsoleHouse, person: str) -> None:
    page = await house.visit("/operator", house.profiles.identity.session(person))

    assert page.status_code == 403


async def test_when_the_apis_are_away_the_page_says_so(house: ConsoleHouse, person: str) -> None:
    organisation = system_id("organisation")
    await house.profiles.identity.give(person, organisation)
    key = house.profiles.identity.key(organisation, "profile")
    await house.visit("/", key)
    await house.visit(f"/people/{person}", key)
    house.profiles.identity.is_away = True

    page = await house.visit(f"/people/{person}", key)

    assert page.status_code == 503
    assert "retry-after" in page.headers
    assert "Not possible at the moment" in page.text


@pytest.mark.parametrize("path", ["/", "/people/self", "/operator", "/people/prs_X"])
async def test_every_page_forbids_scripts_frames_and_foreign_requests(
    house: ConsoleHouse, person: str, path: str
) -> None:
    page = await house.visit(path, house.profiles.identity.session(person))

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert "http://" not in re.sub(r'xmlns="[^"]*"', "", page.text)
    assert "style=" not in page.text
    assert "<script" not in page.text


class Outline(HTMLParser):
    """The headings, table captions and labelled controls of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tables = self.captions = 0
        self.fields: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "input":
            self.fields.append(found["id"] or "")
        if tag == "label":
            self.labels.append(found["for"] or "")


@pytest.mark.parametrize("path", ["/", "/people/self", "/operator"])
async def test_headings_descend_step_by_step_and_every_table_and_field_is_named(
    house: ConsoleHouse, person: str, path: str
) -> None:
    identity = house.profiles.identity
    secret = identity.admin() if path == "/operator" else identity.session(person) if path != "/" else None
    outline = Outline()

    outline.feed((await house.visit(path, secret)).text)

    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    assert outline.tables == outline.captions
    assert outline.fields == outline.labels


async def test_the_style_sheet_is_ours_and_asked_for_again_by_its_tag(house: ConsoleHouse) -> None:
    sheet = await house.visit("/console.css")
    again = await house.visit("/console.css", **{"if-none-match": sheet.headers["etag"]})

    assert "url(" not in sheet.text
    assert "@import" not in sheet.text
    assert (sheet.status_code, again.status_code) == (200, 304)


async def test_outside_embedded_mode_there_is_no_form_and_nothing_to_post_it_to(profiles: ProfilesHouse) -> None:
    async with console_house(profiles, is_embedded=False) as house:
        page = await house.visit("/")
        answer = await sign_in(house, "whatever")

    assert "<form" not in page.text
    assert "not offered by this installation" in page.text
    assert answer.status_code in {404, 405}


async def test_a_person_is_looked_up_by_their_id(house: ConsoleHouse) -> None:
    answer = await house.visit("/people?id=%20prs_X%2F..%20")

    assert answer.headers["location"] == "/people/prs_X%2F.."

"""The framework and the roles for everybody: as our own JSON, as linked data, and as CASE 1.1.

Every IRI that a credential, an export or a role names is answered here. Nothing changes within a build, so each answer
is made once and kept as bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from services.skill_inference.domain.case_package import CASE_PATH, framework_package, roles_package
from services.skill_inference.domain.case_register import KINDS, CaseRegister
from services.skill_inference.domain.framework import Framework, Skill, framework_iri, layer_iri, level_iri, skill_iri
from services.skill_inference.domain.linked_data import Node, node_document, terms_document
from services.skill_inference.domain.linked_data import framework_document as linked_framework
from services.skill_inference.domain.linked_data import roles_document as linked_roles
from services.skill_inference.domain.roles import Roles, role_iri
from services.skill_inference.http import framework_answers as answers
from services.skill_inference.http.publications import published
from shared.kernel.errors import NotFound, Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import page
from shared.runtime.reply import JSON

LINKED: Final = "application/ld+json"
_FORMATS: Final = {"json": JSON, "jsonld": LINKED, "case": JSON}
_VARY: Final = ("Vary", "Accept")


class FrameworkPages:
    """What is published of the framework and the roles at `origin`."""

    def __init__(self, framework: Framework, roles: Roles, origin: str) -> None:
        self._framework = framework
        self._roles = roles
        self._origin = origin.rstrip("/")
        self._case = {
            "framework": framework_package(framework, origin),
            "roles": roles_package(roles, framework, origin),
        }
        self._register = CaseRegister(self._case.values(), origin)
        self._linked = linked_framework(framework, origin)
        self._linked_roles = linked_roles(roles, framework, origin)
        self._kept: dict[str, bytes] = {}

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        whole = "/v1/framework"
        paths: list[tuple[str, Callable[[Call], Any]]] = [
            (whole, self.framework),
            (f"{whole}/terms", self.terms),
            (f"{whole}/layers/{{id}}", self.layer),
            (f"{whole}/skills/{{id}}", self.skill),
            (f"{whole}/skills/{{id}}/levels/{{number}}", self.level),
            ("/v1/skills", self.skills),
            ("/v1/skills/{id}", self.skill),
            ("/v1/roles", self.roles),
            ("/v1/roles/{id}", self.role),
            (f"{CASE_PATH}/CFDocuments", self.case_documents),
            (f"{CASE_PATH}/{{kind}}/{{id}}", self.case_entity),
        ]
        return [endpoint("GET", path, handler, scopes=None) for path, handler in paths]

    async def framework(self, call: Call) -> Reply:
        """Answer the whole framework."""
        return self._answered(
            call,
            framework_iri(self._origin),
            lambda: answers.framework_answer(self._framework, self._origin),
            lambda: self._linked,
            lambda: self._case["framework"],
        )

    async def terms(self, call: Call) -> Reply:
        """Answer our own terms of linked data."""
        iri = f"{framework_iri(self._origin)}/terms"
        return self._answered(
            call,
            iri,
            lambda: answers.terms_answer(self._origin),
            lambda: terms_document(self._framework, self._origin),
        )

    async def layer(self, call: Call) -> Reply:
        """Answer one layer."""
        layer = next((one for one in self._framework.layers if one.id == call.path["id"]), None)
        if layer is None:
            raise NotFound("the framework has no such layer; GET /v1/framework lists them")
        iri = layer_iri(self._origin, layer.id)
        return self._answered(
            call,
            iri,
            lambda: answers.layer_answer(self._framework, layer, self._origin),
            lambda: node_document(self._linked, iri),
        )

    async def skills(self, call: Call) -> Reply:
        """Answer every skill; they are few, so one page holds them."""
        return self._answered(
            call, "skills", lambda: page(list(map(self._skill, self._framework.skills.values())), None)
        )

    async def skill(self, call: Call) -> Reply:
        """Answer one skill."""
        skill = self._named(call)
        iri = skill_iri(self._origin, skill.id)
        return self._answered(call, iri, lambda: self._skill(skill), lambda: node_document(self._linked, iri))

    async def level(self, call: Call) -> Reply:
        """Answer one level of one skill."""
        skill, number = self._named(call), call.path["number"]
        levels = {str(level.number): level for level in self._framework.levels}
        if number not in levels:
            raise NotFound(f"levels are numbered 1 to {len(levels)}")
        iri = level_iri(self._origin, skill.id, int(number))
        return self._answered(
            call,
            iri,
            lambda: answers.level_answer(skill, levels[number], self._origin) | {"skill": self._skill(skill)},
            lambda: node_document(self._linked, iri),
        )

    async def roles(self, call: Call) -> Reply:
        """Answer every role profile."""
        return self._answered(
            call,
            role_iri(self._origin, ""),
            lambda: answers.roles_answer(self._roles, self._framework, self._origin),
            lambda: self._linked_roles,
            lambda: self._case["roles"],
        )

    async def role(self, call: Call) -> Reply:
        """Answer one role profile."""
        role = self._roles.roles.get(call.path["id"])
        if role is None:
            raise NotFound("there is no such role; GET /v1/roles lists them")
        iri = role_iri(self._origin, role.id)
        return self._answered(
            call,
            iri,
            lambda: answers.role_answer(self._roles, role, self._framework, self._origin),
            lambda: node_document(self._linked_roles, iri),
        )

    async def case_documents(self, call: Call) -> Reply:
        """Answer the documents of CASE, as a CASE provider lists them."""
        return published(call, self._bytes("case", self._register.documents), JSON)

    async def case_entity(self, call: Call) -> Reply:
        """Answer one entity of CASE by its identifier."""
        kind, identifier = call.path["kind"], call.path["id"]
        found = self._register.entity(kind, identifier)
        if found is None:
            raise NotFound(f"there is no such entity of CASE; served by identifier are {', '.join(KINDS)}")
        return published(call, self._bytes(f"case {kind} {identifier}", lambda: found), JSON)

    def _named(self, call: Call) -> Skill:
        skill = self._framework.skills.get(call.path["id"])
        if skill is None:
            raise NotFound("the framework has no such skill; GET /v1/skills lists them")
        return skill

    def _skill(self, skill: Skill) -> dict[str, Any]:
        return answers.skill_answer(self._framework, skill, self._origin)

    def _answered(
        self,
        call: Call,
        name: str,
        plain: Callable[[], Node],
        linked: Callable[[], Node] | None = None,
        case: Callable[[], Node] | None = None,
    ) -> Reply:
        """Return the form that is asked for of what is known by `name`."""
        makers = {"json": plain, "jsonld": linked, "case": case}
        form = _form(call, [name for name, maker in makers.items() if maker is not None])
        maker = makers[form] or plain
        content = self._bytes(f"{form} {name}", maker)
        return published(call, content, _FORMATS[form]).with_headers(_VARY)

    def _bytes(self, name: str, maker: Callable[[], Node]) -> bytes:
        found = self._kept.get(name)
        if found is None:
            found = self._kept[name] = json.dumps(maker(), ensure_ascii=False, separators=(",", ":")).encode()
        return found


def _form(call: Call, forms: list[str]) -> str:
    """Return which of `forms` is asked for: by the query, else by Accept, where our JSON is what anybody gets."""
    asked = call.query.get("format")
    if asked is not None:
        if asked not in forms:
            raise Rejected.of("format", f"this is written as {' or '.join(forms)}", "Name one of them, or none.")
        return asked
    prefers_linked = _weight(call, LINKED) > max(_weight(call, JSON), _weight(call, "*/*") / 2)
    return "jsonld" if prefers_linked and "jsonld" in forms else "json"


def _weight(call: Call, media_type: str) -> float:
    """Return the weight that the Accept header gives to this very type (RFC 9110 §12.5.1), 0 where it names it not."""
    for part in call.headers.get("accept", "").split(","):
        kind, *parameters = (each.strip().lower() for each in part.split(";"))
        if kind == media_type:
            weights = [each.removeprefix("q=") for each in parameters if each.startswith("q=")]
            try:
                return float(weights[0]) if weights else 1.0
            except ValueError:
                return 0.0
    return 0.0

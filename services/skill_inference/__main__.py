"""Settings → wiring → run."""

from __future__ import annotations

from pathlib import Path

from services.skill_inference import parameters
from services.skill_inference.domain.claims import parse_claim_rules
from services.skill_inference.domain.framework import parse_framework
from services.skill_inference.domain.release import parse_release
from services.skill_inference.domain.roles import parse_roles
from services.skill_inference.domain.skill_names import SkillNames
from services.skill_inference.handlers.comparing import Comparing
from services.skill_inference.handlers.desk import Inference
from services.skill_inference.handlers.importing import Customs
from services.skill_inference.http.alignments import Alignments
from services.skill_inference.http.claim_rules import claim_rules_endpoint
from services.skill_inference.http.framework import FrameworkPages
from services.skill_inference.http.frameworks import Frameworks
from services.skill_inference.http.preferences import PreferencesDoor
from services.skill_inference.http.raters import RatersDoor
from services.skill_inference.http.releases import ReleasesDoor
from services.skill_inference.http.reports import Reports
from services.skill_inference.jobs import Reviser
from services.skill_inference.rpc.servicer import door
from services.skill_inference.settings import SkillInferenceSettings
from services.skill_inference.store.alignments import AlignmentBook
from services.skill_inference.store.releases import ReleaseBook
from services.skill_inference.stream import InferenceEffect
from shared.events.sources import SKILL_INFERENCE
from shared.kernel.errors import Broken, Rejected
from shared.kernel.ids import system_fact_id
from shared.runtime.backbone import Backbone
from shared.runtime.service import Peers, Service, main
from shared.runtime.settings import Settings


def build(settings: Settings, peers: Peers) -> Service:
    """Return the service, wired and not yet started. Raises Rejected for a release that cannot be used."""
    if not isinstance(settings, SkillInferenceSettings):
        raise Broken("skill_inference is built from settings of its own class")
    framework = parse_framework(parameters.framework_document())
    roles = parse_roles(parameters.roles_document(), framework)
    documents = parameters.release_documents()
    parsed = {name: parse_release(raw) for name, raw in documents.items()}
    if settings.release not in parsed:
        rule = f"this build carries no release {settings.release!r}"
        raise Rejected.of("DEEDLOG_SKILL_INFERENCE_RELEASE", rule, f"Name one of {', '.join(parsed)}.")
    clock = peers.clock
    backbone = Backbone(
        settings, clock, Path(__file__).parent, source=SKILL_INFERENCE, feed=peers.feed(), is_rebuildable=True
    )
    rules = parse_claim_rules(parameters.claim_rules_document())
    first = Inference(framework, parsed[settings.release], rules, clock, system_fact_id)
    releases = ReleaseBook(first, settings.ledger_observations_max)
    book = AlignmentBook(framework.skills)
    reviser = Reviser(backbone, releases, book)
    backbone.hear(InferenceEffect(releases, book, reviser.nudge))
    backbone.after_rebuild = reviser.after_rebuild
    carried = {parsed[name].id: raw for name, raw in documents.items()}
    customs = Customs(framework, SkillNames(framework, settings.origin), settings.origin)
    return Service(
        backbone,
        [
            *FrameworkPages(framework, roles, settings.origin).endpoints(),
            *ReleasesDoor(backbone, clock, releases, carried, reviser.nudge).endpoints(),
            claim_rules_endpoint(parameters.claim_rules_document()),
            *Alignments(backbone, clock, customs, book, reviser.nudge).endpoints(),
            *Frameworks(backbone, clock, customs, book, reviser.nudge).endpoints(),
            *Reports(backbone, releases, book).endpoints(),
            *RatersDoor(backbone, releases).endpoints(),
            *PreferencesDoor(backbone, clock, reviser.nudge).endpoints(),
        ],
        [door(backbone, releases, book, Comparing(roles.roles))],
        [reviser],
    )


if __name__ == "__main__":
    main("skill_inference", build, SkillInferenceSettings)

"""The rubric of release 1: two criteria a layer for AI that is to be used, not only shown.

Mark k says "as somebody of level k would": 1 with help beside them, 2 by a given plan, 3 on their own, 4 leading
others through it, 5 as an example that lasts; 0 says that there is nothing to mark.
"""

from __future__ import annotations

from typing import Final

from services.project_submissions.domain.rubric import Criterion, Rubric

DEPLOYMENT: Final = Rubric(
    id="deployment/1",
    criteria=(
        Criterion(
            id="interfaces",
            skill="integration.apis",
            title="Interfaces to other systems",
            question="How does the work meet the systems it has to live with, and what when one of them changes?",
            anchors=(
                "It stands alone; nothing else is called and nothing else can call it.",
                "One call to another system works as in its tutorial; an error of the other side ends the program.",
                "The interfaces it uses follow a given description, and the usual errors are caught.",
                "Its own interface is described and versioned: time-outs, retries and bad input are tested.",
                "It bears changes on either side: contracts are checked by machine, old callers are kept working.",
                "Its interfaces serve as the pattern for others, with reasons, limits and a way out written down.",
            ),
        ),
        Criterion(
            id="data-flow",
            skill="integration.data-contracts",
            title="The way of the data",
            question="Can one say where each input comes from, what is done to it, and how a bad one is noticed?",
            anchors=(
                "The data is a file that happens to lie there; nobody can say where it came from.",
                "Steps are run by hand in an order that only their author knows.",
                "The steps run by one command on the expected input; unexpected input is not looked for.",
                "Input is checked against a stated shape, runs can be repeated, a failed one leaves nothing half done.",
                "Late, doubled and missing data are planned for, and each output can be traced to its inputs.",
                "Others build on the pipeline: its guarantees are stated, measured and kept while it changes.",
            ),
        ),
        Criterion(
            id="monitoring",
            skill="operationalization.monitoring",
            title="Seeing how it does",
            question="Would somebody learn that it does badly before its users complain?",
            anchors=(
                "Nothing is recorded; one would have to run it to see whether it runs.",
                "Some lines are printed for whoever happens to watch.",
                "Logs and a health check of the usual kind exist; their figures are not tied to what users need.",
                "A few figures say whether users are served, and a stated bound raises an alarm that reaches a person.",
                "The quality of answers and shifts in the input are watched too, and alarms were tried by breaking it.",
                "Goals are agreed with users, spent margins steer the work, and others took over the approach.",
            ),
        ),
        Criterion(
            id="incidents",
            skill="operationalization.incidents",
            title="When it fails",
            question="What happens from the moment it fails until it cannot fail that way again?",
            anchors=(
                "There is no thought of failure.",
                "The author would restart it and look what happens.",
                "A note says how to restart it and whom to ask.",
                "A runbook leads a stranger from alarm to a working system, and a bad version can be taken back.",
                "A failure, real or staged, was handled by it, written up without blame, and its causes removed.",
                "Failures are practised, what was learnt is measured, and it changed how others build.",
            ),
        ),
        Criterion(
            id="limits",
            skill="stakeholder-management.limits",
            title="Saying what it cannot do",
            question="Would the people who rely on it know where not to rely on it?",
            anchors=(
                "It is shown as if it were always right.",
                "That it can be wrong is said once, in general words.",
                "Known weak spots are listed for people of the trade.",
                "Users are told in their own words how often and where it errs, and what to do then.",
                "How sure it is shows where the decision is made, and cases that belong to a person go to a person.",
                "The limits are negotiated with those affected, checked in use, and said again when they move.",
            ),
        ),
        Criterion(
            id="adoption",
            skill="stakeholder-management.change",
            title="Bringing people along",
            question="Who has to work differently because of it, and how were they taken along?",
            anchors=(
                "The people it is meant for do not appear.",
                "Users are named; what changes for them is not.",
                "There are instructions for use, written for somebody who already wants it.",
                "The change was planned with some of those concerned, and there is a way to learn it and to object.",
                "It came in by steps with a way back, what users said changed it, and doubts were answered.",
                "The work of the people got better by a measure they chose, and they carry it on themselves.",
            ),
        ),
        Criterion(
            id="reliability",
            skill="scaled-deployment.reliability",
            title="Holding under load and fault",
            question="What happens with ten times the load, or when a part is gone?",
            anchors=(
                "It runs once, on one machine, for its author.",
                "It can be started elsewhere with help; what it bears is unknown.",
                "It is deployed by a described procedure and bears everyday use.",
                "It is deployed by machine, its limits are stated and tested, the loss of a part is survived or told.",
                "Load and faults were measured against a goal, and new versions reach a few before they reach all.",
                "It runs in many places by the same means, and its figures over time bear out what it promises.",
            ),
        ),
        Criterion(
            id="maintainability",
            skill="scaled-deployment.maintainability",
            title="Living on without its author",
            question="Could somebody else change it safely a year from now?",
            anchors=(
                "Nobody but the author could run it, let alone change it.",
                "It can be read with patience; a change is a gamble.",
                "It is ordered, and the main path has tests that somebody ran.",
                "Tests, checks and documents let a newcomer make a small change in a day, and machines guard it.",
                "Decisions and their reasons are written down, parts can be replaced, and others did change it.",
                "It has been handed over and kept growing; its way of working was taken up elsewhere.",
            ),
        ),
    ),
)
"""The rubric that new reviews are marked on."""

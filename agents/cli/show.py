"""`alur show`: all that is known of one complaint."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from agents.cli.context import console, say, settings_of
from agents.cli.timeline import as_json, as_text
from agents.config import policy_files
from agents.config.settings import Settings
from agents.runtime import policy_digests
from events.client import Dossier, NoSuchComplaint, find_complaint, read_dossier, require_topics
from events.client.errors import NotAllowed, TopicsMissing
from events.client.reader import installation_values
from events.topics import TopicName
from workflow.policy.model import Policy, PolicySet, UnknownPolicy

_TOPICS = (TopicName.EVENTS, TopicName.REJECTIONS, TopicName.STATE)


def show(
    ctx: typer.Context,
    complaint: Annotated[str, typer.Argument(help="its complaint id, or its tracking id (digits)")],
    *,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object instead")] = False,
) -> None:
    """Show a complaint: its timeline, its clocks as they stand now, and what was refused about it.

    Times are local to the national zone of its policy; a clock's due time is local to the zone that counts for it.

        alur show 1042007

        alur show 7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11 --json
    """
    settings = settings_of(ctx)
    dossier = dossier_of(settings, complaint)
    if json:
        say(as_json(dossier))
    else:
        for part in as_text(dossier, policy_of(settings, dossier), datetime.now(UTC)):
            console().print(part)


def dossier_of(settings: Settings, complaint: str) -> Dossier:
    """Return what the log holds on a complaint, named by its complaint id or its tracking id.

    Raises:
        NoSuchComplaint: there is none, or none yet.
        BrokerUnreachable, KafkaRefused, TopicsMissing: the topics could not be read.
    """
    require_topics(settings, _TOPICS)
    dossier = read_dossier(settings, find_complaint(settings, complaint))
    if not dossier.history:
        raise NoSuchComplaint(_nothing(dossier))
    return dossier


def _nothing(dossier: Dossier) -> str:
    refused = f"; {len(dossier.refusals)} commands about it were refused" if dossier.refusals else ""
    return (
        f"there is no complaint {dossier.complaint} (a report that was just submitted may still be on its way){refused}"
    )


def installation_days(settings: Settings, policies: PolicySet) -> PolicySet:
    """Return a policy with the days off that the installation counts by, as far as its record may be read.

    Raises:
        BrokerUnreachable, KafkaRefused: Kafka refuses for another reason, or does not answer.
    """
    try:
        return policy_digests.pinned(policies, installation_values(settings))
    except (NotAllowed, TopicsMissing):
        return policies


def policy_of(settings: Settings, dossier: Dossier) -> Policy:
    """Return the policy version that the complaint is pinned to.

    That is one of the policy we are set to or, by its name, of one that comes with us; else the present version of the
    former, which then only lends its zones.
    """
    complaint = dossier.history[-1].complaint
    ours = policy_files.load(settings.policy)
    named = complaint.policy.partition("/")[0]
    candidates: list[PolicySet] = [ours, *([policy_files.load(named)] if named in policy_files.packaged() else [])]
    for candidate in candidates:
        try:
            return installation_days(settings, candidate).pinned(complaint.policy)
        except UnknownPolicy:
            continue
    return ours.at(complaint.received_at)

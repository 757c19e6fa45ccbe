"""Policy version that a complaint is pinned to, with the days off of the installation."""

from agents.config import policy_files
from agents.config.settings import Settings
from agents.runtime import policy_digests
from events.client import ComplaintHistory
from events.client.errors import NotAllowed, TopicsMissing
from events.client.reader import installation_values
from workflow.policy.model import Policy, PolicySet, UnknownPolicy


def installation_days(settings: Settings, policies: PolicySet) -> PolicySet:
    """Return a policy with the days off of the installation, if its record is readable."""
    try:
        return policy_digests.pinned(policies, installation_values(settings))
    except (NotAllowed, TopicsMissing):
        return policies


def policy_of(settings: Settings, complaint_history: ComplaintHistory) -> Policy:
    """Return the policy version that the complaint is pinned to.

    It is looked up in the policy of the settings, then in the packaged policy of its name. If neither has it, return
    the version of the former at the time of receipt, for its time zones only.
    """
    complaint = complaint_history.history[-1].complaint
    ours = policy_files.load(settings.policy)
    named = complaint.policy.partition("/")[0]
    candidates: list[PolicySet] = [ours, *([policy_files.load(named)] if named in policy_files.packaged() else [])]
    for candidate in candidates:
        try:
            return installation_days(settings, candidate).pinned(complaint.policy)
        except UnknownPolicy:
            continue
    return ours.at(complaint.received_at)

"""Policy guard: stops a stage if its policy is not the installation's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from agents.runtime import policy_digests
from agents.runtime.installation import Installation
from agents.runtime.process import exit_with_error
from agents.runtime.stage import RefusedToStart
from workflow.policy.model import PolicySet

log = structlog.get_logger()

_WAY_OUT: Final = (
    "set ALUR_POLICY to the installation's, make this one its policy with `alur policy rollout`, or set another "
    "ALUR_PREFIX for an installation of its own"
)
_ROLLOUT: Final = "`alur policy rollout` announces them"
_MOST_NAMED: Final = 3


class PolicyGuard:
    """Compares the policy of one stage with the installation record."""

    def __init__(self, stage: str, installation: Installation, policies: PolicySet, *, has_keys: bool) -> None:
        self._stage = stage
        self._installation = installation
        self._policies = policies
        self._has_keys = has_keys
        self._ours: dict[str, Any] = {}

    async def check(self) -> PolicySet:
        """Return the policy, with the installation's days off, if it equals the installation's or adds to it.

        Additions are written to the record.

        Raises:
            KafkaError: the record cannot be written.
            RefusedToStart: a version or an office of the installation differs here or is missing; or the policy needs
                installation keys, and there are none.
        """
        self._check_keys()
        self._ours = policy_digests.described(self._policies, datetime.now(UTC).date())
        if self._added(self._installation.values):
            await self._installation.change(self._added)
        if days := policy_digests.changed_days(self._installation.values, self._ours):
            named = "; ".join(map(str, days[:_MOST_NAMED]))
            log.warning("calendar_differs", stage=self._stage, days=len(days), reason=named, next=_ROLLOUT)
        self._installation.watch(self._on_change)
        return policy_digests.pinned(self._policies, self._installation.values)

    def _check_keys(self) -> None:
        if self._has_keys or all(policy.citizens == "open" for policy in self._policies.versions):
            return
        raise RefusedToStart(
            f'ALUR_KEY_FILE is not set, and policy {self._policies.name} has citizens = "reporter": set it, or others '
            "could make the digests of reporters without a key (docs/reference/security.md)"
        )

    def _added(self, values: Mapping[str, Any]) -> dict[str, Any]:
        self._refuse(values)
        return policy_digests.additions(values, self._ours)

    def _refuse(self, values: Mapping[str, Any]) -> None:
        lines = [*policy_digests.changes(values, self._ours)]
        if lines:
            more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
            named = "; ".join(lines[:_MOST_NAMED])
            raise RefusedToStart(f"policy {self._policies.name} is not the installation's: {named}{more}: {_WAY_OUT}")

    def _on_change(self, key: str, value: object) -> None:
        if not key.startswith((policy_digests.VERSION, policy_digests.OFFICE)):
            return
        if key not in self._ours:
            if value is not None:  # an addition of a newer deployment is accepted
                log.warning("policy_added", stage=self._stage, key=key)
            return
        try:
            self._refuse({key: value} if value is not None else {key: "rolled out"})
        except RefusedToStart as refused:
            exit_with_error(self._stage, refused)

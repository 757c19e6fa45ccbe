"""Officers, administrators and citizens: they react to facts with commands after a delay. Without Kafka and clock."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from agents.demo.reactions import PlannedAction, Situation, actions
from agents.demo.scripts import Script, drawn
from events.commands import Command, ReplyToFollowUp
from events.facts import FollowUpReplied, Recorded
from events.ids import stage_command_id
from events.snapshot import Complaint
from workflow.policy.model import PolicySet


@dataclass(frozen=True, slots=True)
class Sending:
    """A command to be sent now."""

    subject: str
    source: str
    command_id: str
    command: Command


@dataclass(frozen=True, slots=True, order=True)
class _Planned:
    at: float
    number: int
    subject: str
    command_id: str
    act: PlannedAction


class People:
    """All people around the engine; their behaviour is in `scripts` by complaint id, else determined by `seed`."""

    def __init__(self, policies: PolicySet, scripts: Mapping[str, Script], seed: int) -> None:
        self._policies = policies
        self._scripts = scripts
        self._seed = seed
        self._complaints: dict[str, Complaint] = {}
        self._satisfied: set[str] = set()
        self._plans: list[_Planned] = []
        self._count = 0

    def react(self, recorded: Recorded, now: float) -> None:
        """Plan the reactions to a fact at `now` (seconds of any clock)."""
        complaint = recorded.complaint
        self._complaints[complaint.complaint_id] = complaint
        if isinstance(recorded.fact, FollowUpReplied):
            self._satisfied.add(complaint.complaint_id)
        for number, act in enumerate(actions(self._situation(recorded))):
            if isinstance(act.command, ReplyToFollowUp) and complaint.complaint_id in self._satisfied:
                continue  # a citizen replies once
            self._count += 1
            name = stage_command_id(complaint.complaint_id, "people", complaint.version, number)
            plan = _Planned(now + act.after, self._count, complaint.complaint_id, name, act)
            heapq.heappush(self._plans, plan)

    def due(self, now: float) -> Iterator[Sending]:
        """Yield the commands due by `now`, in order, except those that the complaint's status no longer allows."""
        while self._plans and self._plans[0].at <= now:
            plan = heapq.heappop(self._plans)
            if self._still_meant(plan):
                yield Sending(plan.subject, plan.act.source, plan.command_id, plan.act.command)

    def _situation(self, recorded: Recorded) -> Situation:
        complaint = recorded.complaint
        lots = Random(f"{self._seed}/{complaint.complaint_id}/{complaint.version}")  # noqa: S311 -- must be repeatable
        script = self._scripts.get(complaint.complaint_id)
        if script is None:
            script = drawn(Random(f"{self._seed}/{complaint.complaint_id}"))  # noqa: S311 -- as above
        policy = self._policies.pinned(complaint.policy)
        return Situation(recorded, script, policy, lots)

    def _still_meant(self, plan: _Planned) -> bool:
        act, complaint = plan.act, self._complaints[plan.subject]
        if act.statuses is None:
            return True
        return complaint.status in act.statuses and act.round in {None, complaint.round}

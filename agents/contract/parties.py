"""Parties of the contract, its senders and receivers, with their messages by topic: from rights, roles and models."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from events import access
from events.announcements import CALENDAR_TYPE, AnnouncementEvent
from events.commands import COMMANDS, command_type
from events.facts import FACTS, fact_type
from events.outcomes import Rejection, Resolution, ResolutionReopened
from events.reports import ReportSubmitted
from events.snapshot import STATE_TYPE
from events.topics import STAGES, TopicName
from workflow.machine.permissions import PERMITTED_ROLES, Role

IDENTITY: Final = "reporter-identity.v1"
STORY: Final = "story.v1"
TEXTS: Final = "fact-texts.v1"
ERASURE: Final = "erasure.v1"
VALUES: Final = (IDENTITY, STORY, TEXTS, ERASURE)
"""Record values that are no CloudEvents."""
ERASED: Final = "reporter-identity-erased"
"""The tombstone of an identity."""
LETTER: Final = "dead-letter"
"""A dead letter: any bytes, without a schema."""
SETTLED: Final = "dead-letter-settled"
"""The disposition of a dead letter, without a value."""
RECORD: Final = "installation-record"
"""An entry of the installation record: internal, without a schema."""

_COMMANDS: Final = (*(command_type(command.NAME) for command in COMMANDS), AnnouncementEvent.TYPE)

MESSAGES: Final[Mapping[TopicName, tuple[str, ...]]] = {
    TopicName.INTAKE: (ReportSubmitted.TYPE,),
    TopicName.IDENTITIES: (IDENTITY, ERASED),
    TopicName.COMMANDS: _COMMANDS,
    TopicName.EVENTS: tuple(fact_type(fact.NAME) for fact in FACTS),
    TopicName.TEXTS: (TEXTS,),
    TopicName.STATE: (STATE_TYPE, CALENDAR_TYPE),
    TopicName.STORIES: (STORY,),
    TopicName.ERASURES: (ERASURE,),
    TopicName.REJECTIONS: (Rejection.TYPE,),
    TopicName.RESOLUTIONS: (Resolution.TYPE, ResolutionReopened.TYPE),
    TopicName.DEAD_LETTERS: (LETTER, SETTLED),
    TopicName.INSTALLATION: (RECORD,),
}
"""Messages by topic: CloudEvents types, and names of other values."""


@dataclass(frozen=True, slots=True)
class Party:
    """A sender or receiver, with the rights of `role`."""

    name: str
    description: str
    role: access.AccessRole
    only: Mapping[TopicName, tuple[str, ...]] = field(default_factory=dict)
    """Its messages, if not all of the topic."""

    def sends(self, topic: TopicName) -> tuple[str, ...]:
        """Return the messages that the party sends to a topic that it may write."""
        return self.only.get(topic, MESSAGES[topic])

    def group(self, topic: TopicName) -> str | None:
        """Return the consumer group in which the party reads a topic; None if it reads without one."""
        memory = self.name in STAGES and STAGES[self.name] is not topic
        return None if memory else self.role.group


def _commands_of(roles: Iterable[Role]) -> tuple[str, ...]:
    senders = frozenset(roles)
    return tuple(command_type(command.NAME) for command in COMMANDS if PERMITTED_ROLES[command] & senders)


def _stage(role: access.AccessRole) -> Party:
    only: dict[TopicName, tuple[str, ...]] = {TopicName.DEAD_LETTERS: (LETTER,), TopicName.IDENTITIES: (IDENTITY,)}
    # lifecycle forwards any command from a wrong partition
    if TopicName.COMMANDS in role.writes and role.name != "lifecycle":
        only[TopicName.COMMANDS] = _commands_of([Role[role.name.upper()]])
    return Party(role.name, f"the stage `{role.name}` of the engine", role, only)


def _people(name: str, what: str, commands: tuple[str, ...]) -> Party:
    return Party(name, f"{what}, through a gateway", access.ROLES["gateways"], {TopicName.COMMANDS: commands})


_OFFICE: Final = (Role.ADMINISTRATOR, Role.HOLDER, Role.SUPERIOR, Role.ARBITER)
_PEOPLE: Final = (
    _people("officers", "the people of an office", (*_commands_of(_OFFICE), AnnouncementEvent.TYPE)),
    _people("citizens", "those who reported", _commands_of([Role.CITIZEN])),
)
_ONLY: Final = {
    "identity-desk": {TopicName.IDENTITIES: (ERASED,)},
    "erasers": {TopicName.IDENTITIES: (ERASED,)},
    # they replay records unchanged
    "operators": {TopicName.DEAD_LETTERS: (SETTLED,)},
}


def _client(role: access.AccessRole) -> tuple[Party, ...]:
    return _PEOPLE if role.name == "gateways" else (Party(role.name, role.description, role, _ONLY.get(role.name, {})),)


PARTIES: Final = (
    *(party for role in access.CLIENT_ROLES if role.reads or role.writes for party in _client(role)),
    *map(_stage, access.STAGE_ROLES),
)
"""Clients first, then the stages."""

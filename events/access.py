"""Access rights on the topics, as data: the minimum of each stage and each kind of client.

A right to read or write a topic includes Kafka's Describe. Other rights are denied.
"""

from dataclasses import dataclass
from typing import Final

from events.topics import ALL_TOPICS, STAGES, TopicName

_INTAKE, _COMMANDS, _EVENTS, _STATE = TopicName.INTAKE, TopicName.COMMANDS, TopicName.EVENTS, TopicName.STATE
_LETTERS, _INSTALLATION = TopicName.DEAD_LETTERS, TopicName.INSTALLATION
_PRIVATE: Final = frozenset({TopicName.IDENTITIES, TopicName.TEXTS, TopicName.STORIES})


@dataclass(frozen=True, slots=True)
class AccessRole:
    """Rights of one kind of client; names of groups and transactional ids are without the installation's prefix."""

    name: str
    description: str
    """Description of the role, for people."""
    reads: tuple[TopicName, ...] = ()
    writes: tuple[TopicName, ...] = ()
    sees: tuple[TopicName, ...] = ()
    """Further topics that the role may describe: number of partitions, and log ends."""
    follows: tuple[str, ...] = ()
    """Stages whose committed offsets the role may read."""
    group: str | None = None
    """Consumer group that the role may join; a trailing `-` makes it a prefix."""
    transactional: tuple[str, ...] = ()
    """Transactional ids that the role may use; a trailing `-` makes it a prefix."""
    looks_into: tuple[TopicName, ...] = ()
    """Topics whose settings the role may read."""
    makes: tuple[TopicName, ...] = ()
    """Topics that the role may create."""
    alters: tuple[TopicName, ...] = ()
    """Topics whose settings and number of partitions the role may change."""

    @property
    def topics(self) -> tuple[TopicName, ...]:
        """All topics that this role reads, writes, describes or creates, in the order of their declaration."""
        concerned = {*self.reads, *self.writes, *self.sees, *self.makes}
        return tuple(name for name in ALL_TOPICS if name in concerned)


def _stage(
    name: str,
    writes: tuple[TopicName, ...],
    *,
    memory: tuple[TopicName, ...] = (),
    transactional: bool = False,
    follows: tuple[str, ...] = (),
) -> AccessRole:
    reads = tuple(dict.fromkeys((STAGES[name], *memory, _INSTALLATION)))
    every = (*writes, _LETTERS, _INSTALLATION)
    return AccessRole(
        name,
        "the stage",
        reads=reads,
        writes=every,
        # progress of another stage includes the end of that stage's topic
        sees=tuple(STAGES[stage] for stage in follows),
        follows=follows,
        group=name,
        transactional=(f"{name}-",) if transactional else (),
        # `alur run` checks existing topics
        looks_into=tuple(dict.fromkeys((*reads, *every))),
    )


STAGE_ROLES: Final = (
    # for backpressure
    _stage("intake", (TopicName.IDENTITIES, _COMMANDS), memory=(TopicName.ERASURES,), follows=("lifecycle",)),
    # forwards misrouted commands
    _stage(
        "lifecycle",
        (_COMMANDS, _EVENTS, TopicName.TEXTS, _STATE, TopicName.REJECTIONS),
        memory=(_STATE,),
        transactional=True,
    ),
    # duplicates have equal signatures, which are stored with the texts
    _stage("verification", (_COMMANDS,), memory=(TopicName.TEXTS,)),
    _stage("disposition", (_COMMANDS,)),
    # the watermark depends on the progress of `lifecycle`
    _stage("sla", (_COMMANDS,), follows=("lifecycle",)),
    _stage("escalation", (_COMMANDS,)),
    _stage(
        "resolution",
        (TopicName.STORIES, TopicName.RESOLUTIONS),
        memory=(TopicName.STORIES, TopicName.TEXTS),
        transactional=True,
    ),
)

CLIENT_ROLES: Final = (
    AccessRole("channels", "systems in which citizens report", writes=(_INTAKE,)),
    AccessRole(
        "gateways",
        "portals of officers and citizens",
        reads=(_EVENTS, _STATE, TopicName.REJECTIONS),
        writes=(_COMMANDS,),
        group="gateways-",
    ),
    AccessRole("subscribers", "readers of what is public", reads=(TopicName.RESOLUTIONS,), group="subscribers-"),
    AccessRole("text-readers", "beside another role: readers of texts", reads=(TopicName.TEXTS,)),
    AccessRole("boards", "displays of snapshots", reads=(_STATE,), group="boards-"),
    AccessRole("identity-desk", "people who may see who reported", reads=(TopicName.IDENTITIES, _STATE)),
    AccessRole(
        "publishers",
        "administrators who publish stories (`alur story`)",
        reads=(_EVENTS, TopicName.TEXTS, _STATE, TopicName.REJECTIONS, TopicName.IDENTITIES),
        writes=(_COMMANDS,),
    ),
    AccessRole(
        "erasers",
        "people who erase texts and identities (`alur privacy`)",
        reads=(_EVENTS, _STATE, TopicName.REJECTIONS, TopicName.IDENTITIES, TopicName.ERASURES, _INSTALLATION),
        writes=(_COMMANDS, TopicName.IDENTITIES, TopicName.ERASURES),
        sees=(_INTAKE,),
        follows=("intake", "lifecycle"),
    ),
    AccessRole(
        "operators",
        "people who run it: lag, dead letters, replays",
        reads=(_STATE, TopicName.REJECTIONS, _LETTERS, _INSTALLATION),
        writes=(_INTAKE, _COMMANDS, _LETTERS, _INSTALLATION),
        sees=ALL_TOPICS,
        follows=tuple(STAGES),
        transactional=("dead-letters",),
    ),
    AccessRole(
        "repairers",
        "`alur state repair`, while it is needed",
        reads=(_EVENTS, _STATE, _INSTALLATION),
        writes=(_STATE,),
        transactional=("lifecycle-",),
    ),
    AccessRole(
        "operations-board",
        "`alur board`",
        reads=(_EVENTS, _STATE, TopicName.REJECTIONS, _LETTERS),
        sees=tuple(dict.fromkeys(STAGES.values())),
        follows=tuple(STAGES),
    ),
    AccessRole("mirrors", "`alur mirror`", reads=(_EVENTS, _STATE, TopicName.RESOLUTIONS)),
    AccessRole(
        "auditors",
        "`alur audit`",
        reads=tuple(name for name in ALL_TOPICS if name not in _PRIVATE),
        follows=tuple(STAGES),
    ),
    AccessRole(
        "installers",
        "`alur topics create`",
        reads=(_INSTALLATION,),
        writes=(_INSTALLATION,),
        sees=ALL_TOPICS,
        looks_into=ALL_TOPICS,
        makes=ALL_TOPICS,
        alters=ALL_TOPICS,
    ),
)

ROLES: Final[dict[str, AccessRole]] = {role.name: role for role in (*STAGE_ROLES, *CLIENT_ROLES)}
"""Every role by its name."""

"""The protocol of the runtime as a model, small enough for an exhaustive search.

One step is one thing that happens at once: a request that the broker carries out, or a decision in a process. Between
any two of them anything else may happen: that is all a crash, a pause or a slow network can do. The steps of an owner
are those of `agents/runtime/partition_processor.py`, in its order; `Rules` say which order that is,
so that a test can break it and the search finds it. Here are the states; `steps.py` has what can happen to them,
`invariants.py` what has to hold then.

What is modelled: the logs of two partitions, with open and aborted transactions in them and the last stable offset;
transactional ids with their epochs, transactions that commit in two phases; the group with its generations; owners
that crash, freeze and come back as zombies; commands that are sent on to another partition; the notice of a deadline
and the watermark that it waits for. What is left out: time, sizes, and more than one complaint a partition; a broker
that loses what it has acknowledged (see docs/explanation/guarantees.md for what that rests on).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

PAST: Final = -1
"""An epoch or a generation that is over."""
FENCE, MEMORY, POSITION = "fence", "memory", "position"
OPENING: Final = (FENCE, MEMORY, POSITION)


@dataclass(frozen=True)
class Rules:
    """The rules of the runtime; a test breaks one by changing its default."""

    transactional: bool = True
    """Else: write, then commit to the group, as the stages do whose ids are made from causes."""
    opening: tuple[str, ...] = OPENING
    """The order in which a partition is taken over."""
    offset_in_transaction: bool = True
    skip_in_transaction: bool = True
    """OnExpiry over what is no record is committed in a transaction too."""
    read_committed: bool = True
    write_first: bool = True
    """Write, then commit the offset (where there are no transactions)."""
    ids_from_causes: bool = True
    keeps_over_a_gap: bool = False
    """An owner that missed a generation of the group keeps what it remembers."""
    watermark: str = "end"
    """What notice of a deadline waits for: the `end` of all logs, their last `stable` offsets, or `nothing`."""
    refusals: bool = False
    """The broker may refuse an output: its owner fences itself anew, and processes the batch again."""
    counts_epochs: bool = True
    """After that it goes on only where its epoch is the next one: nobody has fenced it before."""
    remembered: int = 64
    """So many commands that had an effect are known when they are repeated."""


class Kind(Enum):
    """The effect of a command."""

    EFFECT = "effect"
    REFUSED = "refused"
    NOTICE = "notice"


class Command(NamedTuple):
    """A command: its id, the partition of its complaint, its effect, and its deadline."""

    id: str
    home: int = 0
    kind: Kind = Kind.EFFECT
    fair: bool = True
    """It first reached the log before the deadline had passed."""


class Entry(NamedTuple):
    """An entry of a log: a command and its transaction, if any."""

    command: Command
    writer: int | None = None
    """Partition whose owner wrote it, in a transaction that is still open."""
    aborted: bool = False


class Outcome(NamedTuple):
    """The output for the command at an offset: the proof that it was processed."""

    place: int
    what: str


class Transaction(NamedTuple):
    """The open transaction of a transactional id."""

    outcomes: tuple[Outcome, ...] = ()
    offset: int | None = None
    prepared: bool = False
    """Its end is decided; what it wrote is not visible yet."""


class Owner(NamedTuple):
    """A process that believes it owns a partition."""

    step: int = 0
    """How much of the opening is done; then it is open."""
    epoch: int = PAST
    generation: int = 0
    memory: tuple[str, ...] = ()
    next: int = 0
    after: int = 0
    """With a poll in hand: where it ends."""
    decided: tuple[Outcome, ...] = ()
    in_hand: str = ""
    """What of the poll in hand is done: decided, written or promised (the offset is in the transaction, the outputs are
    not), offset (both are); refused, then aborted."""
    before: tuple[str, ...] = ()
    """With a poll in hand that may be refused: what was remembered before it."""
    noted: int = 0
    """Without transactions: the offset that is still to be committed, some time later; 0 is none."""


class Part(NamedTuple):
    """A partition: its log, its outputs, its transactional id, and its owners."""

    log: tuple[Entry, ...] = ()
    written: tuple[Outcome, ...] = ()
    committed: int = 0
    epoch: int = 0
    transaction: Transaction | None = None
    generation: int = 0
    owners: tuple[Owner, ...] = ()
    """The last one is the group's; those before it are zombies."""


class Watermark(NamedTuple):
    """The sla stage: the log ends that it read after the deadline, and how many of them were processed."""

    ends: tuple[int, ...] | None = None
    processed: int = 0
    noticed: bool = False


class World(NamedTuple):
    """The whole state at one moment."""

    parts: tuple[Part, ...]
    to_send: tuple[tuple[int, Command], ...] = ()
    """What clients are still going to send, in this order, and to which partition."""
    faults: int = 0
    """How many more things may go wrong."""
    passed: bool = False
    """The deadline has passed."""
    watermark: Watermark | None = None


def owned(*commands: Command) -> Part:
    """A partition with these commands in its log, and an owner ready to start."""
    return Part(tuple(Entry(command) for command in commands), owners=(Owner(len(OPENING), epoch=0),))


class Broken(Exception):
    """The world violates a promise; the message has which."""


Step = tuple[str, World]

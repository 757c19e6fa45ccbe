"""Invariants of every world of the model."""

from tests.system.protocol.state import Broken, Command, Entry, Kind, Outcome, Owner, Part, Rules, World


def fold(log: tuple[Entry, ...], number: int, rules: Rules) -> tuple[list[Outcome], tuple[str, ...]]:
    """Expected results of the commands of partition `number` in order, and the remembered ids."""
    outcomes: list[Outcome] = []
    memory: tuple[str, ...] = ()
    for place, entry in enumerate(log):
        if not entry.aborted:
            outcome, memory = handle(entry.command, place, number, memory, rules)
            outcomes += outcome
    return outcomes, memory


def handle(
    command: Command, place: int, number: int, memory: tuple[str, ...], rules: Rules
) -> tuple[list[Outcome], tuple[str, ...]]:
    """The effect of one command: pure, like `handle` of a stage."""
    if not rules.transactional:
        return [Outcome(place, f"sent {command.id}")], memory
    if command.home != number:
        return [Outcome(place, f"forwarded {command.id}")], memory
    if command.kind is Kind.REFUSED:
        return [Outcome(place, f"refused {command.id}")], memory
    if command.kind is Kind.NOTICE:
        answered = any(known.startswith("F") for known in memory)
        return [Outcome(place, "nothing to notice" if answered else "breached")], memory
    if command.id in memory[-rules.remembered :]:
        return [], memory
    return [Outcome(place, f"effect {command.id}")], (*memory, command.id)


def check(world: World, rules: Rules) -> None:
    """Check the invariants of a world.

    Raises:
        Broken: it is not so.
    """
    for number, part in enumerate(world.parts):
        done = part.log[: part.committed]
        if any(entry.writer is not None for entry in done):
            raise Broken(f"partition {number}: {part.committed} is committed beyond an open transaction")
        expected, _ = fold(done, number, rules)
        if rules.transactional:
            _exactly(number, part.written, expected)
        else:
            _at_least(number, part, rules)
        for owner in part.owners:
            _remembers(number, part, owner, rules)
    _fair(world)


def _exactly(number: int, written: tuple[Outcome, ...], expected: list[Outcome]) -> None:
    # no less: nothing is committed without its outputs; no more: nothing is there twice, or of a fenced owner
    if list(written) != expected:
        raise Broken(
            f"partition {number}: {[*map(str, written)]} is written, and committed are {[*map(str, expected)]}"
        )


def _at_least(number: int, part: Part, rules: Rules) -> None:
    ids = [outcome if rules.ids_from_causes else Outcome(at, outcome.what) for at, outcome in enumerate(part.written)]
    first = list(dict.fromkeys(ids))
    expected, _ = fold(part.log, number, rules)
    if first != expected[: len(first)]:
        raise Broken(f"partition {number}: {first} is no beginning of {expected}")
    if len(first) < part.committed:
        raise Broken(f"partition {number}: {part.committed} is committed, and written only {first}")


def _remembers(number: int, part: Part, owner: Owner, rules: Rules) -> None:
    """A new owner has the state of the log up to its start position."""
    is_ours = owner is part.owners[-1] and owner.epoch == part.epoch
    if rules.transactional and owner.step == len(rules.opening) and is_ours and not owner.in_hand:
        _, memory = fold(part.log[: owner.next], number, rules)
        if owner.memory != memory:
            raise Broken(f"partition {number}: remembered is {owner.memory} and not {memory}")


def _fair(world: World) -> None:
    for number, part in enumerate(world.parts):
        breached = any(outcome.what == "breached" for outcome in part.written)
        answers = [
            entry.command
            for each in world.parts
            for entry in each.log
            if entry.command.home == number and entry.command.id.startswith("F") and entry.command.fair
        ]
        if breached and answers:
            raise Broken(f"partition {number}: breached, although {answers[0].id} had reached the log in time")


def settled(world: World) -> bool:
    """Return whether all commands have been processed."""
    return not world.to_send and all(part.committed == len(part.log) for part in world.parts)

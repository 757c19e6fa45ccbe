"""Possible next steps in a world: of the broker, the group, an owner or the watermark."""

from collections.abc import Iterator

from tests.system.protocol.invariants import handle
from tests.system.protocol.state import (
    FENCE,
    MEMORY,
    PAST,
    POSITION,
    Command,
    Entry,
    Kind,
    Owner,
    Part,
    Rules,
    Step,
    Transaction,
    Watermark,
    World,
)


def steps(world: World, rules: Rules) -> Iterator[Step]:
    """All possible steps, each with its name and the world after it."""
    for step, after in _steps(world, rules):
        yield step, _without_the_fenced(after, rules)


def _without_the_fenced(world: World, rules: Rules) -> World:
    """Drop fenced owners that can do nothing else, to shorten the search."""
    if not (rules.transactional and rules.skip_in_transaction) or rules.keeps_over_a_gap or rules.refusals:
        return world
    for number, part in enumerate(world.parts):
        left = tuple(each for each in part.owners if each.epoch != PAST or each.step < len(rules.opening))
        if len(left) < len(part.owners):
            world = _with(world, number, owners=left)
    return world


def _steps(world: World, rules: Rules) -> Iterator[Step]:
    if world.to_send:
        (number, command), *rest = world.to_send
        sent = command._replace(fair=not world.passed)
        log = (*world.parts[number].log, Entry(sent))
        yield f"{command.id} is sent to {number}", _with(world, number, log=log)._replace(to_send=tuple(rest))
    for number, part in enumerate(world.parts):
        yield from _broker(world, number, part)
        yield from _group(world, number, part, rules)
        for index in range(len(part.owners)):
            yield from _owner(world, number, index, rules)
    if world.watermark is not None:
        yield from _sla(world, world.watermark, rules)


def _with(world: World, number: int, **changes: object) -> World:
    part = _counted_from_now(world.parts[number]._replace(**changes))  # type: ignore[arg-type]  # by name, as in _replace
    return world._replace(parts=(*world.parts[:number], part, *world.parts[number + 1 :]))


def _counted_from_now(part: Part) -> Part:
    """Normalize worlds that differ in their past only."""
    if part.epoch == part.generation == 0:
        return part  # nothing is newer than what was the latest before
    owners = tuple(
        owner._replace(
            epoch=0 if owner.epoch == part.epoch else PAST,
            generation=0 if owner.generation == part.generation else PAST,
        )
        for owner in part.owners
    )
    return part._replace(owners=owners, epoch=0, generation=0)


def _put(world: World, number: int, index: int, owner: Owner) -> World:
    owners = world.parts[number].owners
    return _with(world, number, owners=(*owners[:index], owner, *owners[index + 1 :]))


def _gone(world: World, number: int, index: int) -> World:
    owners = world.parts[number].owners
    return _with(world, number, owners=owners[:index] + owners[index + 1 :])


def _ended(world: World, number: int, *, commit: bool) -> World:
    """End the transaction of a partition's owner: markers are in all logs that it wrote to."""
    part = world.parts[number]
    transaction = part.transaction or Transaction()
    if commit:
        offset = part.committed if transaction.offset is None else transaction.offset
        world = _with(world, number, written=part.written + transaction.outcomes, committed=offset)
    world = _with(world, number, transaction=None)
    for other, each in enumerate(world.parts):
        log = tuple(
            entry._replace(writer=None, aborted=not commit) if entry.writer == number else entry for entry in each.log
        )
        world = _with(world, other, log=log)
    return world


def _broker(world: World, number: int, part: Part) -> Iterator[Step]:
    transaction = part.transaction
    if transaction is None:
        return
    if transaction.prepared:
        yield f"the transaction of {number} is committed", _ended(world, number, commit=True)
    elif world.faults:
        # too slow: the broker ends it, and fences its producer
        after = _ended(world, number, commit=False)._replace(faults=world.faults - 1)
        yield f"the transaction of {number} times out", _with(after, number, epoch=part.epoch + 1)


def _group(world: World, number: int, part: Part, rules: Rules) -> Iterator[Step]:
    generation = part.generation + 1
    if not part.owners or part.owners[-1].generation != part.generation:
        new = Owner(generation=generation)
        yield (
            f"{number} is assigned to somebody new",
            _with(world, number, owners=(*part.owners, new), generation=generation),
        )
    if not world.faults:
        return
    fewer = world._replace(faults=world.faults - 1)
    if part.owners and part.owners[-1].generation == part.generation:
        # frozen for longer than a session, or slow to hear of a rebalance: it goes on as if nothing had happened
        new = Owner(generation=generation)
        owners = (*part.owners, new)
        yield f"{number} is taken from its owner", _with(fewer, number, owners=owners, generation=generation)
        # a clean stop and a rebalance are a crash without work in progress
        yield f"the owner of {number} crashes", _with(fewer, number, owners=part.owners[:-1], generation=generation)
    for index, zombie in enumerate(part.owners[:-1]):
        kept = zombie if rules.keeps_over_a_gap else Owner()
        if rules.keeps_over_a_gap and (zombie.in_hand or zombie.step < len(rules.opening)):
            continue
        others = part.owners[:index] + part.owners[index + 1 :]
        owners = (*others, kept._replace(generation=generation))
        yield f"{number} comes back to an owner of before", _with(fewer, number, owners=owners, generation=generation)


def _owner(world: World, number: int, index: int, rules: Rules) -> Iterator[Step]:
    part = world.parts[number]
    owner = part.owners[index]
    name = f"{'the owner' if owner.generation == part.generation else f'zombie {index + 1}'} of {number}"
    if owner.step < len(rules.opening):
        yield from _open(world, number, index, rules, name)
        return
    if owner.noted:
        yield from _commit_to_group(world, number, index, name)
    if rules.refusals:
        yield from _refuse(world, number, index, rules, name)
    if owner.in_hand in {"refused", "aborted"}:
        return
    if owner.in_hand:
        yield from (_settle if rules.transactional else _settle_plainly)(world, number, index, rules, name)
    else:
        yield from _poll(world, number, index, rules, name)


def _open(world: World, number: int, index: int, rules: Rules, name: str) -> Iterator[Step]:
    part = world.parts[number]
    owner = part.owners[index]
    what, owner = rules.opening[owner.step], owner._replace(step=owner.step + 1)
    if FENCE not in rules.opening:
        owner = owner._replace(epoch=part.epoch)
    if what == FENCE and rules.transactional:
        if part.transaction is not None and part.transaction.prepared:
            return  # the broker has it wait until the transaction before is over
        world = _with(_ended(world, number, commit=False), number, epoch=part.epoch + 1)
        owner = owner._replace(epoch=world.parts[number].epoch)
    elif what == MEMORY:
        owner = owner._replace(memory=_state(part))
    elif what == POSITION:
        owner = owner._replace(next=part.committed)
    yield f"{name}: {what}", _put(world, number, index, owner)


def _state(part: Part) -> tuple[str, ...]:
    """The restored state: as committed now, whatever the offset is."""
    return tuple(each.what.removeprefix("effect ") for each in part.written if each.what.startswith("effect"))


def _readable(part: Part, owner: Owner, rules: Rules) -> int:
    """The last stable offset: nothing behind an open transaction is read."""
    end = owner.next
    while end < len(part.log) and (part.log[end].writer is None or not rules.read_committed):
        end += 1
    return end


def _poll(world: World, number: int, index: int, rules: Rules, name: str) -> Iterator[Step]:
    part = world.parts[number]
    owner = part.owners[index]
    end = _readable(part, owner, rules)
    if end == owner.next:
        return
    first = owner.next
    while first < end and part.log[first].aborted:
        first += 1
    if first > owner.next:
        # a poll that found nothing but what was aborted, and stands behind it
        skip = owner._replace(after=first, in_hand="skip" if not rules.skip_in_transaction else "decided", decided=())
        yield f"{name}: passes over to {first}", _put(world, number, index, skip)
    if first == end:
        return
    memory, decided = owner.memory, []
    for place in range(owner.next, end):
        if not part.log[place].aborted:
            outcomes, memory = handle(part.log[place].command, place, number, memory, rules)
            decided += outcomes
    before = owner.memory if rules.refusals else ()
    owner = owner._replace(memory=memory, before=before, after=end, decided=tuple(decided), in_hand="decided")
    yield f"{name}: decides {first} to {end}", _put(world, number, index, owner)


def _settle(world: World, number: int, index: int, rules: Rules, name: str) -> Iterator[Step]:
    part = world.parts[number]
    owner = part.owners[index]
    if owner.in_hand == "skip":
        yield from _commit_to_group(world, number, index, name)
        return
    if owner.epoch != part.epoch:
        yield f"{name}: is fenced, and dies", _gone(world, number, index)
        return
    transaction = part.transaction or Transaction()
    if owner.in_hand in {"decided", "promised"}:
        written = transaction._replace(outcomes=transaction.outcomes + owner.decided)
        after = _with(world, number, transaction=written)
        for outcome in owner.decided:
            if outcome.what.startswith("forwarded"):
                command = part.log[outcome.place].command
                after = _with(after, command.home, log=(*after.parts[command.home].log, Entry(command, writer=number)))
        done = "written" if owner.in_hand == "decided" else "offset"
        yield f"{name}: produces", _put(after, number, index, owner._replace(in_hand=done))
    # both are asked for at once, and either may be first
    if owner.in_hand in {"decided", "written"}:
        offset = owner.after if rules.offset_in_transaction else None
        after = _with(world, number, transaction=transaction._replace(offset=offset))
        done = "promised" if owner.in_hand == "decided" else "offset"
        yield f"{name}: adds the offset", _put(after, number, index, owner._replace(in_hand=done))
    elif owner.in_hand == "offset" and not transaction.prepared:
        after = _with(world, number, transaction=transaction._replace(prepared=True))
        done = "ending" if rules.offset_in_transaction else "skip"
        yield f"{name}: commits", _put(after, number, index, owner._replace(in_hand=done))
    elif owner.in_hand == "ending" and part.transaction is None:
        done_with = owner._replace(next=owner.after, decided=(), before=(), in_hand="", after=0)
        yield f"{name}: has settled", _put(world, number, index, done_with)


def _refuse(world: World, number: int, index: int, rules: Rules, name: str) -> Iterator[Step]:
    part = world.parts[number]
    owner = part.owners[index]
    if world.faults and owner.in_hand in {"decided", "promised"}:
        # what is too large is refused before it is asked whose it is
        refused = owner._replace(memory=owner.before, before=(), decided=(), after=0, in_hand="refused")
        yield f"{name}: is refused an output", _put(world, number, index, refused)._replace(faults=world.faults - 1)
    elif owner.in_hand == "refused" and owner.epoch != part.epoch:
        yield f"{name}: is fenced, and dies", _gone(world, number, index)
    elif owner.in_hand == "refused":
        after = _ended(world, number, commit=False)
        yield f"{name}: aborts", _put(after, number, index, owner._replace(in_hand="aborted"))
    elif owner.in_hand == "aborted" and (part.transaction is None or not part.transaction.prepared):
        after = _with(_ended(world, number, commit=False), number, epoch=part.epoch + 1)
        if owner.epoch != part.epoch and rules.counts_epochs:
            yield f"{name}: fences anew, finds that it was fenced, and dies", _gone(after, number, index)
        else:
            again = owner._replace(epoch=after.parts[number].epoch, in_hand="")
            yield f"{name}: fences anew, and begins again", _put(after, number, index, again)


def _settle_plainly(world: World, number: int, index: int, rules: Rules, name: str) -> Iterator[Step]:
    part = world.parts[number]
    owner = part.owners[index]
    writes = owner.in_hand == ("decided" if rules.write_first else "written")
    if writes:
        # one by one: a crash may come between them
        first, *rest = owner.decided
        left = owner._replace(decided=tuple(rest), in_hand=owner.in_hand if rest else "written")
        if not rest and not rules.write_first:
            left = left._replace(next=owner.after, in_hand="")
        after = _with(world, number, written=(*part.written, first))
        yield f"{name}: writes {first.what}", _put(after, number, index, left)
    elif rules.write_first:
        # committed some time later, perhaps with what comes after it
        noted = owner._replace(next=owner.after, noted=owner.after, decided=(), in_hand="", after=0)
        yield f"{name}: notes {owner.after}", _put(world, number, index, noted)
    else:
        for label, after in _commit_to_group(world, number, index, name):
            if len(after.parts[number].owners) == len(part.owners):
                yield label, _put(after, number, index, owner._replace(in_hand="written"))
            else:
                yield label, after


def _commit_to_group(world: World, number: int, index: int, name: str) -> Iterator[Step]:
    """Commit as a member of the group, which checks the generation only."""
    part = world.parts[number]
    owner = part.owners[index]
    if owner.generation != part.generation:
        yield f"{name}: is no member any more, and dies", _gone(world, number, index)
        return
    offset = owner.noted or owner.after
    settled = owner._replace(next=offset, decided=(), in_hand="", after=0)
    done = owner._replace(noted=0) if owner.noted else settled
    yield f"{name}: commits {offset}", _put(_with(world, number, committed=offset), number, index, done)


def _sla(world: World, watermark: Watermark, rules: Rules) -> Iterator[Step]:
    if not world.passed:
        yield "the deadline passes", world._replace(passed=True)
    elif watermark.noticed:
        return
    elif watermark.ends is None:
        ends = tuple(_end(part, rules) for part in world.parts)
        yield f"sla: looks at {ends}", world._replace(watermark=Watermark(ends))
    elif watermark.processed == len(world.parts):
        log = (*world.parts[0].log, Entry(Command("notice", 0, Kind.NOTICE)))
        yield "sla: gives notice", _with(world, 0, log=log)._replace(watermark=watermark._replace(noticed=True))
    else:
        number = watermark.processed
        if world.parts[number].committed >= watermark.ends[number]:
            yield f"sla: sees {number} processed", world._replace(watermark=watermark._replace(processed=number + 1))


def _end(part: Part, rules: Rules) -> int:
    if rules.watermark == "nothing":
        return 0
    if rules.watermark == "end":
        return len(part.log)
    return next((at for at, entry in enumerate(part.log) if entry.writer is not None), len(part.log))

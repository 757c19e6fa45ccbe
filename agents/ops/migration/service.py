"""Migration of an installation to another prefix: plan, copy, hand over, compare."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from agents.kafka.group_progress import mark
from agents.ops.audit import audit
from agents.ops.migration.copying import CHECKSUM_BITS, Copy, OnProgress, TopicProgress, read_back
from agents.ops.migration.plan import COPIED, MigrationRefused, Plan, run, settled_ends, stable_ends
from agents.ops.offsets import set_offsets
from agents.ops.topics import alter_topics, create_topics, ensure_topics
from agents.runtime import failpoints
from agents.runtime.installation import change_now
from agents.runtime.topic_layout import describe_topics
from events.client import extents
from events.client.administration import admin_client, topics_missing
from events.client.reader import installation_values
from events.installation import (
    FIRST_POSITIONS,
    INCIDENTS,
    KEY_PREFIX,
    LAYOUT_KEY,
    MARKS,
    MIGRATION_KEY,
    TEXTS_KEY,
    begun_key,
    incidents_in,
    writer_key,
)
from events.provenance import MARKED
from events.topics import ALL_TOPICS, BY_NAME, FROM_MEMORY, INWARD, STAGES, TopicName

_COPYING: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "message.timestamp.type": "CreateTime"}
"""Settings of the copied topics until the comparison: Kafka deletes nothing, and keeps original timestamps."""
_OWN_KEYS: Final = (LAYOUT_KEY, MARKS, INCIDENTS, MIGRATION_KEY, FIRST_POSITIONS, "begun/", "writer/")
"""Prefixes of the keys that are not copied, since the new installation record has its own."""


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a migration has copied and compared."""

    written: dict[TopicName, int]
    """Records in each topic."""
    left_out: dict[TopicName, int]
    """Records that were not copied, since the engine ignores them."""
    complaints: int
    facts: int
    findings: int
    """Findings of `alur audit`, the same in both installations."""


def migrate(plan: Plan, report: OnProgress, on_step: Callable[[str], None]) -> MigrationReport:
    """Copy an installation as planned, or resume a copy; a complete one stays unchanged.

    `report` is called during the copy, `on_step` with the name of each step. Raises MigrationRefused: the target
    contains something else, the source has changed, or the copies differ.
    """
    entry = _entry(plan)
    if entry is None or "written" not in entry:
        _begin(plan)
        run(Copy(plan, report).run())
        on_step("comparing records")
        # recorded first: compaction may delete compared records from here on
        _note(plan, written=_compared(plan))
    on_step("handing over offsets and the installation record")
    _hand_over(plan)
    on_step("auditing both installations")
    complaints, facts, findings = _audited(plan)
    if settled_ends(plan.source) != plan.ends:
        raise _changed(plan)
    _note(plan, complete=True)
    values = installation_values(plan.target)
    written = {topic: values[MIGRATION_KEY]["written"].get(topic, 0) for topic in COPIED}
    left_out = {topic: TopicProgress.of(values, topic).left_out for topic in COPIED}
    return MigrationReport(written, left_out, complaints, facts, findings)


def completed(plan: Plan) -> bool:
    """Check whether this migration is already complete; raise MigrationRefused for another one."""
    with admin_client(plan.target) as client:
        topics = describe_topics(client, plan.target, ALL_TOPICS)
    for name, topic in topics.items():
        if topic.partitions != BY_NAME[name].partitions_in(plan.target.partitions):
            raise MigrationRefused(f"{plan.target.prefix!r} has topics with other numbers of partitions: {_anew(plan)}")
    entry = _entry(plan)
    if entry is None:
        if topics and any(extent.offsets for extent in extents(plan.target, list(topics)).values()):
            raise MigrationRefused(f"{plan.target.prefix!r} is in use, and not by a migration: give another prefix")
        return False
    if entry["from"] != plan.source.prefix:
        raise MigrationRefused(f"{plan.target.prefix!r} holds a migration from {entry['from']!r}: give another prefix")
    if entry["texts"] != plan.texts:
        raise MigrationRefused(
            f"the migration to {plan.target.prefix!r} began with --texts {entry['texts']}: give that again"
        )
    if entry["ends"] != plan.ends:
        raise _changed(plan)
    return bool(entry["complete"])


def _entry(plan: Plan) -> dict[str, Any] | None:
    """Return the entry of the migration in the target's installation record; None without one."""
    if topics_missing(plan.target, [TopicName.INSTALLATION]):
        return None
    entry: dict[str, Any] | None = installation_values(plan.target).get(MIGRATION_KEY)
    return entry


def _note(plan: Plan, **more: object) -> None:
    begun = {"from": plan.source.prefix, "ends": plan.ends, "texts": plan.texts, "complete": False}
    change_now(plan.target, lambda values: {MIGRATION_KEY: begun | values.get(MIGRATION_KEY, {}) | more})


def _begin(plan: Plan) -> None:
    """Create missing topics, and record the migration before the copy."""
    target = plan.target
    with admin_client(target) as client:
        missing = set(ALL_TOPICS) - describe_topics(client, target, ALL_TOPICS).keys()
        for names, more in ((missing & set(COPIED), _COPYING), (missing - set(COPIED), {})):
            if names:
                create_topics(client, target, names, more)
        alter_topics(client, {target.topic(name): _COPYING for name in COPIED})
    _note(plan)


def _compared(plan: Plan) -> dict[str, int]:
    """Read the copy back and return the number of records of each topic; raise MigrationRefused if it differs."""
    values = installation_values(plan.target)
    parts = [TopicProgress.of(values, topic).written for topic in COPIED]
    copied = run(read_back(plan.target))
    for topic, read in copied.items():
        written = [each[topic] for each in parts if topic in each]
        wanted = sum(count for count, _ in written), sum(total for _, total in written) & CHECKSUM_BITS
        if read != wanted:
            raise MigrationRefused(
                f"{plan.target.topic(topic)} has {read[0]} records instead of {wanted[0]}, or other ones: {_anew(plan)}"
            )
    return {topic: count for topic, (count, _) in copied.items()}


def _hand_over(plan: Plan) -> None:
    """Write what the stages need to start: topic settings, marked offsets, and the installation record."""
    target, count = plan.target, plan.target.partitions
    partitions = {
        stage: [TopicPartition(target.topic(topic), n) for n in range(count)] for stage, topic in STAGES.items()
    }
    ends = run(stable_ends(target, [partition for each in partitions.values() for partition in each]))
    first = plan.values.get(FIRST_POSITIONS, {})
    first_positions = {str(topic): first.get(topic, 0) + max(plan.ends[topic]) for topic in INWARD}
    kept = {key: value for key, value in plan.values.items() if not key.startswith(_OWN_KEYS)}
    decided = {
        KEY_PREFIX: plan.source.prefix,
        **kept,
        **_incidents(plan),
        FIRST_POSITIONS: first_positions,
        TEXTS_KEY: plan.texts,
        **{f"{MARKS}{stage}": True for stage in STAGES},
        **{begun_key(stage, n): True for stage in STAGES if stage != FROM_MEMORY for n in range(count)},
        **{writer_key(topic, n): 0 for topic in MARKED for n in range(count)},
    }
    with admin_client(target) as client:
        alter_topics(client, {target.topic(name): BY_NAME[name].config_on(target.replication) for name in COPIED})
        for stage in STAGES:
            if stage != FROM_MEMORY:
                offsets = {
                    partition: OffsetAndMetadata(ends[partition], mark(ends[partition]), -1)
                    for partition in partitions[stage]
                }
                set_offsets(client, target.group(stage), offsets)
    failpoints.reach("after-offsets")
    change_now(target, lambda _: decided)
    ensure_topics(target, mend=True)


def _incidents(plan: Plan) -> Mapping[str, Any]:
    """Return the incidents with the former topic names, since their positions are those of the former topics."""
    incidents = [replace(each, topic=f"{each.topic}@{plan.source.prefix}") for each in incidents_in(plan.values)]
    return {each.key: each.to_value() for each in incidents}


def _audited(plan: Plan) -> tuple[int, int, int]:
    """Audit both installations; return the counts of complaints, facts and findings, or raise MigrationRefused."""
    old, new = audit(plan.source), audit(plan.target)
    old_findings = {(each.code, each.complaint) for each in old.violations}
    added = [each for each in new.violations if (each.code, each.complaint) not in old_findings]
    counted = [(each.counts.complaints, each.counts.facts) for each in (old, new)]
    if added or counted[0] != counted[1]:
        difference = str(added[0]) if added else f"{counted[1]} complaints and facts instead of {counted[0]}"
        raise MigrationRefused(f"the audit of {plan.target.prefix!r} differs: {difference}: {_anew(plan)}")
    return *counted[1], len(new.violations)


def _changed(plan: Plan) -> MigrationRefused:
    return MigrationRefused(
        f"the topics of {plan.source.prefix!r} have new records since the migration began: stop the senders, let "
        f"its stages finish and stop them, then {_anew(plan)}"
    )


def _anew(plan: Plan) -> str:
    pattern = re.escape(plan.target.prefix) + r"complaints\..*"
    return f"delete the topics of {plan.target.prefix!r} (kafka-topics --delete --topic '{pattern}') and start again"

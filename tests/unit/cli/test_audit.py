"""Output of `alur audit` for its findings."""

from agents.cli.audit import HOLDS, last_line
from events.topics import RecordPosition, TopicName
from workflow.audit.complaint_history import Code
from workflow.audit.invariants import Audit


def test_each_kind_of_violation_breaks_one_thing_that_should_hold() -> None:
    named = [code for codes, _ in HOLDS.values() for code in codes]
    assert sorted(named) == sorted(set(Code) - {Code.IDENTITY_EXPOSED, Code.IDENTIFIER_PUBLISHED})


def test_the_last_line_counts() -> None:
    audit = Audit(lambda _: 0)
    audit.take_dead_letter(None)
    audit.note(RecordPosition(TopicName.COMMANDS, 0, 7), None, (Code.COMMAND_LOST, "gone"))
    assert last_line(audit) == (
        "audit: reports=0 complaints=0 facts=0 commands=0 pending=0 dead=1 differing=0 violations=1 lost=1 doubled=0"
    )

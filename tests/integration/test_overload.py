"""More than the engine can carry: the backlog blocks no other input, and memory stays bounded."""

import json
from pathlib import Path

from agents.ops.progress import lag
from agents.stages.intake import COMMANDS_WAITING
from tests.support.engines import SHORTEST_PAUSE, Engine, command_event, eventually, report_event

FLOOD = 8_000
HEAVY = 100
MEGABYTE = 1_000_000


def _memory(engine: Engine, stage: str, what: str = "VmHWM") -> float:
    """A stage's resident memory in MB, at the most so far or now (VmRSS)."""
    status = Path(f"/proc/{engine.processes[stage].pid}/status").read_text()
    return next(int(line.split()[1]) / 1_000 for line in status.splitlines() if line.startswith(what))


def test_an_officer_does_not_queue_behind_a_flood_of_reports(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start("intake", "lifecycle")
    held = engine.report("held")
    engine.await_status(held, "registered")
    reports = [report_event(f"flood-{number}", reporter=None) for number in range(FLOOD)]
    engine.send_reports(reports)
    sent, answered, most = 0, 0, 0

    def over() -> bool:
        """Send a command to each complaint that stands; look at who waits for whom."""
        nonlocal sent, answered, most
        behind = {stage: sum(partitions.values()) for stage, partitions in lag(engine.settings).items()}
        most = max(most, behind["lifecycle"])
        if behind["intake"] > FLOOD / 4:
            event = command_event("verify-complaint", held, "/offices/nobody", {})
            engine.send("complaints.commands", json.dumps(event).encode(), held.encode())
            # it is refused; to read all facts as well would take longer than the flood lasts
            engine.await_answer(event["id"], ["complaints.rejections"])
            sent += 1
            answered += sum(lag(engine.settings)["intake"].values()) > 0
        return not behind["intake"] and not behind["lifecycle"]

    eventually("the flood is over", over, longest_pause=SHORTEST_PAUSE)  # each look is a measurement
    # what was on its way when intake looked last comes on top: one poll
    assert most < 2 * COMMANDS_WAITING, "commands wait in a short queue"
    assert sent > 0, "the flood was over too soon to try"
    assert answered > 0, "officers are answered while reports still wait"
    assert len({event["subject"] for event in engine.events()}) == FLOOD + 1


def test_records_of_a_megabyte_each_neither_fill_the_memory_nor_starve_the_others(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start("intake", "lifecycle")
    engine.await_status(engine.report("before"), "registered")
    before = {stage: _memory(engine, stage, "VmRSS") for stage in ("intake", "lifecycle")}
    heavy = json.dumps(report_event("heavy", body="x" * (MEGABYTE - 2_000))).encode()
    for topic in ("complaints.intake", "complaints.commands"):
        engine.send_all(topic, [(str(number).encode(), heavy) for number in range(HEAVY)])
    engine.await_status(engine.report("behind-them"), "registered")
    engine.await_quiet({"intake", "lifecycle"})
    for stage, megabytes in before.items():
        # a poll of each partition, read, dead-lettered and read ahead: not the whole backlog
        assert _memory(engine, stage) - megabytes < HEAVY / 2, stage

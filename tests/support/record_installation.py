"""Record an installation of an older version, with complaints in every status, for the test of the upgrade.

    python -m tests.support.record_installation CHECKOUT POLICY FILE

CHECKOUT is a working tree of that version; the stages and the command line run from it. Needs to be done once for each
release; the file is kept in tests/golden/installations/.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from agents.cli.context import say
from agents.config.settings import Settings
from agents.local_broker import running_broker
from events.topics import STAGES
from tests.support.engines import Engine, command_event, report_event
from tests.support.installations import record

CITIZEN, ADMIN, PARTITIONS = "/citizens/anonymous", "/offices/panrb", 3


def _alur(settings: Settings, *arguments: str) -> None:
    command = [sys.executable, "-c", "from agents.cli import main; main()", *arguments]
    subprocess.run(
        command, check=True, env={**os.environ, **settings.to_environment(), "ALUR_PARTITIONS": str(PARTITIONS)}
    )


class Story:
    """Citizens and officers of the recorded installation."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def report(self, name: str, **data: Any) -> str:
        """Submit a report that is unique."""
        data.setdefault("reporter", {"name": "Ni Luh Contoh", "phone": "0800-000-000"})
        return self.engine.report(name, title=f"Laporan {name}", body=f"Lampu jalan padam, tiang {name}.", **data)

    def does(self, complaint: str, name: str, source: str, **data: Any) -> None:
        """Send a command and wait for its result."""
        self.engine.await_answer(self.engine.command(name, complaint, source, data))

    def disposed(self, name: str, **data: Any) -> tuple[str, str]:
        """Return a disposed complaint and its office."""
        complaint = self.report(name, **data)
        if self.engine.settings.policy == "lapor":
            self.engine.await_status(complaint, "registered")
            self.does(complaint, "verify-complaint", ADMIN)
        return complaint, f"/offices/{self.engine.await_status(complaint, 'disposed')['office']}"

    def followed_up(self, name: str) -> tuple[str, str]:
        """Return one with a follow-up."""
        complaint, office = self.disposed(name)
        self.does(complaint, "record-follow-up", office, text="Sudah ditangani.")
        return complaint, office

    def create_complaints(self) -> None:
        """Create complaints in every status, and all other kinds of records."""
        engine = self.engine
        settled, _ = self.followed_up("closed")
        self.does(settled, "close-complaint", ADMIN)
        self.does(settled, "rate-resolution", CITIZEN, rating=4)
        withdrawn = self.report("withdrawn")
        engine.await_status(withdrawn, "registered", "disposed")
        self.does(withdrawn, "withdraw-complaint", CITIZEN)
        archived, office = self.disposed("archived")
        self.does(archived, "return-disposition", office, reason="bukan wewenang")
        self.does(archived, "archive-complaint", ADMIN, reason="spam")
        engine.send("complaints.intake", b"no report")
        engine.send("complaints.commands", b"\xff\xfe", b"nobody")
        engine.send("complaints.intake", json.dumps(report_event("1", body="", location=None)).encode())
        for number in range(3):
            self.report(f"registered {number}")
            self.disposed(f"disposed {number}", secret=number == 1)
        self.report("postponed", location=None)
        answered, office = self.followed_up("replied")
        self.does(answered, "reply-to-follow-up", CITIZEN, text="Masih padam.")
        asked, office = self.disposed("extension")
        self.does(asked, "request-extension", office, working_days=2, reason="menunggu kabel")
        self.does(asked, "close-complaint", ADMIN)  # refused
        self.followed_up("followed up")
        engine.report("followed up", "/channels/web", title="Laporan followed up", body="Lampu jalan padam.")
        stray = command_event("withdraw-complaint", self.report("stray"), CITIZEN, {})
        engine.send("complaints.commands", json.dumps(stray).encode(), b"stray", partitioner="consistent_random")
        announced = ("--name", "Cuti bersama", "--decree", "SKB 3 Menteri", "--wait", "60")
        _alur(engine.settings, "calendar", "announce", "2027-01-04", *announced)


def main() -> int:
    """Run it."""
    checkout, policy, file = Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3]).resolve()
    with running_broker(os.environ, say) as broker, tempfile.TemporaryDirectory() as folder:
        settings = Settings(broker=broker, prefix="recorded.", policy=policy, partitions=PARTITIONS)
        os.chdir(checkout)  # what is run with `-m` is found here first
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        _alur(settings, "topics", "create")
        engine = Engine(settings, Path(folder) / "stages.log")
        for stage in STAGES:
            # joined, it is no stage to be forked from this version
            engine.start_script(stage, Path("-mfaust"), "-A", f"agents.{stage}", "worker", "-l", "error")
        engine.await_quiet()
        story = Story(engine)
        story.create_complaints()
        for number in range(4):
            story.disposed(f"at the end {number}")
        # in the middle of its work; records that arrive while nothing runs are processed after the upgrade
        engine.stop()
        late = story.report("unread")
        engine.command("withdraw-complaint", late, CITIZEN)
        found = record(settings)
    found.save(file)
    say(f"{file}: {len(found.records)} records, {file.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

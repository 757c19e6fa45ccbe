"""An installation of an older release is upgraded, and then moves to another prefix."""

import re
import subprocess
import uuid
from pathlib import Path

import pytest

from agents.config.keys import Keys
from agents.config.settings import Settings
from events.texts import PLACEHOLDER
from tests.integration.test_migrate import ADMIN, ANSWERED, CLOSED, alur, go, last_snapshots, migrating, moved
from tests.support.engines import Engine, eventually
from tests.support.installations import Installation, restore

INSTALLATIONS = sorted((Path(__file__).parents[1] / "golden" / "installations").glob("0.1.0-*"))


@pytest.mark.parametrize("file", INSTALLATIONS, ids=lambda file: file.name.partition(".jsonl")[0])
def test_an_installation_of_an_older_release_moves_once_it_is_upgraded(file: Path, broker: str, tmp_path: Path) -> None:
    """Twice, with texts in facts and with texts apart: a migration leaves the old topics as they are."""
    old = Installation.load(file)
    key_file = tmp_path / "keys"
    Keys.generate(key_file)
    prefix = f"t{uuid.uuid4().hex[:12]}."
    settings = Settings(broker, prefix, policy=old.policy, partitions=old.partitions, key_file=str(key_file))
    restore(old, settings)
    engine = Engine(settings, tmp_path / "stages.log")
    for step in (("topics", "create"), ("offsets", "accept")):
        assert alur(settings, *step).returncode == 0
    engine.start()
    facts, apart = moved(engine, old.partitions + 3), moved(engine, old.partitions + 3)
    try:
        repeated = engine.report("repeated")
        engine.await_quiet(seconds=240)
        engine.stop()
        engine.command("close-complaint", str(uuid.uuid4()), ADMIN)
        unread = migrating(engine, facts)
        # under the policy in seconds other stages may have left it some as they ended
        assert re.search(r"lifecycle has [1-9]\d* records? of", unread.stderr), unread.stderr
        done = eventually("nothing is left unread", lambda: drained_and_migrated(engine, facts))
        assert "the audits agree: " in done.stdout
        _goes_on(facts, repeated)
        done = migrating(engine, apart, "--texts", "apart")
        assert "the audits agree: " in done.stdout, done.stderr
        assert {each["data"].get("text") for each in apart.events()} == {None, PLACEHOLDER}
        _goes_on(apart, repeated)
    finally:
        for each in (engine, facts, apart):
            each.kill_all()


def drained_and_migrated(engine: Engine, target: Engine) -> subprocess.CompletedProcess[str] | None:
    """Stop the stages once they have read all, and migrate; None if one of them left work to another as it ended."""
    engine.start()
    engine.await_quiet(seconds=240)
    engine.stop()
    done = migrating(engine, target, "--texts", "facts")
    if done.returncode == 0:
        return done
    assert re.search(r"has \d+ records of", done.stderr), done.stderr
    return None


def _goes_on(target: Engine, repeated: str) -> None:
    """Run the stages at the new prefix; a report that came before is known, and an open complaint is closed."""
    target.start()
    target.report("repeated")
    target.await_quiet(seconds=240)
    refused = [each["data"] for each in target.events("complaints.rejections", repeated)]
    # what other stages ask of it may be overtaken by then
    assert [each["code"] for each in refused if each["command_source"] == "/stages/intake"] == []
    open_ones = [name for name, each in last_snapshots(target).items() if each["status"] == "disposed"]
    go(target, open_ones[0], [ANSWERED, CLOSED])
    target.await_settled()
    target.stop()

"""A short demonstration on a real Kafka, as `make demo` starts it."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Final

from agents.config.settings import Settings
from events.client.administration import admin_client

_LAST_LINE: Final = re.compile(
    r"demo: reports=(?P<reports>\d+) complaints=(?P<complaints>\d+) settled=(?P<settled>\d+) open=(?P<open>\d+) "
    r"breached=(?P<breached>\d+) escalated=(?P<escalated>\d+) rejected=(?P<rejected>\d+) dead=(?P<dead>\d+) "
    r"lost=(?P<lost>\d+) doubled=(?P<doubled>\d+)"
)
_PATIENCE: Final = 180
_RUN: Final = """
import os, sys
from pathlib import Path
from agents.demo.demonstration import demonstrate
from agents.config.settings import Settings
reports = Path(sys.argv[2]) if sys.argv[2:] else None
raise SystemExit(demonstrate(Settings.from_environment(os.environ), reports, count=40, seed=1708, clean=not reports,
    seconds=float(sys.argv[1])))
"""


def demonstration(settings: Settings, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, *arguments],
        env={**os.environ, "ALUR_BROKER": settings.broker, "ALUR_PREFIX": settings.prefix},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def figures(output: str) -> dict[str, int]:
    last = output.rstrip("\n").rpartition("\n")[2]
    match = _LAST_LINE.fullmatch(last)
    assert match, output
    return {name: int(number) for name, number in match.groupdict().items()}


def test_a_short_demonstration_loses_and_doubles_nothing(settings: Settings) -> None:
    # long enough for stages that start beside those of another test
    process = demonstration(settings, "45")
    output, _ = process.communicate(timeout=_PATIENCE)
    found = figures(output)
    assert process.returncode == 0, output
    assert found["reports"] == found["complaints"] == 40
    assert found["settled"] + found["open"] == 40
    assert found["settled"] > 0, output
    assert (found["dead"], found["lost"], found["doubled"]) == (0, 0, 0)
    with admin_client(settings) as client:
        left = [name for name in (*client.list_topics(), *client.list_groups()) if settings.prefix in str(name)]
    assert left == []


def test_real_reports_are_taken_and_ctrl_c_still_gives_the_summary(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    rows = [
        f"{number},Lampu mati,{'Padam sejak kemarin malam.' if number % 3 else ''},-8.65,115.2" for number in range(30)
    ]
    file.write_text("\n".join(["id,title,description,latitude,longitude", *rows, *rows[:10]]) + "\n")
    process = demonstration(settings, "120", str(file))
    assert process.stdout is not None
    lines_so_far = ""
    # every few seconds there is a line, so that this ends with the process at the latest
    while "30 complaints" not in lines_so_far.rpartition("\n")[2]:
        line = process.stdout.readline()
        assert line, lines_so_far
        lines_so_far += f"\n{line.rstrip()}"
    (page,) = re.findall(r"dashboard: (http:\S+)", lines_so_far)
    with urllib.request.urlopen(page, timeout=_PATIENCE) as answer:  # noqa: S310 -- the page of the demonstration
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=_PATIENCE)
    assert "catching up" not in output, "an interrupted play does not wait for the stages"
    assert re.search(rf"to look at it: \S*alur --broker {settings.broker} --prefix {settings.prefix}demo-\S+ ", output)
    found = figures(output)
    assert process.returncode == 0, lines_so_far + output
    assert found["reports"] == found["complaints"] == 30
    assert re.search(r"missing: body\W+10\b", output), output
    assert re.search(r"^received +30 ", output, re.MULTILINE), output
    (mirror,) = re.findall(r"as a site: \S*alur site build build/site --from (\S+)", output)
    alur = str(Path(sys.executable).with_name("alur"))
    subprocess.run([alur, "site", "build", str(tmp_path / "site"), "--from", mirror], check=True)
    assert (tmp_path / "site/id/stories.html").is_file()


def test_an_impossible_demo_fails_with_one_line(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_text("a,b\n1,2\n")
    process = demonstration(settings, "1", str(file))
    output, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 1
    assert output.count("\n") == 1
    assert output.startswith(f"alur demo: {file}: no column is known to hold a title or a body")

"""Diagrams and tables of the documentation, generated from the code.

A generated block is between `<!-- generated: NAME -->` and `<!-- end: NAME -->`.
`python -m tests.support.generated_docs` rewrites the blocks of the files that are named (default: all documents with a
block); `--check` exits with 1 if a block is out of date.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from textwrap import indent
from typing import Final

from agents.dashboard import metrics as board
from agents.runtime.http.prometheus import METRICS
from events.access import ROLES
from events.commands import COMMANDS, Command
from events.facts import FACTS, Fact
from events.topics import ALL_TOPICS, STAGES, TOPICS, TopicName
from events.vocabulary import OPEN, Status
from workflow.deadlines.clock_rules import RULES, OnExpiry, Rule
from workflow.machine.permissions import PERMITTED_ROLES
from workflow.machine.transitions import ALLOWED_IN, TRANSITIONS

DOCUMENTS: Final = (
    "docs/reference/lifecycle.md",
    "docs/reference/contract.md",
    "docs/reference/security.md",
    "docs/reference/metrics.md",
    "docs/deploy/kubernetes/monitoring/prometheusrule.yaml",
)
_ALERTS: Final = Path(__file__).parents[2] / "docs" / "deploy" / "prometheus" / "alerts.yml"
_RULE: Final = """# docs/deploy/prometheus/alerts.yml for the Prometheus operator.
# <!-- generated: all --> by python -m tests.support.generated_docs
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: alur
  namespace: alur
spec:
"""
_DAY_MS: Final = 86_400_000
_MIB: Final = 1_048_576
_BLOCK: Final = re.compile(
    r"(?P<start><!-- generated: (?P<name>\w+) -->\n).*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)


def _everywhere() -> set[type[Fact]]:
    """Return the facts that can happen in every open status and change none."""
    return {fact for fact in FACTS if all(TRANSITIONS[status].get(fact) is status for status in OPEN)}


def _name(status: Status | None) -> str:
    return "[*]" if status is None else str(status)


def states() -> str:
    """Draw the statuses and the facts between them as a mermaid diagram."""
    quiet = _everywhere()
    lines = ["```mermaid", "stateDiagram-v2"]
    for before, row in TRANSITIONS.items():
        ways: dict[Status, list[str]] = {}
        for fact, after in row.items():
            if fact not in quiet:
                ways.setdefault(after, []).append(fact.NAME)
        lines += [f"    {_name(before)} --> {after}: {', '.join(facts)}" for after, facts in ways.items()]
    lines += [f"    {status} --> [*]" for status in Status if status not in OPEN]
    return "\n".join([*lines, "```"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _statuses(statuses: Iterable[Status]) -> str:
    found = set(statuses)
    if found == OPEN:
        return "any open status"
    if found == set(Status):
        return "any status"
    return ", ".join(f"`{status}`" for status in Status if status in found) or "no complaint yet"


def _people(command: type[Command]) -> str:
    return ", ".join(sorted(role.value for role in PERMITTED_ROLES[command]))


def _first_line(documented: type) -> str:
    return (documented.__doc__ or "").split("\n", 1)[0]


def commands() -> str:
    """List each command: the statuses that accept it, and its senders."""
    rows = [(f"`{each.NAME}`", _statuses(ALLOWED_IN[each]), _people(each), _first_line(each)) for each in COMMANDS]
    return _table(("command", "accepted in", "from", "meaning"), rows)


def facts() -> str:
    """List each fact; the diagram has the statuses."""
    return _table(("fact", "meaning"), [(f"`{fact.NAME}`", _first_line(fact)) for fact in FACTS])


_ON_EXPIRY: Final = {
    OnExpiry.BREACH: "`breached`, and escalated",
    OnExpiry.WITHDRAWAL: "`withdrawn`: deemed so",
    OnExpiry.CLOSURE: "`closed` by the system, outcome `resolved`",
}


def _starts(rule: Rule) -> str:
    return ", ".join(f"`{fact.NAME}`" for fact in rule.starts_with)


def clocks() -> str:
    """List each clock: where it runs, what starts it, and the effect of its expiry."""
    rows = [
        (f"`{name}`", _statuses(rule.runs_in), _starts(rule), _ON_EXPIRY[rule.on_expiry])
        for name, rule in RULES.items()
    ]
    return _table(("clock", "runs in", "starts with each", "on expiry"), rows)


def topics() -> str:
    """List each topic with its settings."""
    rows = []
    for topic in TOPICS:
        config = topic.config
        kept = int(config.get("retention.ms", "-1"))
        rows.append(
            (
                f"`{topic.name}`",
                "the last of each key" if config["cleanup.policy"] == "compact" else _days(kept),
                "the broker's" if config["message.timestamp.type"] == "LogAppendTime" else "the sender's",
                f"{int(config['max.message.bytes']) / _MIB:g} MiB",
            )
        )
    return _table(("topic", "kept", "timestamp", "largest batch"), rows)


def _topic_names(topics: Iterable[TopicName]) -> str:
    found = set(topics)
    named = ", ".join(topic.removeprefix("complaints.") for topic in ALL_TOPICS if topic in found)
    return "all" if found == set(ALL_TOPICS) else named


def roles() -> str:
    """List each role with its rights, without those that all stages have."""
    rows = []
    for role in ROLES.values():
        group = [f"group `{role.group}`"] if role.group else []
        transactions = (
            [f"transactions {', '.join(f'`{each}`' for each in role.transactional)}"] if role.transactional else []
        )
        makes = ["make topics"] if role.makes else []
        followed = "all stages" if len(role.follows) == len(STAGES) else ", ".join(role.follows)
        follows = [f"progress of {followed}"] if role.follows else []
        common = {TopicName.DEAD_LETTERS, TopicName.INSTALLATION} if role.name in STAGES else set()
        rows.append(
            (
                f"`{role.name}`",
                role.description,
                _topic_names(set(role.reads) - common),
                _topic_names(set(role.writes) - common),
                "; ".join([*group, *transactions, *makes, *follows]),
            )
        )
    return _table(("role", "who", "reads", "writes", "and may"), rows)


def _days(milliseconds: int) -> str:
    return "for ever" if milliseconds < 0 else f"{milliseconds // _DAY_MS} days"


def metrics() -> str:
    """List the metrics by the stages that have them; names end in the unit."""
    groups: dict[str, list[str]] = {}
    for each in (*METRICS, *board.METRICS):
        stages = "All stages" if set(each.stages) == set(STAGES) else ", ".join(each.stages)
        labels = f"{{{','.join(each.labels)}}}" if each.labels else ""
        groups.setdefault(stages, []).append(f"- `{each.name}{labels}` ({each.kind}): {each.help}")
    return "\n\n".join("\n".join([f"{stages}:", "", *lines]) for stages, lines in groups.items())


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "states": states,
    "commands": commands,
    "facts": facts,
    "clocks": clocks,
    "topics": topics,
    "roles": roles,
    "metrics": metrics,
}


def renewed(text: str) -> str:
    """Return a document with its generated blocks rewritten; the alerts for Kubernetes as a whole.

    Raises:
        KeyError: it has an unknown block.
    """
    if text.startswith(_RULE[: _RULE.index("\n")]):
        groups = _ALERTS.read_text(encoding="utf-8").partition("groups:\n")[2]
        return f"{_RULE}  groups:\n{indent(groups, '  ')}"
    return _BLOCK.sub(lambda found: f"{found['start']}{BLOCKS[found['name']]()}\n{found['end']}", text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite or check the documents; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.generated_docs", description="Generate tables of the documents."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a document is out of date")
    parser.add_argument("files", nargs="*", type=Path, default=[Path(name) for name in DOCUMENTS])
    options = parser.parse_args(arguments)
    behind = 0
    for path in options.files:
        text = path.read_text(encoding="utf-8")
        new = renewed(text)
        if options.check and new != text:
            behind = 1
            sys.stderr.write(f"{path}: differs from the code; run python -m tests.support.generated_docs\n")
        elif not options.check:
            path.write_text(new, encoding="utf-8")
    return behind


if __name__ == "__main__":
    sys.exit(main())

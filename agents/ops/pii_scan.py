"""PII scan: searches the records that an audit reads for the identity of their complaint's reporter."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from agents.config.settings import Settings
from agents.ops.dead_letters.records import origin_of, resolved_letter
from events.client import Record
from events.codec.decode import decode_fact
from events.codec.parsing import read_ours
from events.errors import Undecodable
from events.facts import StoryPublished, fact_type
from events.ids import complaint_of_identity
from events.outcomes import ResolutionEvent, Story
from events.reports import Reporter, ReporterIdentity
from events.topics import RecordPosition, TopicName
from workflow.audit.complaint_history import Code
from workflow.audit.identifiers import OWN_WORDS, SHORTEST, counted, exposed, identifiers_in, traces
from workflow.audit.invariants import Audit

READS: Final = (TopicName.IDENTITIES, TopicName.TEXTS, TopicName.STORIES)
"""Topics read in addition to those of an audit."""
_SEARCHED: Final = (
    *(TopicName.COMMANDS, TopicName.EVENTS, TopicName.TEXTS, TopicName.STATE, TopicName.REJECTIONS),
    *(TopicName.RESOLUTIONS, TopicName.STORIES, TopicName.DEAD_LETTERS),
)
SEARCHED: Final = (
    f"{', '.join(_SEARCHED)}: name, phone and e-mail of the complaint's reporter, from {SHORTEST} characters on",
    f"{TopicName.RESOLUTIONS}, published stories: phones, e-mail addresses, NIK, number plates, and the reporter",
)
NOT_SEARCHED: Final = (
    f"people's own words that are not published (fields {', '.join(sorted(OWN_WORDS))})",
    f"{TopicName.INTAKE} and its dead letters, which hold reporters as they came",
    "other topics, logs, exports and backups",
)
"""Scope of the scan, for people."""
_PUBLISHED: Final = fact_type(StoryPublished.NAME).encode()

ReadPartition = Callable[[TopicName, int], Iterator[Record]]
"""Yields the records of a partition up to its end, in order."""


class PiiScan:
    """Reports each record from `read` that exposes the identity of its complaint's reporter.

    Unpublished free text is skipped, since citizens may sign it; so are submitted reports and their dead letters, which
    have to contain the identity.
    """

    def __init__(self, settings: Settings, read: ReadPartition, result: Audit, number: int) -> None:
        self._settings = settings
        self._read = read
        self._result = result
        self._traces: dict[bytes, dict[bytes, tuple[str, ...]]] = {}
        """Identifying texts by complaint and by key of the identity."""
        self._reporters: dict[bytes, Reporter] = {}
        self._accepted: dict[bytes, set[str]] = {}
        """By complaint, the kinds of identifiers that were confirmed when its story was published."""
        self._stories: dict[bytes, tuple[RecordPosition, Story]] = {}
        """The last published story of each complaint."""
        for record in read(TopicName.IDENTITIES, number):
            self._remember(record)

    def _remember(self, record: Record) -> None:
        if record.key is None:
            return
        complaint = complaint_of_identity(record.key)
        texts_by_key = self._traces.setdefault(complaint, {})
        texts_by_key.pop(record.key, None)
        try:
            reporter = ReporterIdentity.model_validate_json(record.value or b"").reporter
        except ValidationError:
            return  # erased, or no identity
        self._reporters[complaint] = reporter
        if identifying := traces(reporter):
            texts_by_key[record.key] = identifying

    def read(self, topic: TopicName, number: int) -> Iterator[Record]:
        """Yield the records of a partition."""
        for record in self._read(topic, number):
            self._search(record)
            yield record

    def read_the_rest(self, number: int) -> None:
        """Search the topics that an audit does not read partition by partition."""
        for record in self._read(TopicName.STORIES, number):
            self._search(record)
        for record in self._read(TopicName.DEAD_LETTERS, number):
            origin = origin_of(self._settings, record.headers)
            if resolved_letter(record.headers) is None and origin is not None and origin.topic is not TopicName.INTAKE:
                self._search(record)
        for key, (position, story) in self._stories.items():
            self._scan(key, position, story)

    def _scan(self, key: bytes, position: RecordPosition, story: Story) -> None:
        text = f"{story.title}\n{story.answer or ''}"
        findings = counted(identifiers_in(text, self._reporters.get(key)))
        new = [each for each in findings if each.kind not in self._accepted.get(key, ())]
        if new:
            kinds = ", ".join(f"{each.count} x {each.kind}" for each in new)
            finding = Code.IDENTIFIER_PUBLISHED, f"the published story has {kinds}"
            self._result.note(position, key.decode(errors="replace"), finding)

    def _look_at_story(self, key: bytes, value: bytes, position: RecordPosition) -> None:
        with suppress(Undecodable):
            if position.topic is TopicName.EVENTS and _PUBLISHED in value:
                fact = decode_fact(value).fact
                if isinstance(fact, StoryPublished):
                    self._accepted[key] = {each.kind for each in fact.findings or ()}
            elif position.topic is TopicName.RESOLUTIONS:
                self._stories.pop(key, None)
                story = read_ours(ResolutionEvent, value).data.story
                if story is not None:
                    self._stories[key] = position, story

    def _search(self, record: Record) -> None:
        if record.key is None or record.value is None:
            return
        position = record.position
        self._look_at_story(record.key, record.value, position)
        complaint = complaint_of_identity(record.key)  # keys of texts have the same format
        identifying = tuple(each for texts in self._traces.get(complaint, {}).values() for each in texts)
        if fields := sorted(set(exposed(record.value, identifying))):
            finding = Code.IDENTITY_EXPOSED, f"shows who reports, in {', '.join(fields)}"
            self._result.note(position, complaint.decode(errors="replace"), finding)

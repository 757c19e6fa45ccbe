"""A broker as a Java process, with libraries that Maven downloads once."""

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from agents.local_broker.errors import DownloadFailed, StartFailed
from agents.local_broker.node import HOST, KAFKA_VERSION, Notify, await_answer, free_ports, in_one_line, node_settings
from agents.local_broker.watchdog import start_child

LOG: Final = "broker.log"

_OLDEST_JAVA: Final = 17  # Kafka 4 brokers need it
_VERSION: Final = re.compile(r'version "(?P<whole>(?:1\.)?(?P<major>[0-9]+)[^"]*)"')
_FETCH_S: Final = 540.0
_FORMAT_S: Final = 60.0
_DUMP_S: Final = 60.0
_JVM: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    # only the fast compiler: the broker of a test ends before optimized code pays off
    "-XX:TieredStopAtLevel=1",
)


@dataclass(frozen=True)
class Java:
    """A suitable Java with the path of Kafka's libraries; `maven` may be missing once they are downloaded."""

    java: str
    maven: str | None
    libraries: Path
    classes: Path
    """Archive of the classes that a broker loads; with it, a start takes 40 % less processor time."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Additional properties of the node."""
    formatting: Sequence[str] = ()
    """Options of `kafka-storage format`, such as initial users."""

    @classmethod
    def find(cls, env: Mapping[str, str], cache: Path) -> "Java | None":
        """Return the Java of this machine, or None if it cannot run a broker."""
        home = env.get("JAVA_HOME")
        java = shutil.which("java", path=str(Path(home, "bin")) if home else env.get("PATH"))
        maven = shutil.which("mvn", path=env.get("PATH"))
        libraries = cache / f"kafka-{KAFKA_VERSION}"
        if java is None or not (maven or libraries.is_dir()):
            return None
        major, build = _build(java)
        # another Java cannot read the archive
        return None if major < _OLDEST_JAVA else cls(java, maven, libraries, Path(f"{libraries}-java-{build}.jsa"))

    def fetch(self, say: Notify) -> None:
        """Download Kafka's libraries and archive their classes, unless present; raise DownloadFailed."""
        if not self.libraries.is_dir():
            self._download(say)
        if not self.classes.is_file():
            say("archiving the classes of a broker, so that it starts sooner")
            try:
                self._archive_classes()
            except (OSError, StartFailed, subprocess.TimeoutExpired) as error:
                say(f"without an archive, since {error}: brokers start more slowly")

    def _download(self, say: Notify) -> None:
        say(f"fetching Apache Kafka {KAFKA_VERSION} with Maven, only this once (44 MB)")
        self.libraries.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=self.libraries.parent) as scratch:
            self._copy_dependencies(Path(scratch))
            try:
                Path(scratch, "libraries").rename(self.libraries)
            except OSError:
                if not self.libraries.is_dir():  # else another process has downloaded them meanwhile
                    raise

    def _copy_dependencies(self, scratch: Path) -> None:
        pom = scratch / "pom.xml"
        pom.write_bytes(resources.files("agents.local_broker").joinpath("pom.xml").read_bytes())
        command = [
            self.maven or "mvn",
            *("--quiet", "--batch-mode", "--file", str(pom)),
            "dependency:copy-dependencies",
            f"-Dkafka.version={KAFKA_VERSION}",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={scratch / 'libraries'}",
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_FETCH_S)
        except subprocess.CalledProcessError as error:
            raise DownloadFailed(f"Maven could not fetch Apache Kafka: {_first_error(error.stdout)}") from error
        except subprocess.TimeoutExpired as error:
            raise DownloadFailed(f"Maven did not fetch Apache Kafka within {_FETCH_S:.0f} seconds") from error

    def _archive_classes(self) -> None:
        """Run a broker until it answers; Java archives at its end what it has loaded. Remove older archives."""
        with tempfile.TemporaryDirectory(prefix="archive-", dir=self.libraries.parent) as directory:
            archive, [port] = Path(directory, "classes.jsa"), free_ports(1)
            java, *arguments = self.prepare(Path(directory), port)
            command = [java, f"-XX:ArchiveClassesAtExit={archive}", *arguments]
            with start_child(command, Path(directory, LOG)) as broker:
                try:
                    await_answer(port, lambda: broker.poll() is None, lambda: last_words(Path(directory)))
                    broker.terminate()
                    broker.wait(_DUMP_S)
                finally:
                    broker.kill()
            archive.rename(self.classes)
        remove_other_archives(self.classes)

    def prepare(self, directory: Path, port: int) -> list[str]:
        """Configure the node in `directory`, keeping its data, and return its command; raise StartFailed."""
        data, properties = directory / "data", directory / "broker.properties"
        settings = node_settings(port, free_ports(1)[0], str(data), listen_on=HOST, more=self.properties)
        properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        if not (data / "meta.properties").is_file():
            self.format(properties, new_cluster_id())
        return self.node(properties)

    def format(self, properties: Path, cluster: str) -> None:
        """Format the data directory in `properties` for a node of `cluster`; raise StartFailed."""
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties), *self.formatting)
        done = subprocess.run(self._command(*tool), check=False, capture_output=True, text=True, timeout=_FORMAT_S)
        if done.returncode != 0:
            output = in_one_line(done.stderr or done.stdout)
            raise StartFailed(f"Kafka could not format the data directory of {properties}: {output}")

    def node(self, properties: Path) -> list[str]:
        """Return the command that runs a node."""
        return self._command("kafka.Kafka", str(properties))

    def _command(self, main: str, *arguments: str) -> list[str]:
        archive = [f"-XX:SharedArchiveFile={self.classes}"] if self.classes.is_file() else []
        return [self.java, *_JVM, *archive, "-cp", str(self.libraries / "*"), main, *arguments]


def remove_other_archives(classes: Path) -> None:
    """Remove the archives of classes beside `classes`, 48 MB each; a broker that uses one keeps it until it ends."""
    for other in classes.parent.glob("kafka-*-java-*.jsa"):
        if other != classes:
            other.unlink(missing_ok=True)


def last_words(directory: Path) -> str:
    """Return the end of the broker's log, in one line."""
    log = directory / LOG
    text = log.read_text(errors="replace") if log.is_file() else ""
    return f"{in_one_line(text) or 'it printed nothing'} (its log: {log})"


def _build(java: str) -> tuple[int, str]:
    """Return the major version of a Java, and its version with a digest of what it prints of its vendor and build."""
    try:
        done = subprocess.run([java, "-version"], check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0, ""
    printed = done.stderr + done.stdout
    match = _VERSION.search(printed)
    if match is None:
        return 0, ""
    return int(match["major"]), f"{match['whole']}-{hashlib.sha256(printed.encode()).hexdigest()[:8]}"


def new_cluster_id() -> str:
    """Return a random cluster id in Kafka's format."""
    # a UUID in base64; with a leading dash, Kafka's tools would take it for an option
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _first_error(output: str) -> str:
    errors = [line.removeprefix("[ERROR]") for line in output.splitlines() if line.startswith("[ERROR]")]
    return in_one_line(errors[0] if errors else output)

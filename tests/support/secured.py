"""A broker with authentication and least rights: SCRAM users, ACLs, and a TLS listener."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents.local_broker.ephemeral import running_engine
from agents.local_broker.java import Java
from agents.local_broker.node import HOST, free_ports
from agents.local_broker.paths import BrokerPaths
from events.client.security import Secret, Security

MECHANISM = "SCRAM-SHA-512"


def password(user: str) -> str:
    """The password of a user of this broker, recognizable in any output."""
    return f"rahasia-{user}-7Zq"


@dataclass(frozen=True)
class SecuredBroker:
    """Its listeners. The plain one is for the test, which has all rights there."""

    plain: str
    sasl: str
    sasl_tls: str
    tls: str
    files: Path

    @property
    def ca(self) -> str:
        """The file with the authority of the broker's certificate, behind one that was before."""
        return str(self.files / "ca.pem")

    def security(self, user: str, *, tls: bool = False) -> Security:
        """Connection settings of `user`."""
        security = Security("sasl", MECHANISM, user, Secret(password(user)))
        return replace(security, protocol="sasl-tls", ca=self.ca) if tls else security


def _keytool(directory: Path, *arguments: str) -> None:
    command = ["keytool", *arguments, "-keystore", "broker.p12", "-storepass", "changeit", "-alias", "broker"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)


def _certificates(directory: Path) -> None:
    """Two self-signed certificates: a PEM file of both for clients, and a keystore of the second for Kafka."""
    extensions = ("bc:critical=ca:true", f"san=ip:{HOST}")
    options = [option for extension in extensions for option in ("-ext", extension)]
    for name in ("alur-old", "alur"):
        (directory / "broker.p12").unlink(missing_ok=True)
        _keytool(directory, "-genkeypair", "-keyalg", "EC", "-dname", f"CN={name}", "-validity", "2", *options)
        _keytool(directory, "-exportcert", "-rfc", "-file", f"{name}.pem")
    (directory / "ca.pem").write_text("".join((directory / f"{name}.pem").read_text() for name in ("alur-old", "alur")))


def own_java() -> Java:
    """Java for a broker with the test's properties; skip where there is none."""
    java = Java.find(os.environ, BrokerPaths.from_environment(os.environ).cache)
    if java is None:
        pytest.skip("needs Java: a container's broker cannot be given users or properties to begin with")
    java.fetch(lambda _line: None)
    return java


@contextmanager
def secured_broker(directory: Path, users: Sequence[str]) -> Iterator[SecuredBroker]:
    """Return a broker with `users`; skip where there is no Java to run it."""
    java = own_java()
    _certificates(directory)
    ports = dict(zip(("SASL", "SASLTLS", "TLS"), free_ports(3), strict=True))
    doors = ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
    properties = {
        "listeners": doors,
        "advertised.listeners": doors,
        "listener.security.protocol.map": "SASL:SASL_PLAINTEXT,SASLTLS:SASL_SSL,TLS:SSL",
        "sasl.enabled.mechanisms": MECHANISM,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(directory / "broker.p12"),
        "ssl.keystore.password": "changeit",
    }
    for door in ("sasl", "sasltls"):
        scram = f"listener.name.{door}.{MECHANISM.lower()}.sasl.jaas.config"
        properties[scram] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    formatting = [
        option
        for user in users
        for option in ("--add-scram", f"{MECHANISM}=[name={user},password={password(user)},iterations=4096]")
    ]
    with running_engine(replace(java, properties=properties, formatting=formatting)) as plain:
        where = {name: f"{HOST}:{port}" for name, port in ports.items()}
        yield SecuredBroker(plain, where["SASL"], where["SASLTLS"], where["TLS"], directory)

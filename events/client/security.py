"""Authentication and encryption of connections to Kafka.

The resulting options suit aiokafka and kafka-python. Secrets come from the environment or from files, and are neither
in `repr` nor in error messages.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from pydantic import SecretStr

Protocol = Literal["plaintext", "tls", "sasl", "sasl-tls"]

PROTOCOL: Final = "ALUR_SECURITY"
MECHANISM: Final = "ALUR_SASL_MECHANISM"
USERNAME: Final = "ALUR_SASL_USERNAME"
PASSWORD: Final = "ALUR_SASL_PASSWORD"  # noqa: S105 -- the name of a variable
PASSWORD_FILE: Final = "ALUR_SASL_PASSWORD_FILE"  # noqa: S105 -- as above
CA: Final = "ALUR_TLS_CA"
CERT: Final = "ALUR_TLS_CERT"
KEY: Final = "ALUR_TLS_KEY"
KEY_PASSWORD: Final = "ALUR_TLS_KEY_PASSWORD"  # noqa: S105 -- as above
KEY_PASSWORD_FILE: Final = "ALUR_TLS_KEY_PASSWORD_FILE"  # noqa: S105 -- as above

_PROTOCOLS: Final[dict[Protocol, str]] = {
    "plaintext": "PLAINTEXT",
    "tls": "SSL",
    "sasl": "SASL_PLAINTEXT",
    "sasl-tls": "SASL_SSL",
}
_MECHANISMS: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")
_SASL_ONLY: Final = (MECHANISM, USERNAME, PASSWORD, PASSWORD_FILE)
_TLS_ONLY: Final = (CA, CERT, KEY, KEY_PASSWORD, KEY_PASSWORD_FILE)
_LONGEST_SECRET: Final = 65_536


class Secret(SecretStr):
    """A password, and its file if it came from one. Only `reveal` returns it."""

    def __init__(self, text: str, file: str | None = None) -> None:
        super().__init__(text)
        self.file = file

    def reveal(self) -> str:
        """Return the secret itself, for the client that needs it."""
        return self.get_secret_value()


@dataclass(frozen=True)
class Security:
    """Security settings of a connection to Kafka: TLS and SASL.

    `tls` encrypts, and checks the broker's name and certificate against `ca` (a PEM file; default: the system's
    authorities); `cert` and `key` (PEM files) are the client's certificate. `sasl` authenticates `username` by
    `password`; without TLS nothing is encrypted, and PLAIN sends the password itself.
    """

    protocol: Protocol = "plaintext"
    mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: Secret | None = field(default=None, repr=False)
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    key_password: Secret | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Security":
        """Read `ALUR_SECURITY`, `ALUR_SASL_*`, `ALUR_TLS_*` and their files; ValueError names the wrong variable."""
        variables = {name: value for name, value in env.items() if value.strip()}
        protocol = _protocol(variables)
        security = cls(protocol)
        if security.sasl:
            security = cls(
                protocol,
                _mechanism(variables.get(MECHANISM, cls.mechanism).strip()),
                (variables.get(USERNAME) or _missing(USERNAME, protocol)).strip(),
                _secret(variables, PASSWORD, PASSWORD_FILE) or _missing(f"{PASSWORD} or {PASSWORD_FILE}", protocol),
            )
        if security.tls:
            names = {"ca": CA, "cert": CERT, "key": KEY}
            files = {part: variables[name].strip() for part, name in names.items() if name in variables}
            key_password = _secret(variables, KEY_PASSWORD, KEY_PASSWORD_FILE)
            security = cls(
                protocol, security.mechanism, security.username, security.password, **files, key_password=key_password
            )
            security.tls_context()
        return security

    @property
    def sasl(self) -> bool:
        """Whether a user authenticates by a password."""
        return self.protocol in {"sasl", "sasl-tls"}

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted and the broker authenticates."""
        return self.protocol in {"tls", "sasl-tls"}

    @property
    def who(self) -> str:
        """Name of the user, for a message."""
        if self.sasl:
            return self.username or ""
        return f"the certificate in {self.cert}" if self.tls and self.cert else "the anonymous user"

    def client_options(self) -> dict[str, Any]:
        """Return the options of an aiokafka or kafka-python client, including the password."""
        options: dict[str, Any] = {"security_protocol": _PROTOCOLS[self.protocol]}
        if self.tls:
            options["ssl_context"] = self.tls_context()
        if self.sasl and self.password is not None:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.reveal(),
            }
        return options

    def tls_context(self) -> ssl.SSLContext:
        """Return an SSL context with the client's certificate, if any; ValueError names the variable of a bad file."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"{CA}: {_reason(self.ca, error, 'holds no certificates in PEM')}") from None
        if self.cert is None:
            if self.key is not None:
                raise ValueError(f"{KEY}: a key is of no use without its certificate: set {CERT} too")
            return context
        password = "" if self.key_password is None else self.key_password.reveal()
        for name, path in ((CERT, self.cert), (KEY, self.key)):
            if path is not None and not Path(path).is_file():
                raise ValueError(f"{name}: there is no file {path}")
        try:
            # without a password, even an empty one, OpenSSL would prompt on the terminal
            context.load_cert_chain(self.cert, self.key, password)
        except (OSError, ValueError) as error:
            files = self.cert if self.key is None else f"{self.cert} and {self.key}"
            what = f"is not a certificate in PEM with its key, or the key needs another {KEY_PASSWORD}"
            raise ValueError(f"{CERT}: {_reason(files, error, what)}") from None
        return context

    def to_environment(self) -> dict[str, str]:
        """Return variables that give a child process the same settings; they include the password."""
        variables: dict[str, str | None] = {PROTOCOL: self.protocol}
        if self.sasl:
            variables |= {MECHANISM: self.mechanism, USERNAME: self.username}
            variables |= _passed_on(self.password, PASSWORD, PASSWORD_FILE)
        if self.tls:
            variables |= {CA: self.ca, CERT: self.cert, KEY: self.key}
            variables |= _passed_on(self.key_password, KEY_PASSWORD, KEY_PASSWORD_FILE)
        return {name: value for name, value in variables.items() if value is not None}


PLAINTEXT: Final = Security()
"""No encryption and no authentication: Kafka's default."""


def _protocol(variables: Mapping[str, str]) -> Protocol:
    if PROTOCOL not in variables:
        # else a password would be ignored
        for name in (*_SASL_ONLY, *_TLS_ONLY):
            if name in variables:
                wanted = "sasl or sasl-tls" if name in _SASL_ONLY else "tls or sasl-tls"
                raise ValueError(f"{PROTOCOL}: {name} is set and this is not; {wanted} makes use of it")
    text = variables.get(PROTOCOL, "plaintext").strip()
    if text not in _PROTOCOLS:
        raise ValueError(f"{PROTOCOL}: {text!r} is none of {', '.join(_PROTOCOLS)}")
    return text


def _mechanism(text: str) -> str:
    if text not in _MECHANISMS:
        raise ValueError(f"{MECHANISM}: {text!r} is none of {', '.join(_MECHANISMS)}")
    return text


def _missing(names: str, protocol: Protocol) -> NoReturn:
    raise ValueError(f"{names}: needed with {PROTOCOL}={protocol}")


def _secret(variables: Mapping[str, str], name: str, file_name: str) -> Secret | None:
    if name in variables and file_name in variables:
        raise ValueError(f"{file_name}: {name} is set too; which of the two counts?")
    if name in variables:
        return Secret(variables[name])
    if file_name not in variables:
        return None
    path = variables[file_name].strip()
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LONGEST_SECRET).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file_name}: {_reason(path, error, 'is not text in UTF-8')}") from None
    if not text:
        raise ValueError(f"{file_name}: {path} is empty")
    return Secret(text, path)


def _passed_on(secret: Secret | None, name: str, file_name: str) -> dict[str, str | None]:
    if secret is None:
        return {}
    return {name: secret.reveal()} if secret.file is None else {file_name: secret.file}


def _reason(path: str | None, error: Exception, otherwise: str) -> str:
    """Return what is wrong with a file, without any of its content."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.strerror:
        return f"{path}: {error.strerror}"
    return f"{path} {otherwise}"

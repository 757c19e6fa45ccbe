"""Users, passwords and certificates of a client; a password is never shown."""

import ssl
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from agents.config.settings import Settings
from events.client.security import Secret, Security
from events.client.settings import SettingsError

PASSWORD = "rahasia-sekali-7Zq"  # noqa: S105 -- found again in what must not hold it
SASL = {"ALUR_SECURITY": "sasl", "ALUR_SASL_USERNAME": "alur-intake", "ALUR_SASL_PASSWORD": PASSWORD}


def read(**env: str) -> Security:
    return Settings.from_environment(env).security


def test_without_variables_the_connection_is_plaintext() -> None:
    assert read() == Security("plaintext")
    assert read().client_options() == {"security_protocol": "PLAINTEXT"}


def test_a_user_and_a_password() -> None:
    assert read(**SASL).client_options() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "alur-intake",
        "sasl_plain_password": PASSWORD,
    }


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_the_mechanisms(mechanism: str) -> None:
    assert read(**SASL, ALUR_SASL_MECHANISM=mechanism).client_options()["sasl_mechanism"] == mechanism


def test_a_password_from_a_file_without_the_end_of_its_line(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f" {PASSWORD} \n")
    env = {name: value for name, value in SASL.items() if name != "ALUR_SASL_PASSWORD"}

    security = read(**env, ALUR_SASL_PASSWORD_FILE=str(file))

    assert security.client_options()["sasl_plain_password"] == f" {PASSWORD} "
    # a child reads the file itself: the password is not in its environment
    assert security.to_environment()["ALUR_SASL_PASSWORD_FILE"] == str(file)
    assert "ALUR_SASL_PASSWORD" not in security.to_environment()


def test_a_password_is_not_shown() -> None:
    settings = Settings.from_environment(SASL)

    secret = settings.security.password
    for shown in (settings, str(settings), settings.security, secret, asdict(settings), asdict(settings.security)):
        assert PASSWORD not in repr(shown)
    assert "alur-intake" in repr(settings)
    assert Settings.from_environment(settings.to_environment()) == settings


def test_tls_checks_certificate_and_name() -> None:
    options = read(ALUR_SECURITY="tls").client_options()

    context: ssl.SSLContext = options["ssl_context"]
    assert options["security_protocol"] == "SSL"
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_sasl_over_tls() -> None:
    options = read(**{**SASL, "ALUR_SECURITY": "sasl-tls"}).client_options()

    assert options["security_protocol"] == "SASL_SSL"
    assert isinstance(options["ssl_context"], ssl.SSLContext)
    assert options["sasl_plain_password"] == PASSWORD


def files(directory: Path) -> dict[str, str]:
    paths = {name: directory / name for name in ("empty", "text", "folder", "binary")}
    paths["empty"].touch()
    paths["text"].write_text(PASSWORD)
    paths["folder"].mkdir(exist_ok=True)
    paths["binary"].write_bytes(b"\xff\xfe")
    return {name: str(path) for name, path in paths.items()} | {"missing": str(directory / "missing")}


@pytest.mark.parametrize(
    ("env", "named", "says"),
    [
        ({"ALUR_SECURITY": "ssl"}, "ALUR_SECURITY", "none of plaintext, tls, sasl, sasl-tls"),
        ({"ALUR_SASL_PASSWORD": PASSWORD}, "ALUR_SECURITY", "ALUR_SASL_PASSWORD is set and this is not"),
        ({"ALUR_TLS_CA": "x"}, "ALUR_SECURITY", "tls or sasl-tls"),
        ({"ALUR_SECURITY": "sasl", "ALUR_SASL_PASSWORD": PASSWORD}, "ALUR_SASL_USERNAME", "needed"),
        ({"ALUR_SECURITY": "sasl", "ALUR_SASL_USERNAME": "a"}, "ALUR_SASL_PASSWORD", "ALUR_SASL_PASSWORD_FILE: needed"),
        ({**SASL, "ALUR_SASL_MECHANISM": "GSSAPI"}, "ALUR_SASL_MECHANISM", "none of SCRAM-SHA-256"),
        ({**SASL, "ALUR_SASL_PASSWORD_FILE": "{text}"}, "ALUR_SASL_PASSWORD_FILE", "which of the two"),
        ({"ALUR_SECURITY": "tls", "ALUR_TLS_CA": "{missing}"}, "ALUR_TLS_CA", "No such file"),
        ({"ALUR_SECURITY": "tls", "ALUR_TLS_CA": "{text}"}, "ALUR_TLS_CA", "holds no certificates in PEM"),
        ({"ALUR_SECURITY": "tls", "ALUR_TLS_CERT": "{text}"}, "ALUR_TLS_CERT", "is not a certificate in PEM"),
        ({"ALUR_SECURITY": "tls", "ALUR_TLS_CERT": "{missing}"}, "ALUR_TLS_CERT", "there is no file"),
        ({"ALUR_SECURITY": "tls", "ALUR_TLS_KEY": "{text}"}, "ALUR_TLS_KEY", "set ALUR_TLS_CERT too"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(env: dict[str, str], named: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        read(**{name: value.format_map(files(tmp_path)) for name, value in env.items()} if "{" in str(env) else env)

    assert str(refusal.value).startswith(named)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert PASSWORD not in str(refusal.value)


@pytest.mark.parametrize(
    ("file", "says"),
    [("missing", "No such file"), ("empty", "is empty"), ("folder", "Is a directory"), ("binary", "not text")],
)
def test_a_file_without_a_password_in_it(file: str, says: str, tmp_path: Path) -> None:
    env = {"ALUR_SECURITY": "sasl", "ALUR_SASL_USERNAME": "a", "ALUR_SASL_PASSWORD_FILE": files(tmp_path)[file]}

    with pytest.raises(SettingsError, match=says):
        read(**env)


def test_explicit_plaintext_leaves_the_rest_alone() -> None:
    assert read(**{**SASL, "ALUR_SECURITY": "plaintext"}) == Security("plaintext")


@pytest.mark.parametrize(
    ("security", "who"),
    [
        (Security("sasl", username="alur-sla", password=Secret("x")), "alur-sla"),
        (Security("tls", cert="sla.pem"), "the certificate in sla.pem"),
        (Security(), "the anonymous user"),
    ],
)
def test_the_principal_of_a_client(security: Security, who: str) -> None:
    assert security.who == who


def test_equal_secrets_are_equal() -> None:
    same: set[Any] = {Secret("a"), Secret("a"), Secret("a", "file"), Secret("b"), "a"}
    assert len(same) == 3

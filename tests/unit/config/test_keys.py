"""Signatures are valid for one purpose, under keys that can be rotated."""

import re
from pathlib import Path

import pytest

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.local_broker.keys import with_local_keys
from events.client.settings import SettingsError

OTHER = "new:" + "A" * 43 + "=\n"


def test_a_signature_counts_for_its_purpose_and_its_parts_alone(tmp_path: Path) -> None:
    keys = Keys.generate(tmp_path / "keys")
    signature = keys.sign("forwarding", b"ab", b"c")
    assert re.fullmatch(rf"{keys.ids[0]}:[0-9a-f]{{32}}", signature)
    assert keys.verify(signature, "forwarding", b"ab", b"c")
    assert not keys.verify(signature, "content", b"ab", b"c")
    assert not keys.verify(signature, "forwarding", b"a", b"bc")
    assert not keys.verify(signature, "forwarding", b"ab")
    for wrong in ("", "x", f"{keys.ids[0]}:", f"other:{signature.partition(':')[2]}", signature + "0", "é:é"):
        assert not keys.verify(wrong, "forwarding", b"ab", b"c")


def test_a_rotation_signs_with_the_first_key_and_accepts_both(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    old = Keys.generate(file)
    file.write_text(OTHER + "\n" + file.read_text())
    rotated = Keys.from_file(file)
    assert rotated.ids == ("new", *old.ids)
    assert rotated.verify(old.sign("x", b"1"), "x", b"1")
    assert rotated.sign("x", b"1").startswith("new:")
    assert not old.verify(rotated.sign("x", b"1"), "x", b"1")


def test_a_file_is_generated_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys"
    keys = Keys.generate(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Keys.generate(file) == keys
    assert [path.name for path in file.parent.iterdir()] == ["keys"]
    assert Keys.generate(tmp_path / "other").ids != keys.ids


def test_an_installation_without_a_file_has_the_same_key_in_each_worker() -> None:
    assert Keys.derived("a.") == Keys.derived("a.")
    assert Keys.derived("a.") != Keys.derived("b.")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no keys"),
        ("a:c2hvcnQ=\n", "line 1 of"),
        ("geheim\n", "line 1 of"),
        (OTHER + OTHER, "two keys with the id new"),
        ("\xff", "no key file"),
    ],
)
def test_an_invalid_key_file_is_refused_without_showing_its_content(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "keys"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(SettingsError, match=reason) as raised:
        Keys.from_file(file)
    assert str(file) in str(raised.value)
    assert "geheim" not in str(raised.value)
    with pytest.raises(SettingsError, match="No such file"):
        Keys.from_file(tmp_path / "missing")


def test_a_local_broker_has_its_keys_beside_its_data(tmp_path: Path) -> None:
    env = {"ALUR_HOME": str(tmp_path)}
    local = with_local_keys(Settings(broker="127.0.0.1:9092,[::1]:9093"), env)
    assert local.key_file == str(tmp_path / "broker" / "keys")
    assert local.keys() == with_local_keys(Settings(prefix="other."), env).keys()
    for settings in (Settings(broker="kafka:9092"), Settings(key_file="mine")):
        assert with_local_keys(settings, env) is settings
    blocked = tmp_path / "file"
    blocked.touch()
    assert with_local_keys(Settings(), {"ALUR_HOME": str(blocked)}).key_file is None


def test_keys_are_in_no_repr(tmp_path: Path) -> None:
    keys = Keys.generate(tmp_path / "keys")
    assert repr(keys) == "Keys()"

"""Installation keys: signatures (HMAC-SHA-256) that only this installation can make.

A key file has one key per line, `<id>:<base64 of 32 bytes>`. The first key signs, all keys verify. To rotate, add a new
first key, and remove the old one when nothing signed with it is left.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from events.client.settings import SettingsError

KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 16
_LINE: Final = re.compile(r"(?P<id>[A-Za-z0-9._-]{1,32}):(?P<key>[A-Za-z0-9+/]{43}=)")
_DERIVED: Final = "derived"
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one installation, the signing key first."""

    _keys: tuple[tuple[str, bytes], ...] = field(repr=False)

    @classmethod
    def from_file(cls, path: str | Path) -> "Keys":
        """Read a key file; raise a SettingsError, without any of its content, if that fails."""
        try:
            lines = [line.strip() for line in Path(path).read_text(encoding="ascii").splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no key file"
            raise SettingsError(f"ALUR_KEY_FILE: {path} cannot be read: {reason}") from None
        keys = {}
        for number, line in enumerate(lines, 1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise SettingsError(f"ALUR_KEY_FILE: line {number} of {path} is not <id>:<base64 of 32 bytes>")
            if match["id"] in keys:
                raise SettingsError(f"ALUR_KEY_FILE: {path} has two keys with the id {match['id']}")
            keys[match["id"]] = base64.b64decode(match["key"])
        if not keys:
            raise SettingsError(f"ALUR_KEY_FILE: {path} has no keys")
        return cls(tuple(keys.items()))

    @classmethod
    def generate(cls, path: str | Path) -> "Keys":
        """Return the keys in `path`; if there is no such file, create it with one random key, for its owner only.

        Raises SettingsError for another file, and OSError if it cannot be created.
        """
        target = Path(path)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch = target.with_name(f"{target.name}.{os.getpid()}.new")
            line = f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
            with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "w", encoding="ascii") as file:  # noqa: PTH123 -- Path.open has no opener for the file mode
                file.write(line)
            try:
                os.link(scratch, target)  # atomic: fails if another process has created it
            except FileExistsError:
                pass
            finally:
                scratch.unlink()
        return cls.from_file(target)

    @classmethod
    def derived(cls, prefix: str) -> "Keys":
        """Return the default key of an installation without a key file: the same for all its workers, not a secret."""
        return cls(((_DERIVED, hashlib.sha256(f"alur installation {prefix}".encode()).digest()),))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, the signing key first."""
        return tuple(name for name, _ in self._keys)

    def derive(self, purpose: str) -> dict[str, bytes]:
        """Return a key derived for `purpose` from each key, by id."""
        return {name: hmac.digest(key, b"derive " + purpose.encode(), "sha256") for name, key in self._keys}

    def sign(self, purpose: str, *parts: bytes) -> str:
        """Return the signature `<key id>:<hex>` of `parts`, valid for `purpose` only."""
        name, key = self._keys[0]
        return f"{name}:{_digest(key, purpose, parts)}"

    def sign_with(self, name: str, purpose: str, *parts: bytes) -> str | None:
        """Return the signature of `sign` made with the key called `name`; None if there is no such key."""
        key = dict(self._keys).get(name)
        return None if key is None else f"{name}:{_digest(key, purpose, parts)}"

    def verify(self, signature: str, purpose: str, *parts: bytes) -> bool:
        """Check whether one of the keys made `signature` for `purpose` over exactly these `parts`."""
        made = self.sign_with(signature.partition(":")[0], purpose, *parts)
        return made is not None and hmac.compare_digest(signature.encode(), made.encode())


def _digest(key: bytes, purpose: str, parts: tuple[bytes, ...]) -> str:
    # length-prefixed: ("ab", "c") must differ from ("a", "bc")
    text = b"".join(b"%d:%b," % (len(part), part) for part in (purpose.encode(), *parts))
    return hmac.digest(key, text, "sha256")[:_SIGNATURE_BYTES].hex()

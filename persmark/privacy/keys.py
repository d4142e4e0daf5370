"""The key, what it seals, and the pseudonyms it makes.

One key of 32 bytes guards everything. It comes from the environment (`PERSMARK_KEY`, hex or
base64) or else from a file that is made for the owner's eyes only, outside the data folder: who
copies the data has not copied the key.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from persmark.errors import InputError, PersmarkError
from persmark.settings import settings
from persmark.text import text

Kept = TypeVar("Kept")

KEY_VARIABLE = "PERSMARK_KEY"
KEY_BYTES = 32

_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2.2: random nonces, at most 2**32 values per key


class KeyLostError(PersmarkError):
    """The key that sealed a value is not the one at hand, or there is none."""


class Key:
    """Two keys derived from the one secret, so that sealing and naming share nothing."""

    def __init__(self, secret: bytes) -> None:
        self._names = hmac.digest(secret, b"persmark pseudonyms", "sha256")
        self._cipher = AESGCM(hmac.digest(secret, b"persmark sealing", "sha256"))
        self.key_id = hmac.digest(secret, b"persmark key id", "sha256")[:_ID_BYTES]

    def seal(self, value: bytes, place: str) -> bytes:
        """See `seal` of this module."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + self.key_id + nonce + self._cipher.encrypt(nonce, value, place.encode())

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """See `unseal` of this module."""
        start = len(_VERSION) + _ID_BYTES
        if sealed[: len(_VERSION)] != _VERSION or len(sealed) < start + _NONCE_BYTES:
            raise KeyLostError(
                text(
                    "A sealed value must begin with a known mark. Received: {n} bytes without it.",
                    n=len(sealed),
                ),
                "Not readable",
                text("The file was damaged or written by a newer version."),
            )
        if sealed[len(_VERSION) : start] != self.key_id:
            raise other_key()
        nonce, body = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, place.encode())
        except InvalidTag as broken:
            raise KeyLostError(
                text("A sealed value must be unchanged and in its own place. Received: an altered one."),
                "Not readable",
                text("Restore the file from a backup."),
            ) from broken

    def pseudonym(self, source_user_id: str) -> str:
        """See `pseudonym` of this module."""
        return "x" + hmac.digest(self._names, source_user_id.encode(), "sha256").hex()[:32]


def other_key() -> KeyLostError:
    """The refusal of a key that is not the one that sealed."""
    return KeyLostError(
        text("What is sealed can only be opened with the key that sealed it. Received: another key."),
        "Key lost",
        text(
            "Set {variable} to the earlier key or restore {path}; without it, contacts must be loaded again.",
            variable=KEY_VARIABLE,
            path=str(key_path()),
        ),
    )


def key_path() -> Path:
    """Where the key is kept when the environment does not give it."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "persmark" / "key"


def _parsed(written: str) -> bytes:
    """32 bytes from hex or base64 (either alphabet); the refusal never repeats what was given."""
    written = written.strip()
    try:
        if len(written) == 2 * KEY_BYTES:
            return bytes.fromhex(written)
        secret = base64.b64decode(written.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise InputError(
            text(
                "The key must be {bytes} bytes, written in hex or base64. Received: {n} characters.",
                bytes=KEY_BYTES,
                n=len(written),
            ),
            "Key refused",
            text('Make one with: python -c "import secrets; print(secrets.token_hex(32))"'),
        )
    return secret


@lru_cache(maxsize=8)
def _derived(secret: bytes) -> Key:
    return Key(secret)


def key_in_force(*, create: bool) -> Key:
    """The key in force; read each time, so that a changed environment or file is noticed."""
    given = os.environ.get(KEY_VARIABLE, "")
    if given:
        return _derived(_parsed(given))
    path = key_path()
    try:
        return _derived(_read_key(path))
    except FileNotFoundError:
        if not create:
            raise KeyLostError(
                text(
                    "What is sealed can only be opened with its key. Received: no key at {path}.",
                    path=str(path),
                ),
                "Key lost",
                text("Restore that file, or set {variable}.", variable=KEY_VARIABLE),
            ) from None
    _make_key(path)
    return _derived(_read_key(path))


def _read_key(path: Path) -> bytes:
    mode = path.stat().st_mode & 0o777
    if os.name == "posix" and mode & 0o077:
        raise InputError(
            text(
                "The key file must be readable by its owner only. Received: mode {mode} on {path}.",
                mode=f"{mode:04o}",
                path=str(path),
            ),
            "Key refused",
            text("Run: chmod 600 {path}", path=str(path)),
        )
    return _parsed(path.read_text("ascii", errors="replace"))


def _make_key(path: Path) -> None:
    """Write a new key, whole and 0600 from its first byte; whoever comes second uses the first one's."""
    if path.resolve().is_relative_to(settings().data_folder):
        raise InputError(
            text("The key must lie outside the data folder. Received: {path}.", path=str(path)),
            "Key refused",
            text("Set {variable} or XDG_CONFIG_HOME.", variable=KEY_VARIABLE),
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # 0600 by its contract
    try:
        with os.fdopen(handle, "w") as file:
            file.write(os.urandom(KEY_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails where a key already stands: never overwritten
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()


def seal(value: bytes, place: str = "rejects.raw") -> bytes:
    """Encrypt `value` so that it opens only under the same key and for the same `place`.

    Args:
        value: What must not stand in clear.
        place: Table and column (and row, where rows must not be swapped) that it will stand in.

    Returns:
        Version, key id, random nonce, AES-256-GCM ciphertext and tag: 37 bytes more than `value`.

    Raises:
        InputError: The key in the environment or its file is not usable.
    """
    return key_in_force(create=True).seal(value, place)


def seal_all(values: Iterable[bytes], place: str = "rejects.raw") -> list[bytes]:
    """`seal` for many values; the key is looked up once."""
    key = key_in_force(create=True)
    return [key.seal(value, place) for value in values]


def unseal(sealed: bytes, place: str = "rejects.raw") -> bytes:
    """What `seal` was given.

    Raises:
        KeyLostError: There is no key, it is another one, or `sealed` was altered or moved.
    """
    return key_in_force(create=False).unseal(sealed, place)


def unseal_all(
    values: Iterable[tuple[Kept, bytes]], place: str = "rejects.raw"
) -> Iterator[tuple[Kept, bytes]]:
    """`unseal` for many values, each with what it belongs to; the key is looked up once.

    Raises:
        KeyLostError: As `unseal`.
    """
    key: Key | None = None
    for kept, sealed in values:
        key = key or key_in_force(create=False)
        yield kept, key.unseal(sealed, place)


def pseudonym(source_user_id: str) -> str:
    """A user id that says nothing about `source_user_id`: `x` and 32 hex digits of HMAC-SHA256.

    The same under the same key, so that a person stays one user over all files.
    """
    return key_in_force(create=True).pseudonym(source_user_id)

"""Encryption at rest: credentials sealed in envelopes that say which key opens them.

Source: AES-256-GCM (NIST SP 800-38D) with a random nonce; scrypt (RFC 7914) with the parameters OWASP advises.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from functools import lru_cache
from hashlib import scrypt, sha256

import msgspec
from msgspec import Struct

from pipeline.errors import StoreError

_VERSION = 1
_KEY_BYTES = 32
_NONCE_BYTES = 12
_SALT_BYTES = 16
_N, _R, _P = 2**15, 8, 3  # 32 MiB and about 0.3 s, once for each salt
_MEMORY = 2 * 128 * _N * _R


class Envelope(Struct, forbid_unknown_fields=True):
    """Something sealed. Shape: `kid` names the key: a fingerprint, after the salt where it comes from a passphrase."""

    v: int
    kid: str
    nonce: str
    data: str


class Damaged(Exception):
    """What is sealed was changed, or is no envelope of ours."""


class Sealer:
    """Seals with the first secret and opens with all of them.

    Shape: a secret is 32 bytes in base64, or else a passphrase.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._salt = b""

    def seal(self, content: bytes) -> bytes:
        """Return content as a JSON envelope; without a secret, as it is."""
        if not self._secrets:
            return content
        self._salt = self._salt or os.urandom(_SALT_BYTES)
        kid, key = _keyed(self._secrets[0], self._salt)
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 9 MB that only sealed stores need

        nonce = os.urandom(_NONCE_BYTES)
        data = AESGCM(key).encrypt(nonce, content, kid.encode())
        envelope = Envelope(_VERSION, kid, base64.b64encode(nonce).decode(), base64.b64encode(data).decode())
        return msgspec.json.encode(envelope)

    def open(self, content: bytes) -> bytes:
        """Return what an envelope holds; what is none, as it is.

        Errors: StoreError when it takes another secret, Damaged when it was changed.
        """
        envelope = read_envelope(content)
        if envelope is None:
            return content
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._key(envelope.kid)
        try:
            nonce, data = (base64.b64decode(text, validate=True) for text in (envelope.nonce, envelope.data))
            return AESGCM(key).decrypt(nonce, data, envelope.kid.encode())
        except (InvalidTag, binascii.Error, ValueError) as exc:
            raise Damaged("it was sealed here, and was changed or cut since") from exc

    def is_current(self, content: bytes) -> bool:
        """Whether sealing would change nothing about who can open it."""
        envelope = read_envelope(content)
        if envelope is None or not self._secrets:
            return envelope is None and not self._secrets
        return _keyed(self._secrets[0], _salt(envelope.kid))[0] == envelope.kid

    def _key(self, kid: str) -> bytes:
        salt = _salt(kid)
        for secret in self._secrets:
            known, key = _keyed(secret, salt)
            if known == kid:
                if secret == self._secrets[0]:
                    self._salt = salt  # one salt for all, as each one costs 0.3 s
                return key
        why = "POLLUX_ENCRYPTION_KEY is another one" if self._secrets else "POLLUX_ENCRYPTION_KEY is not set"
        raise StoreError(f"Credentials are encrypted and cannot be opened: {why} (they need key {kid}).")


def read_envelope(content: bytes) -> Envelope | None:
    """Return the envelope these bytes are, if they are one."""
    if not content.lstrip().startswith(b"{"):
        return None
    try:
        return msgspec.json.decode(content, type=Envelope)
    except msgspec.MsgspecError:
        return None


def _salt(kid: str) -> bytes:
    salt, _, fingerprint = kid.rpartition("-")
    try:
        return bytes.fromhex(salt) if fingerprint else b""
    except ValueError:
        return b""


@lru_cache(maxsize=256)
def _keyed(secret: str, salt: bytes) -> tuple[str, bytes]:
    """Return a secret's key and its name; a key that is given as such needs no salt."""
    key = _plain_key(secret)
    if key is not None:
        return _fingerprint(key), key
    key = scrypt(secret.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY, dklen=_KEY_BYTES)
    return f"{salt.hex()}-{_fingerprint(key)}", key


def _plain_key(secret: str) -> bytes | None:
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _KEY_BYTES else None


def _fingerprint(key: bytes) -> str:
    return sha256(b"pollux key id" + key).hexdigest()[:16]

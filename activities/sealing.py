"""Secrets we must be able to read again, to sign with them: kept encrypted, with a key made from `TWOWAY_SECRET_KEY`."""

from hashlib import sha256

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from models.settings import Settings

_HEADER = {"alg": "dir", "enc": "A256GCM"}
_SHORTEST = 32


class UnreadableSecretError(Exception):
    """A stored secret was sealed with another `TWOWAY_SECRET_KEY`; it has to be given or made anew."""


class Sealing:
    """Seals secrets and opens them.

    Args:
        settings: with the secret key.
    """

    def __init__(self, settings: Settings) -> None:
        secret = settings.secret_key.get_secret_value()
        self._key = OctKey.import_key(sha256(b"twoway sealed secrets\0" + secret.encode()).digest()) if len(secret) >= _SHORTEST else None

    @property
    def possible(self) -> bool:
        """Whether there is a key to seal with."""
        return self._key is not None

    def seal(self, secret: str) -> str:
        """A secret as it is stored.

        Raises:
            ValueError: when `TWOWAY_SECRET_KEY` is not set.
        """
        if self._key is None:
            raise ValueError(f"TWOWAY_SECRET_KEY must be set, at least {_SHORTEST} characters, to keep secrets")
        return jwe.encrypt_compact(_HEADER, secret.encode(), self._key)

    def open(self, sealed: str) -> str:
        """The secret that was sealed.

        Raises:
            UnreadableSecretError: when it was sealed with another key.
        """
        if self._key is None:
            raise UnreadableSecretError
        try:
            plain = jwe.decrypt_compact(sealed, self._key).plaintext
        except (JoseError, ValueError):
            raise UnreadableSecretError from None
        return (plain or b"").decode()

"""Speaking to Salesforce as somebody who is signed in: OAuth's client credentials, a refresh token, or an assertion that we sign."""

import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from activities.crm.protocol import CrmError, Trouble
from activities.crm.wire import Answer, Wire, reading
from models.settings import Settings

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTED_FOR = 180
"""Seconds for which an assertion is good; it is used at once."""


class Session:
    """One sign-in, and a new one whenever Salesforce says that it is over.

    Args:
        settings: the organisation's address, and how we sign in there.

    Attributes:
        user: Salesforce's id of the user that we are; empty before the first answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wire = Wire(settings.salesforce_url, settings.crm_timeout)
        self._token, self._base, self.user = "", "", ""

    async def close(self) -> None:
        """Give the connections back."""
        await self._wire.close()

    async def ask(self, method: str, path: str, **what: Any) -> Answer:
        """Ask for something; a session that is over is begun anew, once.

        Args:
            method: of HTTP.
            path: within the organisation.
            what: as for `Wire.ask`.

        Raises:
            CrmError: as for `Wire.ask`; `unauthorized` when Salesforce does not let us in.
        """
        for again in (False, True):
            if not self._token:
                await self._sign_in()
            answer = await self._wire.ask(method, f"{self._base}{path}", headers={"Authorization": f"Bearer {self._token}"}, **what)
            if answer.status != 401 or again:
                break
            self._token = ""
        return answer

    async def _sign_in(self) -> None:
        answer = await self._wire.ask("POST", "/services/oauth2/token", data=self._grant())
        if not answer.ok:
            raise CrmError(Trouble.UNAUTHORIZED)
        with reading():
            self._token, self.user = str(answer.body["access_token"]), str(answer.body["id"]).rsplit("/", 1)[-1]
            self._base = str(answer.body["instance_url"]).rstrip("/")
        if self._base.startswith("http:") and self._settings.salesforce_url.startswith("https:"):
            self._token = ""
            raise CrmError(Trouble.MALFORMED)

    def _grant(self) -> dict[str, str]:
        """What we ask to be let in with (RFC 6749, sections 4.4 and 6; RFC 7523, section 2.1)."""
        settings = self._settings
        if settings.salesforce_private_key.get_secret_value():
            return {"grant_type": _JWT_BEARER, "assertion": self._assertion()}
        secret, refresh = settings.salesforce_client_secret.get_secret_value(), settings.salesforce_refresh_token.get_secret_value()
        form = {"client_id": settings.salesforce_client_id, **({"client_secret": secret} if secret else {})}
        return form | ({"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {"grant_type": "client_credentials"})

    def _assertion(self) -> str:
        settings = self._settings
        claims = {
            "iss": settings.salesforce_client_id,
            "sub": settings.salesforce_user,
            "aud": settings.salesforce_audience,
            "exp": int(time.time()) + _ASSERTED_FOR,
        }
        return jwt.encode({"alg": "RS256"}, claims, private_key(settings.salesforce_private_key))


def private_key(text: SecretStr) -> RSAKey:
    r"""The key that assertions are signed with. In a setting of one line its lines may be parted by `\n`.

    Raises:
        ValueError: when it is no private RSA key.
    """
    try:
        key = RSAKey.import_key(text.get_secret_value().replace("\\n", "\n"))
    except (ValueError, JoseError):
        raise ValueError("it is no private RSA key (PEM)") from None
    if not key.is_private:
        raise ValueError("it is no private RSA key (PEM)")
    return key

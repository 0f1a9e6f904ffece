"""OpenID Connect, by Authlib: the authorization code flow with PKCE, state and nonce.

Authlib speaks the protocol and verifies what comes back; who may come in is decided here. What a browser has to bring
back is in a cookie of its own, signed and short-lived, so that nobody can finish what somebody else began.
"""

import warnings
from typing import Any
from uuid import UUID

import httpx
import structlog
from authlib.deprecate import AuthlibDeprecationWarning
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc.errors import JoseError
from sqlalchemy import text
from starlette.requests import Request

from activities.database import Database
from api.services.provider import COOKIE, LASTS, PATH, Leaving, NotLetIn, ProviderAway
from api.services.sign_in import spelling
from models.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # it recommends a successor of httpx; we stay with one client for all
    from authlib.integrations.starlette_client import OAuth, OAuthError

_TIMEOUT = 5.0
_LEEWAY = 60
"""Seconds the provider's clock may be off."""
_SIGNATURES = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"})
"""How a token may be signed: with a key that only the provider has."""
_AWAY = (httpx.HTTPError, ValueError, KeyError, TypeError, RuntimeError)
"""What an answer that cannot be had, or used, raises."""
_USER = text("SELECT id FROM users WHERE email = :email AND active")
_log = structlog.get_logger()


class OpenIdProvider:
    """The company's provider.

    Args:
        settings: name it, and hold the secrets.
    """

    def __init__(self, settings: Settings) -> None:
        self.name = settings.oidc_name
        self._settings = settings
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._back = f"{settings.public_url.rstrip('/')}{PATH}/back"
        self._signer = URLSafeTimedSerializer(settings.secret_key.get_secret_value(), salt="twoway-provider")
        self._client = self._new_client()

    def _new_client(self) -> Any:
        return OAuth().register(
            "provider",
            client_id=self._settings.oidc_client_id,
            client_secret=self._settings.oidc_client_secret.get_secret_value(),
            server_metadata_url=f"{self._issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256", "timeout": _TIMEOUT},
        )

    async def leave(self, request: Request, onward: str) -> Leaving:
        """Set out for the provider, see `Provider`.

        Raises:
            ProviderAway: when the provider does not answer.
        """
        luggage: dict[str, Any] = {}
        request.scope["session"] = luggage  # where Authlib keeps what has to come back
        try:
            await self._meet()
            answer = await self._client.authorize_redirect(request, self._back)
        except _AWAY as err:
            raise self._away(err) from None
        return Leaving(answer.headers["location"], self._signer.dumps([luggage, onward]))

    async def come_back(self, request: Request, database: Database) -> tuple[UUID, str]:
        """See who came back, see `Provider`.

        Raises:
            NotLetIn: when they are nobody we know, or something does not fit together.
            ProviderAway: when the provider does not answer.
        """
        try:
            luggage, onward = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=LASTS)
        except BadSignature:
            raise NotLetIn("That took too long, or began in another browser. Please try again.") from None
        request.scope["session"] = luggage
        email = self._verified(await self._claims(request))
        async with database.connection() as connection:
            user: UUID | None = (await connection.execute(_USER, {"email": spelling(email)})).scalar_one_or_none()
        if user is None:
            raise NotLetIn(f"{self.name} knows you as {email}, but nobody here has that address. Ask an admin to add you.")
        return user, onward

    async def _meet(self) -> None:
        """Know the provider's addresses and keys, and that it is the one we were told of.

        Raises:
            ValueError: when it is another one.
        """
        metadata = await self._client.load_server_metadata()
        if str(metadata.get("issuer")).rstrip("/") != self._issuer:
            self._client = self._new_client()  # forgets what it was told
            raise ValueError("another issuer")
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in _SIGNATURES]

    async def _claims(self, request: Request) -> dict[str, Any]:
        """What the provider vouches for.

        Raises:
            NotLetIn: when it is not meant for us, not for now, or not signed by the provider.
            ProviderAway: when the provider does not answer.
        """
        try:
            await self._meet()
            expected = {
                "iss": {"essential": True, "value": self._client.server_metadata["issuer"]},
                "aud": {"essential": True, "value": self._settings.oidc_client_id},
            }
            token = await self._client.authorize_access_token(request, claims_options=expected, leeway=_LEEWAY)
            claims: dict[str, Any] = token.get("userinfo") or {}
            if claims and "email" not in claims and "userinfo_endpoint" in self._client.server_metadata:
                more = await self._client.userinfo(token=token)
                claims = claims | more if more.get("sub") == claims["sub"] else claims
        except (OAuthError, JoseError) as err:
            _log.warning("the provider's answer was refused", cause=type(err).__name__)
            denied = getattr(err, "error", None) == "access_denied"
            said = "did not sign you in" if denied else "answered what is not for us, or too old"
            raise NotLetIn(f"{self.name} {said}. Please try again.") from None
        except _AWAY as err:
            raise self._away(err) from None
        return claims

    def _verified(self, claims: dict[str, Any]) -> str:
        """The e-mail address that the provider vouches for.

        Raises:
            NotLetIn: when there is none.
        """
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            raise NotLetIn(f"{self.name} did not tell your e-mail address, by which you are known here. Ask an admin for a sign-in link.")
        if claims.get("email_verified") not in (True, "true"):
            raise NotLetIn(f"{self.name} has not verified that {email} is yours. Have it verified there, then try again.")
        return email

    def _away(self, err: Exception) -> ProviderAway:
        _log.warning("the sign-in provider does not do its part", cause=type(err).__name__)
        return ProviderAway(self.name)

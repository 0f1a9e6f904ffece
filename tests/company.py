"""A company's sign-in provider (OpenID Connect), small and real: HTTP, RSA keys, PKCE. What it gets wrong can be chosen."""

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Form, Header, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.engines import free_port

CLIENT, SECRET = "twoway", "a secret between the two"


@dataclass
class Company:
    """What the provider says, and how it misbehaves.

    Args:
        port: where it listens.
    """

    port: int
    email: str | None = "kim@team.example"
    verified: object = True
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    denied: bool = False
    broken: str | None = None
    in_userinfo: dict[str, Any] | None = None
    signed_with: RSAKey | OctKey | None = None
    seen: list[str] = field(default_factory=list)
    _key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    _asked: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def change_keys(self) -> None:
        """As providers do from time to time."""
        self._key = RSAKey.generate_key(2048, {"kid": uuid4().hex})

    def discovery(self) -> dict[str, Any]:
        at = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token", "userinfo")}
        keys = {"jwks_uri": f"{self.issuer}/jwks", "id_token_signing_alg_values_supported": ["RS256"]}
        return {"issuer": self.issuer, **at, **keys, **self.metadata}

    def public_keys(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        if self.denied:
            return f"{asked['redirect_uri']}?error=access_denied&state={asked['state']}"
        code = uuid4().hex
        self._asked[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def token(self, code: str, verifier: str, back: str) -> dict[str, Any] | None:
        """Tokens for a code, once, and only for who began."""
        asked = self._asked.pop(code, None)
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if asked is None or (asked["code_challenge"], asked["redirect_uri"]) != (challenge, back):
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "42", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= {} if self.email is None else {"email": self.email, "email_verified": self.verified}
        key = self.signed_with or self._key
        header = {"alg": "HS256" if isinstance(key, OctKey) else "RS256", "kid": self._key.kid}
        signed = jwt.encode(header, claims | self.claims, key)
        return {"access_token": "a", "token_type": "Bearer", "id_token": signed}


def _application(company: Company) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return Response(company.broken, 500) if company.broken else JSONResponse(company.discovery())

    @app.get("/jwks")
    def jwks() -> Any:
        return company.public_keys()

    @app.get("/authorization")
    def authorize(request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert {"openid", "email"} <= set(asked["scope"].split())
        return RedirectResponse(company.authorize(asked), 302)

    @app.post("/token")
    def token(code: str = Form(), code_verifier: str = Form(), redirect_uri: str = Form(), authorization: str = Header()) -> JSONResponse:
        company.seen.append("token")
        assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT}:{SECRET}"
        found = company.token(code, code_verifier, redirect_uri)
        return JSONResponse({"error": "invalid_grant"}, 400) if found is None else JSONResponse(found)

    @app.get("/userinfo")
    def userinfo(authorization: str = Header()) -> Any:
        assert authorization == "Bearer a"
        return company.in_userinfo

    return app


@contextmanager
def open_for_business(company: Company) -> Iterator[None]:
    """The provider, answering."""
    server = uvicorn.Server(uvicorn.Config(_application(company), "127.0.0.1", company.port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def company_on_a_free_port() -> Iterator[Company]:
    """A provider that behaves until told otherwise."""
    found = Company(free_port())
    with open_for_business(found):
        yield found

"""Logging in by OpenID Connect (Core 1.0, authorization code flow with PKCE), through Authlib.

Rules of this file: state, nonce and verifier are fresh for each try and lie in a signed cookie that lasts ten minutes; the
identity token's signature, issuer, audience, times and nonce are checked before a word of it counts; a person whose claim
names no role of ours stays outside.
"""

import secrets
import ssl
import time
import warnings
from collections.abc import Mapping
from typing import Any

import httpx
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from caveat.console.ports import Provider
from caveat.console.roles import ROLES
from caveat.console.sessions import Session, Sessions
from caveat.errors import Refused, Unavailable

with warnings.catch_warnings(record=True):
    # Authlib takes httpx2 where it is installed, and where it is not it warns of httpx, past every filter set before.
    from authlib.integrations.httpx_client import AsyncOAuth2Client

COOKIE = "caveat-oidc"
TRY_S = 600
SKEW_S = 60
SECONDS = 10.0
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
SCOPE = "openid profile email"


class Oidc:
    """One provider."""

    def __init__(self, provider: Provider, sessions: Sessions, *, secure: bool) -> None:
        self._provider = provider
        self._sessions = sessions
        self._secure = secure
        self._tries = URLSafeTimedSerializer(sessions.key("oidc"), salt="caveat-console-oidc")

    async def begin(self, wanted: str) -> Response:
        """Send the browser to the provider."""
        about = await self._about()
        kept = {"nonce": secrets.token_urlsafe(24), "verifier": secrets.token_urlsafe(48), "next": wanted}
        async with self._client() as client:
            url, state = client.create_authorization_url(
                about["authorization_endpoint"], code_verifier=kept["verifier"], nonce=kept["nonce"]
            )
        answer = RedirectResponse(url, 303)
        answer.set_cookie(
            COOKIE,
            self._tries.dumps({**kept, "state": state}),
            max_age=TRY_S,
            path="/console",
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )
        return answer

    async def end(self, request: Request) -> tuple[Session, str, str]:
        """The session that the provider's answer makes, where to go on, and the cookie to drop.  Raises Refused."""
        try:
            kept = self._tries.loads(request.cookies.get(COOKIE, ""), max_age=TRY_S)
        except BadSignature:
            raise _no("the log-in took too long, or was not begun here") from None
        if not secrets.compare_digest(request.query_params.get("state", ""), kept["state"]):
            raise _no("the provider's answer is not to the question that was asked here")
        if "code" not in request.query_params:
            raise _no("the provider did not log you in")
        about = await self._about()
        claims = await self._claims(about, request.query_params["code"], kept)
        return self._session(claims), str(kept["next"]), COOKIE

    async def _claims(self, about: Mapping[str, Any], code: str, kept: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    about["token_endpoint"], code=code, code_verifier=kept["verifier"], grant_type="authorization_code"
                )
                keys = (await client.request("GET", about["jwks_uri"], withhold_token=True)).json()
            found = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=ALGORITHMS)
        except httpx.HTTPError:
            raise _away() from None
        except (JoseError, KeyError, ValueError, TypeError) as error:
            raise _no("the provider's identity token does not hold") from error
        except Exception as error:
            if type(error).__module__.startswith("authlib."):
                raise _no("the provider did not take the code") from None
            if type(error).__module__.startswith("httpx2"):
                raise _away() from None
            raise
        self._check(found.claims, kept["nonce"])
        return found.claims

    def _check(self, claims: Mapping[str, Any], nonce: str) -> None:
        """OpenID Connect Core 1.0 section 3.1.3.7."""
        named, now = _words(claims.get("aud")), time.time()
        until, since = claims.get("exp"), claims.get("iat", now)
        if claims.get("iss") != self._provider.issuer:
            raise _no("the identity token is another issuer's")
        if self._provider.client_id not in named or (len(named) > 1 and claims.get("azp") != self._provider.client_id):
            raise _no("the identity token is for another client")
        if not (isinstance(until, int | float) and isinstance(since, int | float)):
            raise _no("the identity token bears no times")
        if until + SKEW_S < now or since - SKEW_S > now:
            raise _no("the identity token is out of its time")
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise _no("the identity token answers another log-in")

    def _session(self, claims: Mapping[str, Any]) -> Session:
        """The highest role that a word of the claim leads to."""
        words = _words(claims.get(self._provider.claim))
        roles = {self._provider.roles[word] for word in words if word in self._provider.roles}
        best = next((role for role in ("operator", "approver", "auditor", "viewer") if role in roles), "")
        if best not in ROLES:
            raise _no(f"nothing in your claim `{self._provider.claim}` leads to a role here")
        person = str(claims.get("preferred_username") or claims.get("email") or claims.get("sub", ""))[:100]
        return self._sessions.begin(person, best, "oidc")

    async def _about(self) -> dict[str, Any]:
        """The provider's description (OpenID Connect Discovery 1.0).  Raises Unavailable, Refused."""
        url = self._provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False, verify=self._tls()) as client:
                about: dict[str, Any] = (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            raise _away() from None
        if about.get("issuer") != self._provider.issuer:
            raise _no("the provider describes itself as another")
        return about

    def _client(self) -> AsyncOAuth2Client:
        provider = self._provider
        return AsyncOAuth2Client(
            provider.client_id,
            provider.client_secret,
            scope=SCOPE,
            redirect_uri=provider.redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - a word of RFC 6749
            timeout=SECONDS,
            trust_env=False,
            verify=self._tls(),
        )

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._provider.ca_bundle or None)


def _words(said: object) -> list[str]:
    """A claim that is a word, or a list of them."""
    if isinstance(said, str):
        return [said]
    return [word for word in said if isinstance(word, str)] if isinstance(said, list | tuple) else []


def _no(why: str) -> Refused:
    return Refused(why, code="invalid_key", status=401, hint="go back to the log-in and try again")


def _away() -> Unavailable:
    return Unavailable("the OpenID provider cannot be reached", hint="try again, or log in with `caveat console link`")

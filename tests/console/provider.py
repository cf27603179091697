"""A scripted OpenID provider: a real HTTP server with a key of its own, which answers as it is told to."""

import asyncio
import base64
import hashlib
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

CLIENT, SECRET = "caveat-console", "the-console-s-secret"


class Provider:
    """`claims` go into each identity token on top of the ordinary ones; None takes one out; `key` signs."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.own = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.key = self.own
        self.claims = {}
        self.asked = {}
        self.token_at = f"{issuer}/token"

    def app(self):
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.about),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def about(self, _request):
        names = {"authorization_endpoint": "authorize", "jwks_uri": "keys"}
        return JSONResponse(
            {
                "issuer": self.issuer,
                "token_endpoint": self.token_at,
                **{k: f"{self.issuer}/{v}" for k, v in names.items()},
            }
        )

    async def authorize(self, request):
        self.asked = dict(request.query_params)
        back = {"code": "the-code", "state": self.asked["state"]}
        return RedirectResponse(f"{self.asked['redirect_uri']}?{urlencode(back)}")

    async def token(self, request):
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        basic = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            basic != f"{CLIENT}:{SECRET}"
            or challenge.decode() != self.asked["code_challenge"]
            or form["code"] != "the-code"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "1",
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked["nonce"],
        }
        claims |= {"preferred_username": "anna", "groups": ["inspectors"], **self.claims}
        claims = {k: v for k, v in claims.items() if v is not None}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})

    async def keys(self, _request):
        return JSONResponse({"keys": [self.own.as_dict(private=False)]})


@contextmanager
def provider():
    """It runs on a free loopback port."""
    made: list[Provider] = []
    config = uvicorn.Config(lambda *_: None, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    sock = config.bind_socket()
    made.append(Provider(f"http://127.0.0.1:{sock.getsockname()[1]}"))
    server = uvicorn.Server(uvicorn.Config(made[0].app(), log_level="error", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])), daemon=True)
    thread.start()
    try:
        yield made[0]
    finally:
        server.should_exit = True
        thread.join(60)
        sock.close()


def query_of(url):
    """The parameters of an address."""
    return {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}

"""Permits: one profile, every claim checked, the exact body always."""

import json
import time
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey
from tests.seal.sealing import BODY, CHAT, MODEL, PERMITS, SEAL, permit, seeded, token

from caveat.canon import b64url, unb64url
from caveat.errors import Refused
from caveat.seal.permit import Asked, Expected, body_digest, by_id, check, key_id

NOW = int(time.time())


def checked(text: str, *, body: bytes = BODY, method: str = "POST", target: str = CHAT, **expected):
    plain = {"seal": SEAL.name, "model": MODEL, "keys": by_id([PERMITS.verify_key]), "now_s": NOW, "since_s": 0}
    return check(text, Asked(method, target, body), Expected(**{**plain, **expected}))


def code_of(text: str, **given) -> str:
    with pytest.raises(Refused) as refused:
        checked(text, **given)
    assert refused.value.status == 401
    return refused.value.code


def test_a_permit_holds_for_its_request():
    asked = permit(iat=NOW, exp=NOW + 60)
    assert checked(token(iat=NOW, exp=NOW + 60, jti=asked.jti)) == asked


@pytest.mark.parametrize(
    ("case", "claims", "given", "code"),
    [
        ("another body", {}, {"body": BODY + b" "}, "permit_body"),
        ("no body", {}, {"body": b""}, "permit_body"),
        ("another path", {}, {"target": "/v1/embeddings"}, "permit_target"),
        ("a query more", {}, {"target": CHAT + "?beta=true"}, "permit_target"),
        ("another method", {}, {"method": "GET"}, "permit_target"),
        ("another model", {"mdl": "weights:sha256:00"}, {}, "permit_model"),
        ("another seal", {"aud": "labs.example.test/seal-2"}, {}, "permit_addressee"),
        ("another issuer", {"iss": "gw2.permits"}, {}, "permit_addressee"),
        ("late", {"iat": NOW - 90, "exp": NOW - 30}, {}, "permit_time"),
        ("at its end", {"iat": NOW - 30, "exp": NOW}, {}, "permit_time"),
        ("early", {"iat": NOW + 20, "exp": NOW + 40}, {}, "permit_time"),
        ("living too long", {"iat": NOW, "exp": NOW + 61}, {}, "permit_time"),
        ("living not at all", {"iat": NOW, "exp": NOW}, {}, "permit_time"),
        ("from before the start", {"iat": NOW - 3, "exp": NOW + 20}, {"since_s": NOW - 2}, "permit_before_start"),
    ],
)
def test_a_permit_for_anything_else_is_refused(case, claims, given, code):
    assert code_of(token(**{"iat": NOW, "exp": NOW + 30, **claims}), **given) == code


def resigned(header: dict[str, Any], payload: bytes, key: Any = None, algorithm: str = "Ed25519") -> str:
    seed = unb64url(b64url(PERMITS._seed))
    own = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": b64url(PERMITS.verify_key.public), "d": b64url(seed)})
    return jws.serialize_compact(header, payload, key or own, algorithms=[algorithm])


def payload(**changes: object) -> bytes:
    claims = json.loads(unb64url(token(iat=NOW, exp=NOW + 30).split(".")[1]))
    return json.dumps({**claims, **changes}, sort_keys=True, separators=(",", ":")).encode()


HEADER: dict[str, Any] = {"alg": "Ed25519", "kid": key_id(PERMITS.verify_key), "typ": "caveat-permit+jws"}


def test_a_permit_made_by_hand_holds_so_the_profile_is_what_the_page_says():
    assert checked(resigned(HEADER, payload())).htp == CHAT


@pytest.mark.parametrize(
    ("case", "header"),
    [
        ("an older name of the algorithm", {**HEADER, "alg": "EdDSA"}),
        ("another type", {**HEADER, "typ": "JWT"}),
        ("no type", {k: v for k, v in HEADER.items() if k != "typ"}),
        ("no key id", {k: v for k, v in HEADER.items() if k != "kid"}),
        ("a key of its own", {**HEADER, "jwk": {"kty": "OKP"}}),
        ("a critical header", {**HEADER, "crit": ["b64"], "b64": False}),
        ("another's key id", {**HEADER, "kid": key_id(seeded("gw2.permits").verify_key)}),
    ],
)
def test_a_header_of_another_profile_is_refused_before_any_key_is_touched(case, header):
    body = payload()
    text = f"{b64url(json.dumps(header).encode())}.{b64url(body)}.{b64url(bytes(64))}"
    assert code_of(text) == "permit_unknown"


def test_no_algorithm_and_a_shared_key_made_of_the_public_one_are_refused():
    none = f"{b64url(json.dumps({**HEADER, 'alg': 'none'}).encode())}.{b64url(payload())}."
    assert code_of(none) == "permit_unknown"
    shared = OctKey.import_key(PERMITS.verify_key.public)
    hs256 = resigned({**HEADER, "alg": "HS256"}, payload(), shared, "HS256")
    assert code_of(hs256) == "permit_unknown"


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("a claim more", payload(more=1)),
        ("a claim less", json.dumps({k: v for k, v in json.loads(payload()).items() if k != "dig"}).encode()),
        ("a claim of another type", payload(max="1")),
        ("a float", payload(iat=NOW + 0.5)),
        ("a call id of another form", payload(jti="x" * 32)),
        ("a checkpoint of another form", payload(chk="7 abc")),
        ("spaces", json.dumps(json.loads(payload()), sort_keys=True).encode()),
        ("a claim twice", payload()[:-1] + b',"trm":"office@1 sha256:00"}'),
        ("no object", b"[]"),
    ],
)
def test_claims_of_another_profile_are_refused_though_they_are_signed(case, data):
    assert code_of(resigned(HEADER, data)) == "permit_unknown"


def test_every_changed_character_is_refused():
    text = token(iat=NOW, exp=NOW + 30)
    for at in range(0, len(text), 3):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises(Refused):
            checked(changed)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "\udcff", "x" * 20_000])
def test_what_is_no_token_is_refused(text):
    assert code_of(text) == "permit_unknown"


def test_the_digest_is_that_of_rfc_9530():
    """Appendix B.1 of RFC 9530, over the content `{"hello": "world"}` with its line feed."""
    assert body_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"

"""Secrets: exact forms, checksums, and the stand-ins that documentation is full of."""

import base64
import json
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recognize.reading import prose, seen_by

from caveat.recognize.secret_forms import FORMS, entropy, github_checksum
from caveat.recognize.secrets import HORIZON, Secrets

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRETS = Secrets()


def github(body: str, prefix: str = "ghp") -> str:
    """A token whose checksum holds: made by the published rule, of no account."""
    crc, tail = zlib.crc32(body.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        tail = BASE62[digit] + tail
    return f"{prefix}_{body}{tail}"


def jwt(header: dict[str, str]) -> str:
    parts = (json.dumps(header).encode(), b'{"sub":"42","name":"Ann"}', b"not a signature of anyone at all")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


BODY = "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1"
SIXTY = "Zk3" * 2 + "Qw7Er9Ty2Ui5Op8As1Df4Gh6Jk0Lz3Xc" + "Vb5Nm7Qw9Er1Ty3Ui6Op"
FOUND = {
    "an RSA key": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nDEK-Info: x\n-----END RSA PRIVATE KEY-----",
        "private-key",
    ),
    "a key in JSON": ('"-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n"', "private-key"),
    "a PGP key": ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----", "private-key"),
    "a key cut off": ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza", "private-key"),
    "a signed-note key": (
        "PRIVATE+KEY+example.org/log+0f1e2d3c+" + "AYEKFALVYGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        "private-key",
    ),
    "AWS": ("key: AKIAQ3EGJWZ7NK4PXL5T", "aws-key"),
    "AWS, the secret half": ("aws_secret_access_key = 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", "aws-key"),
    "GitHub": (github(BODY), "github-token"),
    "GitHub, an app's": (github(BODY, "ghs"), "github-token"),
    "GitLab": ("glpat-x9Kd3mQ7vR2nB5wT8zLc", "gitlab-token"),
    "Slack": ("xoxb-2418579036-Hk7Qw9Zx3Vb5", "slack-token"),
    "a Slack address": (
        "https://hooks.slack.com/services/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",
        "slack-webhook",
    ),
    "Stripe": ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "stripe-key"),
    "OpenAI": ("sk-proj-" + "Zk3Qw7Er9Ty2Ui5Op8As1" + "T3BlbkFJ" + "Vb5Nm7Qw9Er1Ty3Ui6Op2", "openai-key"),
    "Anthropic": ("sk-ant-api03-" + SIXTY, "anthropic-key"),
    "Google": ("AIza" + "SyD3kT8vQ2mZ5xR9wL3nB7cJ1hF6gD4sA0p", "google-key"),
    "npm": ("npm_" + "kT8vQ2mZ5xR9wL3nB7cJ1hF6gD4sA0pYuEiO", "npm-token"),
    "PyPI": ("pypi-AgEIcHlwaS5vcmc" + SIXTY, "pypi-token"),
    "Hugging Face": ("hf_" + "kTvQmZxRwLnBcJhFgDsApYuEiOrWqMzXcV", "huggingface-token"),
    "SendGrid": ("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", "sendgrid-key"),
    "Azure storage": ("AccountKey=" + base64.b64encode(bytes(range(7, 71))).decode(), "azure-key"),
    "a web token": (jwt({"alg": "HS256", "typ": "JWT"}), "jwt"),
    "basic authentication": ("Authorization: Basic " + base64.b64encode(b"anna:Winter7go").decode(), "basic-auth"),
    "a bearer's": ("authorization: Bearer kT8vQ2mZ5xR9wL3nB7cJ1hF6gD4sA0pY", "bearer-token"),
    "a database address": ("postgres://app:S3cr3tPw@db.internal:5432/x", "connection-string"),
    "a database's settings": ("Server=db;User Id=app;Password=Xk29!fooBar;", "connection-string"),
    "an assignment": ('password = "Tr0ub4dor&3x"', "password"),
    "a setting": ("DB_PASSWORD=Zx81!spectrum", "password"),
    "a sentence": ("The password is Xk29!fooBar.", "password"),
    "a French sentence": ("Le mot de passe est Xk29!fooBar.", "password"),
    "a French setting": ("Mot de passe : Xk29!fooBar", "password"),
    "a German sentence": ("Das Passwort lautet: Geh31m!Wort", "password"),
    "a Spanish sentence": ("La contraseña es Gat0Negro#9", "password"),
    "a key after its name": ("api_key='9f8b2c1d4e5f6a7b8c9d0e1f2a3b4c5d'", "password"),
}

HONEST = {
    "AWS, of the documentation": "AKIAIOSFODNN7EXAMPLE",
    "GitHub with a wrong checksum": "ghp_" + "a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6",
    "a public key": "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "a certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "base64 that begins like a token": "eyJmb28iOiJiYXIifQ.eyJmb28iOiJiYXIifQ.c2ln",
    "a picture": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==",
    "a stand-in": "password = <your-password-here>",
    "an environment": "password = os.environ['DB_PASSWORD']",
    "a shell's": "PASSWORD=${DB_PASSWORD:-Default1!}",
    "a type": "password: Optional[str] = None",
    "a schema": "token: string(2048) not null",
    "a model's name": "token: GPT-4o-mini-2024",
    "a recipe": "the secret of good soup is 3Tablespoons!",
    "a question": "How do I reset my password in Gmail?",
    "a French question": "Comment changer mon mot de passe sur Gmail ?",
    "a German question": "Wie ändere ich mein Passwort?",
    "a Spanish question": "¿Cómo cambio mi contraseña?",
    "an address with a stand-in": "postgres://user:password@localhost:5432/db",
    "an address with a variable": "amqp://app:${RABBIT_PASSWORD}@mq/",
    "an address without": "https://example.org:8443/a@b",
    "basic English": "Basic understanding of chemistry",
    "a digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "a UUID": "123e4567-e89b-12d3-a456-426614174000",
    "a commit": "fixed in 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "a path": "/usr/local/lib/python3.11/site-packages/stdnum/luhn.py",
}


@pytest.mark.parametrize(("text", "what"), FOUND.values(), ids=FOUND)
def test_found(text, what):
    assert f"secret.{what}" in seen_by(SECRETS, f"{prose(40)}\n{text}\n{prose(40)}")


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_honest(text):
    assert seen_by(SECRETS, f"{prose(40)}\n{text}\n{prose(40)}") == {}


def test_the_whole_secret_is_pointed_at():
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIE+/09\n" * 20 + "-----END PRIVATE KEY-----"
    assert seen_by(SECRETS, f"see\n{key}\nend")["secret.private-key"] == (key, 1000)
    assert seen_by(SECRETS, "postgres://app:S3cr3tPw@db/x")["secret.connection-string"] == ("S3cr3tPw", 1000)


@pytest.mark.parametrize("hide", ["\u200b", "\u2060", "\u00ad"])
def test_an_evaded_token(hide):
    token = github(BODY)
    evaded = token[:9] + hide + token[9:20] + hide + token[20:]
    assert seen_by(SECRETS, f"use {evaded} now")["secret.github-token"] == (evaded, 1000)


def test_an_encoded_token():
    text = base64.b64encode(("my token is " + github(BODY)).encode()).decode()
    found = seen_by(SECRETS, text)
    assert found["secret.github-token"] == (text, 1000)
    assert found["hidden.encoded"] == (text, 1000)


@given(st.text(alphabet=BASE62, min_size=30, max_size=30), st.integers(4, 39), st.sampled_from(BASE62))
def test_a_checksum_finds_every_slip(body, at, other):
    token = github(body)
    slipped = token[:at] + other + token[at + 1 :]
    match = re.fullmatch(r"ghp_(.{30})(.{6})", slipped)
    assert match is not None
    assert github_checksum(match) == (slipped == token)


def test_every_form_has_a_test():
    tested = {what for _, what in FOUND.values()}
    rare = {"google-token", "digitalocean-token", "shopify-token", "databricks-token", "vault-token", "telegram-token"}
    assert {form.what for form in FORMS} - tested == rare | {"atlassian-token", "linear-token"}


RARE = {
    "google-token": "GOCSPX-" + "kT8vQ2mZ5xR9wL3nB7cJ1hF6gD4s",
    "digitalocean-token": "dop_v1_" + "9f86d081884c7d659a2feaa0c55ad015" * 2,
    "shopify-token": "shpat_" + "9f86d081884c7d659a2feaa0c55ad015",
    "databricks-token": "dapi" + "9f86d081884c7d659a2feaa0c55ad015",
    "vault-token": "hvs." + "kT8vQ2mZ5xR9wL3nB7cJ1hF6gD4s",
    "telegram-token": "724815936:AAkT8vQ2mZ5xR9wL3nB7cJ1hF6gD4sA0pYu",
    "atlassian-token": "ATATT3" + SIXTY + SIXTY,
    "linear-token": "lin_api_" + "kT8vQ2mZ5xR9wL3nB7cJ1hF6gD4sA0pYuEiOrWqX",
}


@pytest.mark.parametrize(("what", "text"), RARE.items())
def test_rare_forms(what, text):
    assert seen_by(SECRETS, f"is {text} it")[f"secret.{what}"] == (text, 1000)


def test_a_key_is_seen_within_the_horizon():
    """Of a form longer than the horizon, its beginning is enough, so none of it leaves a stream."""
    for text, what in FOUND.values():
        short = text[: HORIZON - 1]
        assert f"secret.{what}" in seen_by(SECRETS, short)


def test_entropy():
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2

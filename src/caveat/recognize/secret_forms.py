"""Secrets as a table: what each looks like and what proves it.

Exact forms are their issuers' own, published so that scanners can find them: a prefix, a length, where there is one a
checksum.  What is only likely (a password after its name) says so with less than 1000 per mille.
"""

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable

from msgspec import Struct

Check = Callable[[re.Match[str]], bool]


class Form(Struct, frozen=True):
    """One form of secret.

    signs      strings, one of which any match contains in a run of 16 or more characters of a key's alphabet
    words      lower-case words, one of which stands beside any match: for forms that no such run gives away
    pattern    its last group is the secret itself, where it has groups
    """

    what: str
    signs: tuple[str, ...]
    words: frozenset[bytes]
    pattern: re.Pattern[str]
    check: Check
    per_mille: int = 1000


def entropy(text: str) -> float:
    """Bits a character, Shannon's measure over the text's own characters."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values()) if size else 0.0


_PLACEHOLDER = re.compile(
    r"example|placeholder|your|changeme|change_me|dummy|redacted|xxxx|\*{3}|\.\.\.|<[^>]*>|\$\{|\{\{|\$\(|%\(|insert|replace|sample|fake|todo|0{8}|1234567890"
)


def real(match: re.Match[str]) -> bool:
    """No stand-in such as `AKIAIOSFODNN7EXAMPLE`, and as random as a key is."""
    secret = match.group(match.lastindex or 0)
    return not _PLACEHOLDER.search(secret.lower()) and entropy(secret) >= 2.5


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def github_checksum(match: re.Match[str]) -> bool:
    """The last six characters are the CRC-32 of the thirty before, in base 62."""
    body, tail = match.group(1), match.group(2)
    crc, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        digits = _BASE62[digit] + digits
    return digits == tail


def jwt(match: re.Match[str]) -> bool:
    """Its first part is a JSON header with an `alg` (RFC 7515 section 4.1)."""
    head = match.group().partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def basic(match: re.Match[str]) -> bool:
    """It decodes to user:password (RFC 7617)."""
    data = match.group(1)
    try:
        user, _, password = base64.b64decode(data + "=" * (-len(data) % 4)).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return bool(user) and len(password) >= 3 and (user + password).isprintable()


_CODE = re.compile(
    r"[(\[{]|\.(?:get|env|read|decode|password|value|text)|::|->|^(?:none|null|true|false|self|this|os|env|process|config)\b|^[/.~]|://"
)


def likely(value: str) -> bool:
    """A value that a person would use as a password: three kinds of characters, one a digit, and no code, name or
    stand-in; or twenty and more of two kinds, as random as a key."""
    kinds = [any(map(test, value)) for test in (str.islower, str.isupper, str.isdigit)] + [not value.isalnum()]
    if not kinds[2] or _CODE.search(value.lower()) or _PLACEHOLDER.search(value.lower()):
        return False
    return (sum(kinds) >= 3 and entropy(value) >= 2.2) or strong(value)


def strong(value: str) -> bool:
    """At least twenty letters and digits, as random as a key."""
    letters = sum(map(str.isalpha, value))
    return len(value) >= 20 and 0 < letters < len(value) and entropy(value) >= 3.2 and any(map(str.isdigit, value))


def password(match: re.Match[str]) -> bool:
    """See likely."""
    return likely(match.group(1))


def in_url(match: re.Match[str]) -> bool:
    """The password in a connection string is no stand-in."""
    value = match.group(1)
    common = {
        "password",
        "passwd",
        "pass",
        "pwd",
        "secret",
        "user",
        "guest",
        "postgres",
        "root",
        "admin",
        "test",
        "mypassword",
        "p",
        "pw",
    }
    return value.lower() not in common and not _PLACEHOLDER.search(value.lower()) and not set(value) & set("<>{}$*[]")


def _form(what: str, signs: str, pattern: str, check: Check = real, per_mille: int = 1000) -> Form:
    return Form(what, tuple(signs.split()), frozenset(), re.compile(pattern), check, per_mille)


def _beside(what: str, words: str, pattern: str, check: Check = real, per_mille: int = 1000) -> Form:
    return Form(what, (), frozenset(words.encode().split()), re.compile(pattern), check, per_mille)


_E = r"(?![A-Za-z0-9])"
FORMS = (
    _beside(
        "private-key",
        "begin",
        r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:(?>(?:[^-]|-(?!-)){0,8000})-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----|)",
        lambda _: True,
    ),
    _beside(
        "private-key",
        "private",
        r"PRIVATE\+KEY\+[^\s+]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{40,64}={0,2}",
        lambda _: True,
    ),
    _form("private-key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    _form("aws-key", "AKIA ASIA", rf"A[KS]IA(?<![A-Za-z0-9]A[KS]IA)[A-Z2-7]{{16}}{_E}"),
    _beside(
        "aws-key",
        "aws awssecretaccesskey awssecretkey",
        r"(?:aws|AWS)[A-Za-z0-9_ .\-]{0,24}(?:secret|SECRET|Secret)[A-Za-z0-9_ .\-]{0,24}[\"']?\s{0,3}[:=]\s{0,3}[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    _form(
        "github-token",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        rf"gh[pousr]_([A-Za-z0-9]{{30}})([A-Za-z0-9]{{6}}){_E}",
        github_checksum,
    ),
    _form("github-token", "github_pat_", rf"github_pat_[A-Za-z0-9]{{22}}_[A-Za-z0-9]{{59}}{_E}"),
    _form("gitlab-token", "glpat-", r"glpat-[A-Za-z0-9_\-]{20,64}"),
    _form(
        "slack-token",
        "xoxb- xoxp- xoxa- xoxs- xoxr- xapp-",
        r"(?:xox[baprs]|xapp)-[0-9A-Za-z]{1,20}-[A-Za-z0-9\-]{10,120}",
    ),
    _form(
        "slack-webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,32}",
    ),
    _form("stripe-key", "sk_live_ rk_live_ whsec_", r"(?:sk_live_|rk_live_|whsec_)[A-Za-z0-9]{24,128}"),
    _form(
        "openai-key", "T3BlbkFJ", r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_\-]{16,100}T3BlbkFJ[A-Za-z0-9_\-]{16,100}"
    ),
    _form("anthropic-key", "sk-ant-", r"sk-ant-[a-z0-9]{3,12}-[A-Za-z0-9_\-]{40,128}"),
    _form("google-key", "AIza", rf"AIza[A-Za-z0-9_\-]{{35}}{_E}"),
    _form("google-token", "ya29. GOCSPX-", r"(?:ya29\.[A-Za-z0-9_\-]{40,256}|GOCSPX-[A-Za-z0-9_\-]{28})"),
    _form("npm-token", "npm_", rf"npm_[A-Za-z0-9]{{36}}{_E}"),
    _form("pypi-token", "pypi-AgEIcHlwaS5vcmc", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_\-]{50,256}"),
    _form("huggingface-token", "hf_", rf"hf_[A-Za-z]{{34}}{_E}"),
    _form("sendgrid-key", "SG.", r"SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),
    _form("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", rf"do[por]_v1_[a-f0-9]{{64}}{_E}"),
    _form("shopify-token", "shpat_ shpss_ shpca_ shppa_", rf"shp(?:at|ss|ca|pa)_[a-fA-F0-9]{{32}}{_E}"),
    _form("databricks-token", "dapi", rf"dapi[a-f0-9]{{32}}(?:-\d)?{_E}"),
    _form("vault-token", "hvs. hvb.", r"hv[sb]\.[A-Za-z0-9_\-]{24,200}"),
    _form("telegram-token", ":AA", rf"(?<!\d)\d{{8,10}}:AA[A-Za-z0-9_\-]{{33}}{_E}"),
    _form("atlassian-token", "ATATT3", r"ATATT3[A-Za-z0-9_\-=]{60,256}"),
    _form("linear-token", "lin_api_", rf"lin_api_[A-Za-z0-9]{{40}}{_E}"),
    _form("azure-key", "AccountKey=", r"AccountKey=([A-Za-z0-9+/]{86}==)"),
    _form(
        "azure-key",
        "8Q~ 7Q~",
        r"(?<![A-Za-z0-9_~.\-])[A-Za-z0-9_~.\-]{3}[78]Q~[A-Za-z0-9_~.\-]{31,34}(?![A-Za-z0-9_~.\-])",
    ),
    _form(
        "jwt",
        "eyJ",
        r"eyJ(?<![A-Za-z0-9_\-.]eyJ)[A-Za-z0-9_\-]{8,480}\.(?:eyJ[A-Za-z0-9_\-]{4,8000}|[A-Za-z0-9_\-]{0,512}\.[A-Za-z0-9_\-]{8,512})(?:\.[A-Za-z0-9_\-]{0,1024}){0,3}",
        jwt,
    ),
    _beside("basic-auth", "basic", r"[Bb]asic[ ]{1,2}([A-Za-z0-9+/]{8,200}={0,2})(?![A-Za-z0-9+/=])", basic),
    _beside(
        "bearer-token",
        "bearer",
        r"[Bb]earer[ ]{1,2}([A-Za-z0-9_\-.~+/]{24,400}={0,2})",
        lambda m: real(m) and any(map(str.isdigit, m.group(1))),
        900,
    ),
    _beside("connection-string", "", r"://[^\s:/@\"'<>]{0,64}:([^\s/@\"'<>]{3,96})@[A-Za-z0-9\[]", in_url),
    _beside("connection-string", "password pwd", r"(?:[Pp]assword|PWD|[Pp]wd)=([^;\s\"']{4,96});", password),
)

_SAYS = r"(?:[\"'`*]{0,3}[ \t]{0,2}(?:=>|:=|[:=])|[ ](?:is|est|ist|es|lautet)[ ]?:?)[ \t]{0,3}[\"'`*]{0,3}([^\s\"'`,;<>]{8,96})"
_SURE = (
    "password passwd passphrase passcode pwd mdp passwort kennwort contrasena clave"
    " pass_word pass_phrase mot_de_passe api_key secret_key access_key private_key client_secret"
)
_VAGUE = "secret token auth_token access_token api_token"


class Named(Struct, frozen=True):
    """A name after which a secret stands, read in lower case without accents.

    words   one of them is a word of any text that holds the name
    holds   what must be true of the value after it
    """

    words: frozenset[bytes]
    pattern: re.Pattern[str]
    holds: Callable[[str], bool]
    per_mille: int


def _named(name: str, holds: Callable[[str], bool], per_mille: int) -> Named:
    words = frozenset({name.partition("_")[0].encode(), name.replace("_", "").encode()})
    return Named(words, re.compile(name.replace("_", r"[ _\-]?") + _SAYS), holds, per_mille)


NAMED = (
    *(_named(name, likely, 900) for name in _SURE.split()),
    *(_named(name, strong, 800) for name in _VAGUE.split()),
)

"""The settings file: what is read, what is refused and in which words; its published schema; the file that init writes."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from caveat import vocabulary
from caveat.errors import BadInput
from caveat.gateway.home.secret import Secret
from caveat.gateway.home.settings import load, read, schema, schema_text, upstream_key
from caveat.gateway.home.tables import GatewaySettings, Settings, UpstreamSettings

DOCS = Path(__file__).parents[3] / "docs"

FULL = """
[gateway]
address = "[::1]:9000"
name = "gw2"
origin = "log.example/caveat/gw2"
network = "air-gapped"
posture = "emergency"
marking_floor = "RESTRICTED"
max_body_bytes = 1000
language = "fr"

[upstream.labs]
base_url = "https://api.labs.example/v1"
dialects = ["openai_chat", "anthropic_messages"]
models = { "claude" = "labs-large" }
key_env = "LABS_KEY"
identity = "endpoint:sha256:%s"
timeout_s = 30

[upstream.embedded]
embedded = true

[ledger]
checkpoint_interval_ms = 500

[store]
kind = "files"
""" % ("ab" * 32)


def test_every_value_is_read():
    read_ = read(FULL)
    assert (read_.gateway.host, read_.gateway.port, read_.gateway.loopback) == ("::1", 9000, True)
    assert read_.gateway.network == "air-gapped"
    labs = read_.upstream["labs"]
    assert labs.dialects == ("openai_chat", "anthropic_messages")
    assert labs.models == {"claude": "labs-large"}
    assert labs.pin == "sha256:" + "ab" * 32
    assert read_.upstream["embedded"].embedded
    assert (read_.ledger.checkpoint_interval_ms, read_.ledger.min_free_mb) == (500, 64)


def test_empty_file_is_all_defaults():
    assert read("") == Settings()
    assert Settings().gateway.loopback


REFUSED = {
    "unknown table": ("[gatway]", "`gatway` is not known", "`gateway`"),
    "unknown key": ('[gateway]\nadress = "x"', r"`gateway\.adress` is not known", "`gateway.address`"),
    "unknown key of an upstream": ('[upstream.a]\nbase_ulr = "x"', r"`upstream\.a\.base_ulr`", "`upstream.a.base_url`"),
    "key in the file": ('[upstream.a]\nkey = "sk-1"', r"`upstream\.a\.key` is not known", "key_"),
    "nothing near": ("[ledger]\nzzz = 1", r"`ledger\.zzz`", "min_free_mb"),
    "wrong kind": ('[gateway]\nmax_body_bytes = "x"', r"`gateway\.max_body_bytes`: expected a whole number", "longest"),
    "out of range": ("[gateway]\nmax_body_bytes = 0", ">= 1", ""),
    "not a word of the list": ('[gateway]\nnetwork = "moon"', "air-gapped, enclave, connected", ""),
    "not a dialect": ('[upstream.a]\ndialects = ["x"]', "openai_chat", ""),
    "not an identity": ('[upstream.a]\nidentity = "x"', r"`upstream\.a\.identity`", "weights:sha256:"),
    "not a name": ('[upstream."A b"]', "lower-case name", ""),
    "not a table": ("[upstream]\na = 3", "table", ""),
    "no tables": ("upstream = 3", "tables", ""),
    "not an address": ('[gateway]\naddress = "here"', r"127\.0\.0\.1:8484", ""),
    "no base url": ('[upstream.a]\ndialects = ["openai_chat"]', r"`upstream\.a\.base_url`", ""),
    "no dialects": ('[upstream.a]\nbase_url = "http://h"', "no wire format", "openai_chat"),
    "two keys": (
        '[upstream.a]\nbase_url = "http://h"\ndialects = ["openai_chat"]\nkey_env = "A"\nkey_file = "b"',
        "both",
        "keep one",
    ),
    "pin without tls": (
        '[upstream.a]\nbase_url = "http://h"\ndialects = ["openai_chat"]\nidentity = "endpoint:sha256:%s"' % ("0" * 64),
        "no TLS",
        "",
    ),
    "embedded elsewhere": ('[upstream.a]\nembedded = true\nbase_url = "http://h"', "embedded", ""),
    "one alias twice": (
        '[upstream.a]\nembedded = true\nmodels = {m = "x"}\n[upstream.b]\nembedded = true\nmodels = {m = "y"}',
        r"`m` stands in `upstream\.a` and in `upstream\.b`",
        "another name",
    ),
    "not toml": ("[gateway", "not TOML", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistake_is_named_with_what_to_do(case):
    text, named, hint = REFUSED[case]
    with pytest.raises(BadInput, match=named) as refused:
        read(text)
    assert hint in refused.value.hint
    assert "sk-1" not in str(refused.value) + refused.value.hint


def test_file_is_named_in_its_errors(tmp_path):
    file = tmp_path / "caveat.toml"
    with pytest.raises(BadInput, match="there is no settings file") as missing:
        load(file)
    assert "caveat init" in missing.value.hint
    file.write_text("[gatway]")
    with pytest.raises(BadInput, match=re.escape(f"in `{file}`")) as wrong:
        load(file)
    assert wrong.value.hint == "did you mean `gateway`?"
    file.write_bytes(b"\xff")
    with pytest.raises(BadInput, match="UTF-8"):
        load(file)
    with pytest.raises(BadInput, match="cannot read"):
        load(tmp_path)


def test_key_comes_from_a_file_beside_the_settings_or_the_environment(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/labs").write_text("sk-file\n")
    assert upstream_key(UpstreamSettings(key_file="keys/labs"), tmp_path, {}) == Secret("sk-file")
    assert upstream_key(UpstreamSettings(key_env="K"), tmp_path, {"K": "sk-env"}) == Secret("sk-env")
    assert upstream_key(UpstreamSettings(), tmp_path, {"K": "sk-env"}) is None
    with pytest.raises(BadInput, match="`K`"):
        upstream_key(UpstreamSettings(key_env="K"), tmp_path, {})


def test_closed_lists_are_those_of_the_vocabulary():
    fields = {field.name: field for field in msgspec.structs.fields(GatewaySettings)}
    for name, words in (("network", vocabulary.NETWORKS), ("posture", vocabulary.POSTURES)):
        literal = get_args(fields[name].type)[0]
        assert get_args(literal) == words


def test_published_schema_is_the_one_in_force():
    assert (DOCS / "caveat.schema.json").read_text() == schema_text()


def test_schema_refuses_unknown_keys_and_describes_every_key():
    assert schema()["$schema"].endswith("2020-12/schema")
    for name, shape in json.loads(schema_text())["$defs"].items():
        assert shape["additionalProperties"] is False, name
        for key, value in shape["properties"].items():
            assert name == "Settings" or value.get("description"), f"{name}.{key}"


def test_examples_in_the_documentation_are_read():
    blocks = [
        block.replace("<64 hex digits>", "0" * 64)
        for page in sorted(DOCS.rglob("*.md"))
        for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    assert any("[upstream." in block for block in blocks)
    for block in blocks:
        read(block)


def test_every_setting_of_an_upstream_is_in_the_quickstart():
    text = (DOCS / "quickstart.md").read_text()
    for field in msgspec.structs.fields(UpstreamSettings):
        assert f"`{field.name}`" in text or f"{field.name} = " in text, field.name

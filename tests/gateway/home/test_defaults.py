"""The settings file of a new home can be read, and shows everything that can be set."""

import re
import tomllib

import msgspec

from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.settings import read
from caveat.gateway.home.tables import GuardSettings, SealSettings, Settings, UpstreamSettings


def test_default_file_is_all_defaults_but_for_the_embedded_model():
    made = read(default_text())
    embedded = {"embedded": UpstreamSettings(embedded=True, seal=SealSettings(own=True))}
    assert made == Settings(upstream=embedded)


def test_default_file_shows_every_key_with_its_default():
    """Uncommented, the file sets each key of each table, and outside the upstreams to what it is anyway."""
    lines = (re.sub(r"^# (?=[a-z_]+ = |\[)", "", line) for line in default_text().splitlines())
    shown = tomllib.loads("\n".join(lines))
    upstream_keys = {key for table in shown["upstream"].values() for key in table}
    assert upstream_keys == {field.name for field in msgspec.structs.fields(UpstreamSettings)}
    guard = shown["recognizer"].pop("guard")
    assert set(guard) | {"key_file", "key_env", "ca_bundle"} == {f.name for f in msgspec.structs.fields(GuardSettings)}
    defaults = msgspec.to_builtins(Settings())
    del defaults["recognizer"]["guard"]
    assert {name: shown[name] for name in ("gateway", "ledger", "recognizer", "store")} == {
        name: defaults[name] for name in ("gateway", "ledger", "recognizer", "store")
    }


def test_origin_and_alias_of_a_new_home_are_put_in():
    made = default_text("log.example/x", "tiny")
    assert read(made).gateway.origin == "log.example/x"
    assert '{ "tiny" = "tiny" }' in made

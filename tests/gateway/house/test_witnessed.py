"""How far witnesses have cosigned, for whoever watches a gateway."""

import hashlib
from pathlib import Path

import pytest
from tests.gateway.running import HEAD as SETTINGS
from tests.gateway.running import eventually, running, upstream_text

from caveat.gateway.home.tables import Settings, WitnessSettings
from caveat.gateway.house.metrics import Metrics
from caveat.gateway.house.witnessed import LAG_S, witness_rows, witness_warnings
from caveat.keys import KeyKind, SigningKey
from caveat.ledger.cosigned import keep
from caveat.note import TreeHead, sign_note

HEAD = TreeHead("log.example.test/caveat", 3, hashlib.sha256(b"root").digest())
LOG = SigningKey(HEAD.origin, b"l" * 32)
NOW_S = 1_795_000_000


def witness(name: str) -> SigningKey:
    return SigningKey(f"{name}.example.test", name.encode().ljust(32, b"."), KeyKind.COSIGN)


@pytest.fixture
def settings() -> Settings:
    keys = {name: witness(name).verify_key.text for name in ("guard", "office")}
    return Settings(witness={name: WitnessSettings(key=key) for name, key in keys.items()})


def test_each_witness_has_a_row_and_what_is_wrong_a_sentence(tmp_path: Path, settings: Settings) -> None:
    keep(tmp_path, witness("office").verify_key, sign_note(HEAD.text, [LOG, witness("office")], NOW_S - LAG_S - 60))
    guard, office = witness_rows(tmp_path, settings, 10)
    assert guard == {"witness": "guard", "size": 0, "behind": 10, "at": "", "at_s": 0}
    assert (office["size"], office["behind"]) == (3, 7)
    assert office["at"].startswith("2026-")
    assert witness_warnings([guard, office], NOW_S * 1000) == [
        "the witness `guard` has cosigned nothing yet",
        "the witness `office` lies 7 records behind, silent for 61 minutes",
    ]
    assert witness_warnings([office], (NOW_S - LAG_S) * 1000) == []
    assert witness_warnings(witness_rows(tmp_path, settings, 3)[1:], NOW_S * 1000) == []


def test_the_metrics_show_them(tmp_path: Path, settings: Settings) -> None:
    keep(tmp_path, witness("office").verify_key, sign_note(HEAD.text, [LOG, witness("office")], NOW_S))
    metrics = Metrics()
    metrics.witnessed(witness_rows(tmp_path, settings, 10))
    text = metrics.text().decode()
    assert 'caveat_witness_size{witness="office"} 3.0' in text
    assert 'caveat_witness_size{witness="guard"} 0.0' in text


def test_a_gateway_says_it_when_asked_whether_it_is_ready(tmp_path: Path) -> None:
    key = witness("office").verify_key.text
    with running(tmp_path / "home", settings_of(key)) as gateway:
        auditor = gateway.http(gateway.key("aud-1", "auditor"))
        told = auditor.get("/readyz").json()
        assert [row["witness"] for row in told["witnesses"]] == ["office"]
        assert "the witness `office` has cosigned nothing yet" in told["warnings"]
        keep(
            tmp_path / "home" / "ledger",
            witness("office").verify_key,
            sign_note(HEAD.text, [LOG, witness("office")], 9),
        )
        eventually(lambda: auditor.get("/readyz").json()["witnesses"][0]["size"] == 3)
        assert 'caveat_witness_size{witness="office"} 3.0' in auditor.get("/metrics").text


def settings_of(key: str) -> str:
    return SETTINGS + upstream_text("http://127.0.0.1:9") + f'\n[witness.office]\nkey = "{key}"\n'

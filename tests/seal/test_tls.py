"""The seal with TLS on both sides: from the gateway to it, and from it to the model, under authorities of the site's own."""

import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.gateway.conftest import Authority, authority  # noqa: F401 - a fixture
from tests.seal.sealing import BODY, CHAT, SEAL, make_folder, running_seal, settings_text, token

from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import Answer, Reply, always
from caveat.meter.ticket import read_ticket

SCRIPT = always(Reply(answer=Answer("hello there")))


def certified(folder: Path, authority: Authority) -> dict[str, str]:  # noqa: F811
    """A certificate for the seal itself, in its folder."""
    folder.mkdir(exist_ok=True)
    authority.server(folder)
    (chain,) = (path.name for path in folder.glob("server-*.pem"))
    return {"tls_certificate": f'"{chain}"', "tls_key": f'"{chain}"'}


def with_bundle(text: str, bundle: str) -> str:
    return f'{text}ca_bundle = "{bundle}"\n'


def test_a_call_goes_through_with_tls_on_both_sides(tmp_path: Path, authority: Authority) -> None:  # noqa: F811
    """The gateway checks the seal's certificate, the seal the model's; the ticket is as ever."""
    folder = tmp_path / "seal"
    own = certified(folder, authority)
    (folder / "engine.pem").write_bytes(authority.bundle.read_bytes())
    with scripted.serve(SCRIPT, tls=authority.server(tmp_path)) as model:
        make_folder(folder, with_bundle(settings_text(model.address, **own), "engine.pem"))
        with running_seal(folder) as seal:
            assert seal.address.startswith("https://")
            with pytest.raises(httpx.ConnectError, match="certificate"):
                seal.call(token())
            trusting = ssl.create_default_context(cafile=authority.bundle)
            headers = {"content-type": "application/json", "caveat-permit": token()}
            answer = httpx.post(
                seal.address + CHAT, content=BODY, headers=headers, verify=trusting, trust_env=False, timeout=60
            )
        assert answer.status_code == 200
        ticket = read_ticket(answer.headers["caveat-seal-ticket"])
        ticket.verify([SEAL.verify_key])
        assert ticket.number == 1
        assert len(model.received) == 1


def test_a_model_under_another_authority_is_not_spoken_to(tmp_path: Path, authority: Authority) -> None:  # noqa: F811
    """Nothing of the request leaves; the call is counted all the same, as one that the engine failed."""
    with scripted.serve(SCRIPT, tls=authority.server(tmp_path)) as model:
        folder = make_folder(tmp_path / "seal", settings_text(model.address))
        with running_seal(folder) as seal:
            assert seal.call(token()).status_code == 503
            (ticket,) = [ticket for _, tickets in seal.beat() for ticket in tickets]
        assert ticket.end == "failed"
        assert not model.received


def test_a_bundle_that_cannot_be_read_is_said_at_the_start(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "seal", with_bundle(settings_text("https://127.0.0.1:9"), "none.pem"))
    ended = subprocess.run(
        [sys.executable, "-m", "caveat.seal", str(folder)], capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 2
    assert b"CA bundle" in ended.stderr

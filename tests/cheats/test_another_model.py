"""The operator serves a model of another digest behind the seal.

What detects it: a seal that is told the file of weights compares it at each start; a permit for another model is refused.  What
nothing here can: an engine on another host that lies about what it loaded (docs/trust.md).
"""

import json
import subprocess
import sys

from tests.cheats.sealed import staged
from tests.seal.sealing import CHAT

BODY = b'{"messages":[]}'


def test_weights_that_were_exchanged_keep_the_seal_from_its_start(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(1)
        stage.stop_seal()
        (tmp_path / "seal" / "model.gguf").write_bytes(b"weights of another model")
        text = (tmp_path / "seal" / "seal.toml").read_text()
        (tmp_path / "seal" / "seal.toml").write_text('weights = "model.gguf"\n' + text)
        done = subprocess.run(
            [sys.executable, "-m", "caveat.seal", str(tmp_path / "seal")], check=False, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert "and the seal is for" in json.loads(done.stdout)["error"]


def test_a_permit_for_another_model_is_refused(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(1)
        other = stage.permit(BODY, "1" * 32, mdl="weights:sha256:" + "00" * 32)
        assert stage.seal.call(other, BODY, CHAT).headers["caveat-seal-refused"] == "permit_model"

"""Somebody who sees the wire between gateway and seal uses a permit again: at once, and after the seal was started anew.

What detects it: a permit names one call and is used up by it; the seal takes none from before its own start.
"""

from tests.cheats.sealed import finding, staged
from tests.seal.sealing import CHAT, running_seal

BODY = b'{"messages":[]}'


def test_a_permit_is_used_once_over_restarts_too(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(1)
        used, unused = stage.permit(BODY, "1" * 32), stage.permit(BODY, "2" * 32)
        assert stage.seal.call(used, BODY, CHAT).status_code == 200
        assert stage.seal.call(used, BODY, CHAT).headers["caveat-seal-refused"] == "permit_used"
        stage.seal.process.kill()
        stage.seal.process.wait()
        with running_seal(tmp_path / "seal") as again:
            for permit in (used, unused):
                assert again.call(permit, BODY, CHAT).headers["caveat-seal-refused"] == "permit_before_start"


def test_a_permit_made_by_hand_for_no_call_shows(tmp_path):
    """The operator holds the permit key, and calls the model with it; the seal counts the call, and no record knows it."""
    with staged(tmp_path) as stage:
        stage.calls(1)
        assert stage.seal.call(stage.permit(BODY, "1" * 32), BODY, CHAT).status_code == 200
        stage.collect()
        step = finding(stage.report())
        assert step.outcome == "failed"
        assert f"the seal counted a call `{'1' * 32}` that no record knows" in step.says

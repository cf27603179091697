"""The operator takes the permit of a harmless call for another body.

What detects it: a permit is bound to the exact bytes, method and path; and the outcome's ticket to the bytes that passed.
"""

from tests.cheats.sealed import staged
from tests.seal.sealing import CHAT

HARMLESS, OTHER = b'{"messages":["thanks"]}', b'{"messages":["attack"]}'


def test_a_permit_is_for_its_bytes_alone(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(1)
        before = len(stage.model.received)
        permit = stage.permit(HARMLESS, "1" * 32)
        for body in (OTHER, HARMLESS + b" ", b"", HARMLESS.replace(b"t", b"T")):
            assert stage.seal.call(permit, body, CHAT).headers["caveat-seal-refused"] == "permit_body"
        assert stage.seal.call(permit, HARMLESS, "/v1/messages").headers["caveat-seal-refused"] == "permit_target"
        assert len(stage.model.received) == before

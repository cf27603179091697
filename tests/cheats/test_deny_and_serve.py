"""The operator's gateway writes that a call was denied, and sends it to the model all the same.

What detects it: the permit names the call, and the seal's ticket names it again; a ticket that is kept back leaves a gap.
"""

from tests.cheats.sealed import PLAIN, SECRET, finding, places, staged, without
from tests.seal.sealing import CHAT

BODY = b'{"messages":["TOP SECRET"]}'


def test_a_denied_call_that_was_served_shows(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(1)
        denied = stage.call(SECRET)
        assert denied.status_code == 403
        call = denied.headers["x-caveat-call"]
        assert stage.seal.call(stage.permit(BODY, call), BODY, CHAT).status_code == 200
        stage.calls(1).settled()
        stage.collect()
        step = finding(stage.report())
        assert step.outcome == "failed"
        assert "says that the call was not sent, and record" in step.says
        kept_back = finding(
            stage.report(lambda e: without(e, set(places(e, lambda leaf: leaf.what == "meter.tickets"))))
        )
        assert "no record bears number 2 of boot 1" in kept_back.says
        assert PLAIN != SECRET

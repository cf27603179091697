"""The operator restarts the seal to hide calls: stops it, lets it count elsewhere, leaves a boot out of the ledger.

What detects it: boots follow each other, and each names the last number and the last head of the one before it.
"""

from tests.cheats.sealed import document_of, finding, places, staged, tickets, without

from caveat.meter.beat import claimed_beat


def boots(stage):
    """Index of each beat's record, with its boot."""
    found = places(stage.entries(), lambda leaf: leaf.what == "meter.beat")
    return {index: claimed_beat(document_of(stage, index)).boot for index in found}


def test_a_boot_that_is_left_out_shows(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(2).settled()
        stage.collect()
        stage.restart_seal()
        stage.calls(3).settled()
        stage.collect()
        stage.restart_seal(kill=True)
        stage.calls(1).settled()
        stage.collect()
        whole = stage.report()
        assert whole.verified, "\n".join(whole.sentences())
        assert set(boots(stage).values()) == {1, 2, 3}
        second = {index for index, boot in boots(stage).items() if boot == 2}
        calls = {ticket.call for ticket in tickets(stage.entries()) if ticket.boot == 2}
        assert len(calls) == 3

        def hide(entries):
            return without(entries, second | set(places(entries, lambda leaf: leaf.call in calls)))

        step = finding(stage.report(hide))
        assert step.outcome == "failed"
        assert "boot 1 is followed by beat" in step.says or "is followed by beat 1 of boot 3" in step.says

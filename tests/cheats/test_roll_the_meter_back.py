"""The operator puts back an older copy of the seal's folder, so that it counts the same numbers again.

What detects it: the seal tells other tickets under numbers that the ledger has already, and boots go back.
"""

import shutil

from tests.cheats.sealed import finding, staged


def test_numbers_that_come_twice_show(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(2).settled()
        stage.collect()
        stage.stop_seal()
        shutil.copytree(tmp_path / "seal", tmp_path / "older")
        stage.start_seal()
        stage.calls(3).settled()
        stage.collect()
        stage.stop_seal()
        shutil.rmtree(tmp_path / "seal")
        shutil.copytree(tmp_path / "older", tmp_path / "seal")
        stage.start_seal()
        for _ in range(3):  # a log that the older seal has not seen in this state is handed in anew
            stage.call()
        stage.settled()
        stage.collect()
        step = finding(stage.report())
        words = " ".join((step.says, *step.also))
        assert step.outcome == "failed"
        assert "bear different tickets under one number" in words or "counted before" in words or "went back" in words

"""What a verification came to, in words and for machines."""

import msgspec
import pytest

from caveat.evidence.report import BEYOND, Findings, Report
from caveat.evidence.steps.table import NEEDED, TITLES


def all_proved() -> Findings:
    findings = Findings(TITLES, NEEDED)
    for number in TITLES:
        findings.proved(number, "so it is")
    return findings


def test_all_proved_is_verified() -> None:
    report = all_proved().report()
    assert report.verified
    assert [step.number for step in report.steps] == list(TITLES)
    assert report.failed == ()


@pytest.mark.parametrize("number", TITLES)
def test_any_failure_is_not_verified(number: int) -> None:
    findings = all_proved()
    findings.fail(number, "record 7: it differs", 7)
    findings.fail(number, "record 9: it differs", 9)
    report = findings.report()
    assert not report.verified
    assert findings.failed(number)
    (step,) = report.failed
    assert (step.number, step.outcome, step.says, step.index, step.failures) == (
        number, "failed", "record 7: it differs", 7, 2,
    )  # fmt: skip


@pytest.mark.parametrize("number", TITLES)
def test_only_some_steps_may_stay_unproved(number: int) -> None:
    findings = all_proved()
    findings.unproved(number, "nothing was given")
    assert findings.report().verified is (number not in NEEDED)


def test_what_was_not_reached_is_not_proved() -> None:
    findings = Findings(TITLES, NEEDED)
    findings.fail(1, "it is no bundle")
    report = findings.report()
    assert [step.outcome for step in report.steps] == ["failed"] + ["not proved"] * (len(TITLES) - 1)
    assert report.steps[4].says == "it was not reached"


def test_nothing_heard_is_not_verified() -> None:
    assert not Findings(TITLES, NEEDED).report().verified


def test_the_words() -> None:
    findings = all_proved()
    findings.limit(2, "that others see the same")
    findings.unproved(3, "no earlier checkpoint was given")
    findings.fail(4, "record 7: its bytes differ", 7)
    lines = findings.report().sentences()
    assert lines[0] == "Not verified."
    assert "1. proved: the bundle is whole, and the log signed its manifest. So it is." in lines
    assert "   Not proved: that others see the same." in lines
    assert any(line.startswith("3. not proved: the log only grew") and line.endswith("was given.") for line in lines)
    assert any(line.startswith("4. failed: ") and line.endswith("Record 7: its bytes differ.") for line in lines)
    assert all(f"   {what}." in lines for what in BEYOND)
    assert all_proved().report().sentences()[0] == "Verified."


def test_machines_read_the_same() -> None:
    report = all_proved().report()
    assert msgspec.json.decode(report.json(), type=Report) == report

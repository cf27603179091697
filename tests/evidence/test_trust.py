"""The trust file: c2sp.org/tlog-policy, read by refusing."""

import pytest
from tests.evidence.conftest import OPERATOR, ORIGIN, VENDOR, log_keys, seeded, trust_text

from caveat.errors import BadInput
from caveat.evidence.trust import MAX_BYTES, read_trust
from caveat.keys import KeyKind

LOG = log_keys().plain.verify_key.text
LATTICE = log_keys().lattice.verify_key.text
WITNESSES = {name: seeded(f"{name}.test", name, KeyKind.COSIGN) for name in ("x1", "x2", "x3", "y1", "y2")}
W = {name: key.verify_key for name, key in WITNESSES.items()}
GROUPS = "\n".join(
    [
        f"log {LOG} https://log.example.test/",
        *(f"witness {name} {key.text}" for name, key in W.items()),
        "group X 2 x1 x2 x3",
        "group Y any y1 y2",
        "group both all X Y",
        "quorum both",
        "",
    ]
)


def test_whose_keys_count() -> None:
    trust = read_trust(trust_text(log_keys()).encode())
    assert trust.log_keys(ORIGIN) == log_keys().verify_keys
    assert trust.log_keys("other.test/log") == ()
    assert trust.parties == {"vendor": (VENDOR.verify_key,), "operator": (OPERATOR.verify_key,)}
    assert trust.quorum_met(())


QUORUMS = {
    "nobody": ((), False),
    "one group": (("x1", "x2", "x3"), False),
    "too few of a group": (("x1", "y1"), False),
    "enough of both": (("x1", "x3", "y2"), True),
    "all": (tuple(W), True),
}


@pytest.mark.parametrize(("present", "met"), QUORUMS.values(), ids=QUORUMS.keys())
def test_the_quorum_of_the_specification(present: tuple[str, ...], met: bool) -> None:
    """The example of c2sp.org/tlog-policy: two of X and any of Y."""
    assert read_trust(GROUPS.encode()).quorum_met(W[name] for name in present) is met


def test_a_single_witness_is_a_quorum() -> None:
    trust = read_trust(f"log {LOG}\nwitness w {W['x1'].text} https://w.test/\nquorum w\n".encode())
    assert trust.quorum_met([W["x1"]])
    assert not trust.quorum_met([W["x2"]])


def test_space_tabs_comments_and_order_mean_nothing() -> None:
    text = f"# ours\n\n \t# more\n\tparty  vendor\t{VENDOR.verify_key.text} \nquorum none\n  log {LOG}"
    trust = read_trust(text.encode())
    assert trust.parties == {"vendor": (VENDOR.verify_key,)}


def test_thirty_two_of_each() -> None:
    """The least that the specification wants; here a hundred."""
    lines = [f"log {seeded(f'log{i}.test', f'l{i}').verify_key.text}" for i in range(100)]
    lines += [f"witness w{i} {seeded(f'w{i}.test', f'w{i}', KeyKind.COSIGN).verify_key.text}" for i in range(100)]
    lines += [f"group g{i} any {f'g{i - 1} ' if i else ''}w{i}" for i in range(100)]
    trust = read_trust("\n".join([*lines, "quorum g99", ""]).encode())
    assert len(trust.logs) == len(trust.witnesses) == len(trust.groups) == 100
    assert trust.quorum_met([trust.witnesses["w0"]])


def lines(*more: str) -> bytes:
    return "\n".join([f"log {LOG}", *more, ""]).encode()


w1, w2 = (f"witness {name} {W[name].text}" for name in ("x1", "x2"))
REFUSED = {
    "nothing": b"",
    "no log": b"quorum none\n",
    "no quorum": lines(),
    "two quorums": lines("quorum none", "quorum none"),
    "an unknown line": lines("monitor m", "quorum none"),
    "a log without a key": lines("log", "quorum none"),
    "a word too many": lines(f"log {LATTICE} u v", "quorum none"),
    "a broken key": lines(f"log {LOG[:-2]}", "quorum none"),
    "a log's key twice": lines(f"log {LOG}", "quorum none"),
    "a log's key under two names": lines(
        f"log {seeded('other.test', 'log').verify_key.text}", "quorum none"
    ),
    "a witness key for a log": lines(f"log {W['x1'].text}", "quorum none"),
    "a plain key for a witness": lines(f"witness w {VENDOR.verify_key.text}", "quorum none"),
    "a witness key twice": lines(w1, f"witness other {W['x1'].text}", "quorum none"),
    "a name twice": lines(w1, f"witness x1 {W['x2'].text}", "quorum none"),
    "a witness called none": lines(f"witness none {W['x1'].text}", "quorum none"),
    "a group of nobody": lines(w1, "group g any", "quorum g"),
    "a group called like a witness": lines(w1, "group x1 any x1", "quorum x1"),
    "a member not yet defined": lines("group g any x1", w1, "quorum g"),
    "a group in itself": lines(w1, "group g any g", "quorum g"),
    "none as a member": lines(w1, "group g any none", "quorum g"),
    "a member of two groups": lines(w1, "group g any x1", "group h any x1", "quorum h"),
    "a member twice": lines(w1, "group g 2 x1 x1", "quorum g"),
    "none of them": lines(w1, "group g 0 x1", "quorum g"),
    "more than there are": lines(w1, w2, "group g 3 x1 x2", "quorum g"),
    "a number with a zero before it": lines(w1, w2, "group g 01 x1 x2", "quorum g"),
    "a number in another script": lines(w1, w2, "group g ٢ x1 x2", "quorum g"),
    "an unknown quorum": lines(w1, "quorum w9"),
    "a quorum before its witness": lines("quorum x1", w1),
    "a quorum of two": lines(w1, w2, "quorum x1 x2"),
    "a party without a role": lines(f"party {VENDOR.verify_key.text}", "quorum none"),
    "a party of another role": lines(f"party auditor {VENDOR.verify_key.text}", "quorum none"),
    "one key for both parties": lines(
        f"party vendor {VENDOR.verify_key.text}",
        f"party operator {seeded('ministry.test', 'vendor').verify_key.text}",
        "quorum none",
    ),
    "a lattice key for a party": lines(f"party vendor {LATTICE}", "quorum none"),
    "a carriage return": lines("quorum none\r"),
    "another kind of space": lines("quorum\u00a0none"),
    "a null": lines("quorum none\0"),
    "not UTF-8": lines("quorum none") + b"# \xff\n",
    "too long": lines("quorum none") + b"#" * MAX_BYTES,
    "too many": "\n".join(
        [f"log {LOG}", *(f"group g{i} any {f'g{i - 1}' if i else 'x1'}" for i in range(1002)), ""]
    ).replace("group g0", w1 + "\ngroup g0").encode(),
}  # fmt: skip


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_understood_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        read_trust(data)


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(BadInput, match="line 3 of the trust file: expected log, witness"):
        read_trust(f"log {LOG}\n\nmonitor\n".encode())

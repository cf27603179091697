"""A party's directory, and what a stick can do to whoever plugs it in: nothing but be refused."""

import json
import os
import shutil
import time
from random import Random

import pytest
from tests.talks.party import Party

from caveat.errors import BadInput, CaveatError, NotVerified
from caveat.gateway.parties.directory import Folder, PartyDir, hand, steps_in
from caveat.talks.publishing import DAY_MS, make_listing, make_root
from caveat.talks.steps import Attached, Step, sign_step
from caveat.terms.listing import Target
from caveat.terms.repository import look

NOW = time.time_ns() // 1_000_000
PAIR = "sha256:" + "1" * 64


def written(path, party: Party, files: dict[str, bytes] | None = None):
    """The party's directory, with these files listed."""
    if files:
        party.list(files, at=NOW)
    folder = Folder(path / "repository")
    seen = look(party.roots[0], party.listing, NOW)
    for name, data in (files or {}).items():
        folder.keep(name, seen.targets[name], data)
    folder.publish(party.listing)
    return PartyDir(path)


@pytest.fixture
def two(tmp_path):
    """Labs and the ministry, who have met; what labs hands over lies on a stick."""
    labs = Party("vendor", 1, at=NOW)
    offer = step_file(labs)
    mine = written(tmp_path / "labs", labs, {"talks/office/001-offer.json": offer})
    ministry = written(tmp_path / "ministry", Party("operator", 100, at=NOW))
    stick = tmp_path / "stick"
    listing, repository = mine.repository(NOW)
    hand(mine.folder, repository, listing, stick)
    ministry.meet(Folder(stick))
    return labs, ministry, stick


def step_file(party: Party, by: str = "vendor", **more) -> bytes:
    values = {"talk": "office", "after": "", "terms": "office@1", "digest": PAIR, "at_ms": NOW, "document": "{}"}
    made = Step(1, "offer", by, **(values | more))  # type: ignore[arg-type]
    return sign_step(made, party.terms_keys)


def test_what_is_handed_over_is_taken_and_kept(two):
    _, ministry, stick = two
    repository = ministry.take(Folder(stick), NOW)
    (taken,) = steps_in(ministry.mirror("vendor"), repository)
    assert (taken.step.verb, taken.step.by) == ("offer", "vendor")
    shutil.rmtree(stick)
    assert steps_in(ministry.mirror("vendor"), repository) == (taken,)
    assert ministry.known("vendor").listing is not None


def damage(name):
    """What somebody did to the stick: a function of its path."""
    return DAMAGE[name][0]


def target(stick):
    return next((stick / "targets" / "talks" / "office").iterdir())


def replaced(path, data: bytes):
    path.unlink()
    path.write_bytes(data)


def linked(path, to):
    path.unlink()
    path.symlink_to(to)


def piped(path):
    path.unlink()
    os.mkfifo(path)


DAMAGE = {
    "a file is missing": (lambda stick: target(stick).unlink(), "is missing"),
    "a file was changed": (lambda s: replaced(target(s), b"x" * target(s).stat().st_size), "changed on the way"),
    "a file was cut short": (lambda s: replaced(target(s), target(s).read_bytes()[:-1]), "changed on the way"),
    "a file has 50 MB": (lambda s: replaced(target(s), bytes(50 << 20)), "larger than it should be"),
    "a file leads out of the stick": (lambda s: linked(target(s), "/etc/passwd"), "is missing"),
    "a file is a pipe": (lambda s: piped(target(s)), "is missing"),
    "the stamp has 50 MB": (lambda s: replaced(s / "metadata" / "timestamp.json", bytes(50 << 20)), "larger than"),
    "the stamp is no text": (lambda s: replaced(s / "metadata" / "timestamp.json", b"\xff\xfe"), "no text"),
    "the stamp is a bomb": (
        lambda s: replaced(s / "metadata" / "timestamp.json", b"[" * 1_000_000),
        "do not say which",
    ),
    "the stamp names an odd version": (
        lambda s: replaced(
            s / "metadata" / "timestamp.json",
            json.dumps({"signed": {"meta": {"snapshot.json": {"version": "../../x"}}}}).encode(),
        ),
        "do not say which",
    ),
    "the list is missing": (lambda s: (s / "metadata" / "2.targets.json").unlink(), "is missing"),
    "the list leads out of the stick": (
        lambda s: linked(s / "metadata" / "2.targets.json", "/etc/passwd"),
        "is missing",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_stick_is_refused_and_nothing_of_it_is_kept(two, name):
    _, ministry, stick = two
    change, says = DAMAGE[name]
    change(stick)
    with pytest.raises(NotVerified) as caught:
        ministry.take(Folder(stick), NOW)
    assert says in caught.value.message
    assert ministry.known("vendor").listing is None


def test_no_repository_at_all(two, tmp_path):
    with pytest.raises(BadInput, match="holds no party's repository"):
        two[1].take(Folder(tmp_path), NOW)
    with pytest.raises(BadInput, match="no party's directory"):
        PartyDir(tmp_path)


PATHS = [
    "../../../escaped",
    "/etc/escaped",
    "talks/../../escaped",
    "talks/office/../../../escaped",
    "talks/a/b/c",
    "other/x",
    "terms/.x",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_escapes_is_not_written(two, tmp_path, path):
    """Signed by the vendor itself: the name alone decides."""
    labs, ministry, stick = two
    listing = labs.list({path: b"data"}, at=NOW)
    Folder(stick).publish(listing)
    repository = ministry.take(Folder(stick), NOW)
    assert path in repository.targets
    assert not list(tmp_path.rglob("*escaped*"))
    with pytest.raises(NotVerified, match="no name of a file here"):
        Folder(stick).read(path, Target(4, "0" * 64))


def test_a_file_that_would_be_enormous_is_not_read(two):
    with pytest.raises(NotVerified, match="are read"):
        Folder(two[2]).read("terms/office@1.json", Target(1 << 40, "0" * 64))


def test_a_step_that_another_signed_or_took_is_refused(two):
    labs, _, stick = two
    stranger = Party("vendor", 50, at=NOW)
    for forged, says in (
        (step_file(stranger), "no key of the party"),
        (step_file(labs, "operator"), "is said to have taken"),
    ):
        name = "talks/office/002-offer.json"
        listing = make_listing(labs.roots, {name: forged}, labs.terms_keys, NOW + DAY_MS, labs.listing)
        repository = look(labs.roots[0], listing, NOW)
        folder = Folder(stick)
        folder.keep(name, repository.targets[name], forged)
        with pytest.raises(NotVerified, match=says):
            steps_in(folder, repository)


def test_what_is_attached_must_be_listed(two):
    labs, _, stick = two
    raw = step_file(labs, attached=(Attached("impact.json", PAIR),))
    name = "talks/office/002-offer.json"
    repository = look(labs.roots[0], labs.list({name: raw}, at=NOW), NOW)
    Folder(stick).keep(name, repository.targets[name], raw)
    with pytest.raises(NotVerified, match="does not list it"):
        steps_in(Folder(stick), repository)


def test_a_party_is_met_once_and_is_the_other_one(two, tmp_path):
    _, ministry, stick = two
    with pytest.raises(BadInput, match="known already"):
        ministry.meet(Folder(stick))
    twin = written(tmp_path / "twin", Party("operator", 70, at=NOW))
    with pytest.raises(BadInput, match="and so is this party's own"):
        twin.meet(Folder(tmp_path / "ministry" / "repository"))
    with pytest.raises(BadInput, match="not known here yet"):
        twin.take(Folder(stick), NOW)


def test_a_party_whose_root_names_our_own_key_is_refused(two, tmp_path):
    labs = two[0]
    thief = Party("operator", 33, at=NOW)
    thief.terms_keys = labs.terms_keys
    thief.roots = (make_root(thief.charter(), thief.signers(), NOW),)
    thief.listing = make_listing(thief.roots, {}, thief.terms_keys, NOW + DAY_MS)
    written(tmp_path / "thief", thief)
    with pytest.raises(NotVerified, match="one of our own keys"):
        PartyDir(tmp_path / "labs").meet(Folder(tmp_path / "thief" / "repository"))


MUTATIONS = {
    "a byte changed": lambda rng, data: (
        data[: (at := rng.randrange(len(data)))] + bytes([rng.randrange(256)]) + data[at + 1 :]
    ),
    "cut short": lambda rng, data: data[: rng.randrange(len(data))],
    "a piece twice": lambda rng, data: data + data[rng.randrange(len(data)) :],
    "a piece gone": lambda rng, data: data[: (at := rng.randrange(len(data)))] + data[at + rng.randrange(1, 40) :],
    "a number changed": lambda rng, data: data.replace(b"1", b"9", 1),
    "a name changed": lambda rng, data: data.replace(b'"keyid"', b'"keyId"', 1),
    "a null": lambda rng, data: data.replace(b'"signed":{', b'"signed":null,"x":{', 1),
    "another type": lambda rng, data: data.replace(b'"version":', b'"version":"x","y":', 1),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_whatever_happens_to_a_stick_is_told_in_a_sentence(two, tmp_path, name):
    """Fifty times each, in any of its files: it is refused by a sentence, or the change was in nothing that counts."""
    _, ministry, stick = two
    rng = Random(name)
    files = sorted(path for path in stick.rglob("*") if path.is_file())
    for _ in range(50):
        path = rng.choice(files)
        whole = path.read_bytes()
        changed = MUTATIONS[name](rng, whole)
        path.write_bytes(changed)
        try:
            repository = ministry.take(Folder(stick), NOW)
            (taken,) = steps_in(ministry.mirror("vendor"), repository)
            assert taken.step.verb == "offer"
        except CaveatError as error:
            assert error.message
        finally:
            path.write_bytes(whole)
    ministry.take(Folder(stick), NOW)

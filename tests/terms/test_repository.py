"""A party's repository: what is refused, and that the sentence says who must do what."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import msgspec
import pytest
from tests.talks.party import NOW, Party
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from caveat.errors import NotVerified
from caveat.talks.publishing import DAY_MS
from caveat.terms.listing import Listing, check_target, listing_bytes, read_listing
from caveat.terms.repository import look, open_root, spoken

LABS = Party("vendor", 1)
PINNED = LABS.roots[0]
FIRST = LABS.list({"terms/office@1.json": b"one"})
SECOND = LABS.list({"terms/office@2.json": b"two"})
THIEF = Party("vendor", 100)
STOLEN = THIEF.list({"terms/office@9.json": b"nine"})


def test_what_a_party_stands_by_is_read_in_order():
    seen = look(PINNED, FIRST, NOW)
    later = look(seen.root, SECOND, NOW, FIRST)
    assert (seen.role, seen.party, seen.version, seen.threshold) == ("vendor", "labs.test", 1, 1)
    assert set(later.targets) == {"terms/office@1.json", "terms/office@2.json"}
    check_target(later, "terms/office@2.json", b"two")
    assert look(later.root, SECOND, NOW, SECOND) == later


def test_a_listing_is_a_document():
    assert read_listing(listing_bytes(SECOND)) == SECOND


def mixed(**parts: Any) -> Listing:
    return msgspec.structs.replace(SECOND, **parts)


def edited(text: str, **changes) -> str:
    value = json.loads(text)
    value["signed"] |= changes
    return json.dumps(value)


REFUSED: dict[str, tuple[Listing, int, Listing | None, str]] = {
    "an old stick (rollback)": (FIRST, NOW, SECOND, "older than what was seen of labs.test (the vendor) before"),
    "held back for too long (freeze)": (SECOND, NOW + 181 * DAY_MS, SECOND, "has expired"),
    "a clock that runs fast": (SECOND, NOW + 9999 * DAY_MS, None, "look at this machine's clock"),
    "an old list under a new stamp (mix)": (mixed(targets=FIRST.targets), NOW, None, "do not belong together"),
    "an old snapshot under a new stamp (mix)": (mixed(snapshot=FIRST.snapshot), NOW, None, "do not belong together"),
    "a new list under an old stamp (mix)": (mixed(timestamp=FIRST.timestamp), NOW, None, "do not belong together"),
    "a stamp that was edited": (mixed(timestamp=edited(SECOND.timestamp, version=99)), NOW, None, "not enough keys"),
    "cut short": (mixed(targets=SECOND.targets[:-40]), NOW, None, "do not belong together"),
    "a stamp cut short": (mixed(timestamp=SECOND.timestamp[:-40]), NOW, None, "cut short"),
    "no metadata at all": (mixed(timestamp="[]"), NOW, None, "cannot be read"),
    "another repository in its place": (STOLEN, NOW, None, "does not hold the root of labs.test"),
    "another's list under the right root": (mixed(timestamp=STOLEN.timestamp), NOW, None, "not enough keys"),
    "another's root behind the right one": (mixed(roots=(PINNED, THIEF.roots[0])), NOW, None, "not enough keys"),
    "no root": (mixed(roots=()), NOW, None, "does not hold the root"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_who_must_do_what(name):
    listing, at, last, says = REFUSED[name]
    with pytest.raises(NotVerified) as caught:
        look(PINNED, listing, at, last)
    assert says in caught.value.message
    assert caught.value.hint


def test_two_lists_of_one_number_are_refused():
    other = Party("vendor", 1)
    twin = other.list({"terms/office@1.json": b"another one"})
    assert json.loads(twin.timestamp)["signed"]["version"] == json.loads(FIRST.timestamp)["signed"]["version"]
    with pytest.raises(NotVerified, match="bear the same number"):
        look(PINNED, twin, NOW, FIRST)


@pytest.mark.parametrize(("path", "data"), [("terms/office@2.json", b"twO"), ("terms/office@2.json", b"two2")])
def test_a_file_that_was_changed_is_refused(path, data):
    with pytest.raises(NotVerified, match="was changed on the way"):
        check_target(look(PINNED, SECOND, NOW), path, data)


def test_a_file_that_is_not_listed_is_refused():
    with pytest.raises(NotVerified, match="does not list"):
        check_target(look(PINNED, SECOND, NOW), "terms/office@3.json", b"three")


def test_a_root_rotates_under_the_old_one_and_the_old_terms_key_counts_no_more():
    labs = Party("vendor", 40, roots=2, need=1)
    first, before = labs.roots[0], labs.listing
    labs.rotate(new_terms=77)
    after = labs.list({}, last=before)
    seen = look(first, after, NOW, before)
    assert seen.version == 2
    assert [k.name for k in seen.keys] == ["labs.test/terms-9"]
    assert [k.name for k in seen.ever] == ["labs.test/terms-1", "labs.test/terms-9"]
    stale = msgspec.structs.replace(before, roots=labs.roots)
    with pytest.raises(NotVerified, match="not enough keys"):
        look(seen.root, stale, NOW)


def test_a_root_that_the_old_keys_did_not_sign_is_none():
    labs = Party("vendor", 60, roots=1)
    other = Party("vendor", 61, roots=1)
    other.roots = labs.roots
    other.root_keys = [*other.root_keys]
    with pytest.raises(NotVerified, match="0 of 1 keys of the old root"):
        other.rotate(new_root=99)


def test_thresholds_are_counted():
    """Two of three: one key's list is none."""
    labs = Party("vendor", 80, terms=3, sign=2)
    seen = look(labs.roots[0], labs.listing, NOW)
    assert (len(seen.keys), seen.threshold) == (3, 2)
    labs.terms_keys = labs.terms_keys[:1]
    with pytest.raises(NotVerified, match="1 of 2 terms keys have signed") as caught:
        labs.list({})
    assert "labs.test/terms-2" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{}", "null", "[" * 100_000, PINNED[:-10], PINNED.replace("vendor", "auditor")])
def test_what_is_no_root_is_refused(text):
    with pytest.raises(NotVerified):
        open_root(text)


def test_a_fingerprint_can_be_read_out():
    words = spoken(PINNED).split()
    assert len(words) == 8
    assert all(len(word) == 5 and word.isdecimal() for word in words)
    assert spoken(THIEF.roots[0]) != spoken(PINNED)


class Folder(FetcherInterface):
    def _fetch(self, url):
        path = Path(unquote(urlparse(url).path))
        if not path.exists():
            raise DownloadHTTPError("missing", 404)
        yield path.read_bytes()


def test_the_reference_client_reads_it_from_a_directory(tmp_path):
    """tuf's own Updater, by its own clock, with nothing of ours but the files."""
    now = time.time_ns() // 1_000_000
    labs = Party("vendor", 1, at=now)
    listing = labs.list({"terms/office@2.json": b"two"}, at=now)
    metadata, targets = tmp_path / "metadata", tmp_path / "targets" / "terms"
    metadata.mkdir()
    targets.mkdir(parents=True)
    (tmp_path / "cache").mkdir()
    pinned = labs.roots[0]
    files = {
        "1.root": pinned,
        "timestamp": listing.timestamp,
        "2.snapshot": listing.snapshot,
        "2.targets": listing.targets,
    }
    for name, text in files.items():
        (metadata / f"{name}.json").write_text(text)
    digest = look(pinned, listing, now).targets["terms/office@2.json"].sha256
    (targets / f"{digest}.office@2.json").write_bytes(b"two")
    base, cache = f"file://{tmp_path}", str(tmp_path / "cache")
    client = Updater(cache, f"{base}/metadata/", cache, f"{base}/targets/", Folder(), bootstrap=pinned.encode())
    client.refresh()
    info = client.get_targetinfo("terms/office@2.json")
    assert info is not None
    assert Path(client.download_target(info, str(tmp_path / "got"))).read_bytes() == b"two"

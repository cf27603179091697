"""Another vendor's terms stand by; when the first end, or by command, the alias moves: under load no call fails but those
that the new terms deny, and evidence shows that none went to the first vendor after that."""

import threading
import time
from contextlib import contextmanager

import pytest
from msgspec.structs import replace
from tests.evidence.second import verified
from tests.gateway.house.test_leasing import ask
from tests.gateway.running import HEAD, IDENTITY, MODEL, eventually, running, upstream_text
from tests.stories.test_adoption import version
from tests.stories.test_attempts import OTHER
from tests.stories.test_evidence import exported, trust_of

from caveat.gateway.house.founding import SAMPLES, party_key, trust_party
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.keys import new_signing_key
from caveat.talks.draft import read_draft
from caveat.terms.ending import sign_ending
from caveat.terms.sign import sign_terms

PATH = "/v1/chat/completions"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}
FRENCH = {"caveat-purpose": "translation"}
NO_TRANSLATION = ('Purpose::"translation", ', "")
"""The second vendor permits all but translation."""


class Two:
    """A gateway between two vendors' models."""

    def __init__(self, gateway, first, second):
        self.gateway, self.first, self.second = gateway, first, second
        self.key = new_signing_key("works.example/terms")
        gateway.run(trust_party(gateway.house, "vendor", self.key, sample=True))

    def stand_by(self, alias=MODEL, **changes):
        """Terms with the second vendor, in force."""
        text = version(1, closed=NO_TRANSLATION).decode().replace("id: institutional-use\n", "id: other-use\n")
        text = text.replace(IDENTITY, OTHER).replace("Example Labs", "Example Works")
        text = text.replace(f"alias: {MODEL}", f"alias: {alias}")
        signed = sign_terms(read_draft(text.encode()), self.key, party_key(self.gateway.home, SAMPLES["operator"]))
        self.gateway.run(self.gateway.house.adopt(signed.raw))
        return signed

    def ask(self, method, path, **more):
        return ask(self.gateway, method, path, **more)

    def prepare(self, alias=MODEL):
        reply = self.ask("POST", f"/caveat/v1/standby/{MODEL}", json={"terms": "other-use", "model": alias})
        assert reply.status_code == 200, reply.text

    def end_first(self):
        terms = self.gateway.house.view.register.terms["institutional-use"]
        note = sign_ending(terms, party_key(self.gateway.home, SAMPLES["vendor"]), "The talks have failed.")
        reply = self.ask("DELETE", "/caveat/v1/terms/institutional-use", content=note)
        assert reply.status_code == 200, reply.text

    def call(self, **headers):
        return self.gateway.http(**headers).post(PATH, json=ASK)

    def step(self, profile="audit"):
        report = verified(exported(self.gateway, profile)[1], trust_of(self.gateway))
        assert report.verified, report.sentences()
        return next(step for step in report.steps if step.number == 18)


@contextmanager
def two(path, alias=MODEL):
    with serve(says("First here.")) as one, serve(says("Second here.")) as other:
        text = upstream_text(one.address, "first")
        text += upstream_text(other.address, "second", model=alias, priority="1", identity=f'"{OTHER}"')
        with running(path / "home", HEAD + text) as gateway:
            yield Two(gateway, one, other)


def loaded(one, enough, work):
    """Three callers, one of which translates, `work` is done after so many calls, and as many more follow: (time sent, purpose, reply)."""
    seen, stop = [], threading.Event()

    def calling(headers):
        client = one.gateway.http(**headers)
        while not stop.is_set():
            sent = time.monotonic()
            seen.append((sent, bool(headers), client.post(PATH, json=ASK)))

    callers = [threading.Thread(target=calling, args=(headers,), daemon=True) for headers in ({}, {}, FRENCH)]
    for caller in callers:
        caller.start()
    try:
        eventually(lambda: len(seen) > enough)
        work()
        done = time.monotonic()
        eventually(lambda: len([1 for sent, french, _ in list(seen) if sent > done and not french]) > enough)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    return seen, done


@pytest.mark.parametrize("how", ["revocation", "command"])
def test_under_load_no_call_fails_but_those_that_the_new_terms_deny(tmp_path, how):
    with two(tmp_path) as one:
        one.stand_by()
        one.prepare()
        assert one.call().json()["choices"][0]["message"]["content"].startswith("First")
        assert one.second.received == []
        moves = {"revocation": one.end_first, "command": lambda: one.ask("POST", f"/caveat/v1/switch/{MODEL}")}
        seen, done = loaded(one, 20, moves[how])
        failed = [reply for _, _, reply in seen if reply.status_code != 200]
        assert {reply.json()["error"]["code"] for reply in failed} == {"terms_denied"}
        assert {reply.headers["x-caveat-terms"] for reply in failed} == {"other-use@1"}
        assert all(french for _, french, reply in seen if reply.status_code != 200)
        after = [reply for sent, french, reply in seen if sent > done and not french]
        assert len(after) > 5
        assert all("Second" in reply.text for reply in after)
        (row,) = one.ask("GET", "/caveat/v1/aliases").json()["aliases"]
        moved = row["moved"]["at"]
        assert (row["terms"], row["upstreams"], row["standby"]) == ("other-use@1", ["second"], None)
        records = one.gateway.records()
        first = next(r.leaf.terms for r in records if r.leaf.k == "opened")
        later = [r for r in records[moved:] if r.leaf.k == "opened"]
        assert first not in {r.leaf.terms for r in later}
        sent = sum(r.leaf.k == "opened" and r.leaf.terms == first for r in records)
        assert len(one.first.received) == sent
        found = one.step()
        assert f"moved to `other-use@1` at record {moved}" in found.says
        assert found.limits == ()


def test_a_lapse_moves_the_alias_and_no_call_fails(tmp_path):
    """The lease of the first is used up under load: the call that finds that is already the other vendor's."""
    with two(tmp_path) as one:
        text = version(2).decode()
        kept = [line for line in text.splitlines() if not line.startswith(("lease:", "continuity:"))]
        kept.insert(kept.index("markings: civil"), "lease: {calls: 6}")
        one.gateway.run(one.gateway.house.adopt(one.gateway.signed("\n".join(kept).encode()).raw))
        one.stand_by()
        target = {"terms": "other-use", "model": MODEL, "on_lapse": True}
        assert one.ask("POST", f"/caveat/v1/standby/{MODEL}", json=target).status_code == 200
        replies: list[str] = []

        def calling():
            client = one.gateway.http()
            for _ in range(6):
                reply = client.post(PATH, json=ASK)
                replies.append(reply.text if reply.status_code == 200 else str(reply.status_code))

        callers = [threading.Thread(target=calling, daemon=True) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert (sum("First" in reply for reply in replies), sum("Second" in reply for reply in replies)) == (6, 12)
        (row,) = one.ask("GET", "/caveat/v1/aliases").json()["aliases"]
        lapsed = [index for index, r in enumerate(one.gateway.records()) if r.leaf.what == "lease.lapsed"]
        assert (row["terms"], row["moved"]["at"]) == ("other-use@1", lapsed[0])
        assert f"moved to `other-use@1` at record {lapsed[0]}" in one.step().says


def test_what_stands_by_serves_nothing_until_then(tmp_path):
    with two(tmp_path) as one:
        one.stand_by()
        assert one.call().headers["x-caveat-terms"] == "institutional-use@1"
        one.prepare()
        (row,) = one.ask("GET", "/caveat/v1/aliases").json()["aliases"]
        assert (row["upstreams"], row["standby"]["terms"]) == (["first"], "other-use")
        assert "no alias moved" in one.step().says
        one.end_first()
        assert "Second" in one.call().text
        assert one.call(**FRENCH).status_code == 403


def test_the_other_vendor_may_call_its_model_otherwise(tmp_path):
    """Callers keep their alias; the facts and the decision name the model as the terms do, the record both."""
    with two(tmp_path, alias="works-large") as one:
        one.stand_by(alias="works-large")
        one.prepare(alias="works-large")
        one.end_first()
        reply = one.call()
        assert (reply.status_code, reply.headers["x-caveat-terms"]) == (200, "other-use@1")
        opened = one.gateway.call(reply.headers["x-caveat-call"])[0].opened
        assert (opened["what"]["model"], opened["request"]["alias"]) == ("works-large", MODEL)
        assert one.step().outcome == "proved"


REFUSED = {
    "terms that are not in force": ("standby", {"terms": "nobody"}, "no terms called"),
    "a model that they do not cover": ("standby", {"terms": "other-use", "model": "huge"}, "do not cover"),
    "the terms that serve it now": ("standby", {"terms": "institutional-use"}, "another agreement"),
    "an alias of nothing": ("switch", {"terms": "other-use", "model": MODEL}, "no terms in force cover"),
    "a move without a goal": ("switch", {}, "nothing stands by"),
    "no target at all": ("switch", {"where": "there"}, "expected"),
}


def test_what_cannot_move_is_refused_with_a_sentence_and_nothing_changes(tmp_path):
    with two(tmp_path) as one:
        one.stand_by()
        before = one.gateway.house.view.fence
        for name, (verb, target, words) in REFUSED.items():
            alias = "nothing" if name == "an alias of nothing" else MODEL
            reply = one.ask("POST", f"/caveat/v1/{verb}/{alias}", json=target)
            assert reply.status_code == 400, name
            assert words in reply.json()["error"]["message"], name
        assert one.gateway.house.view.fence == before
        assert one.gateway.http().post(f"/caveat/v1/switch/{MODEL}").status_code == 403


def test_a_call_that_went_back_fails_the_bundle(tmp_path):
    """As a gateway would have to write it that ignores the move: its records are all there, and step 18 finds the call."""
    with two(tmp_path) as one:
        one.stand_by()
        one.prepare()
        one.call()
        stale = one.gateway.house.view
        one.ask("POST", f"/caveat/v1/switch/{MODEL}")
        one.gateway.house.view = replace(one.gateway.house.view, routes=stale.routes)
        one.call()
        report = verified(exported(one.gateway)[1], trust_of(one.gateway))
        (found,) = [step for step in report.steps if step.number == 18]
        assert found.outcome == "failed"
        assert "after it had moved" in found.says

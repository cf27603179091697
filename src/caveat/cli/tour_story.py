"""The tour's story, step by step.  Each step does a real thing and says whether it went as it should have.

Nothing here is staged: the parties' keys, the model, the gateway, its ledger and the verifier are those of any house; only
the texts are ours (tour_texts.py).
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import uvloop
from msgspec import Struct
from msgspec.json import encode

from caveat.cli import tour_texts as texts
from caveat.cli.remote import Remote
from caveat.cli.tour_stage import Answer, Gateway
from caveat.cli.tour_table import Table, refuses
from caveat.decide.policy import ENGINE
from caveat.evidence.export import Order, export
from caveat.evidence.report import Report
from caveat.evidence.statement import open_statement
from caveat.evidence.trust import read_trust
from caveat.evidence.verify import verify
from caveat.facts import Caller
from caveat.gateway.control.agreeing import adopt, trust_root
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.house.callers import new_key_text, secret_digest
from caveat.gateway.house.founding import found
from caveat.gateway.house.past import read_past
from caveat.gateway.proof.answering import share_key_of
from caveat.gateway.proof.trusting import source_of, trust_text
from caveat.gateway.serving.startup import open_house
from caveat.ledger.reader import LedgerReader
from caveat.ledger.receipt import parse_receipt, verify_receipt
from caveat.ledger.tree import leaf_hash
from caveat.register import CallerKey
from caveat.talks.diff import Diff, diff
from caveat.talks.draft import read_draft
from caveat.talks.patch import patched, read_patch
from caveat.terms.document import Draft, SignedTerms, Terms
from caveat.terms.samples import sample_terms
from caveat.terms.sign import claimed_terms

NOT_HERE = (3, 13, 16, 21)
"""The verifier's steps that compare with what a receiver had before, with a seal's count or with callers' tickets: nobody has
anything of a log made a minute ago, and the tour's terms ask for no seal."""


class Step(Struct, frozen=True):
    """What was done, what came of it, and whether that is what should have.

    shown   lines for a person: what was sent, what came back
    diff    the change of terms, where the step is about one
    report  the verifier's report, where the step is about one
    """

    title: str
    ok: bool
    says: str
    shown: tuple[str, ...] = ()
    diff: Diff | None = None
    report: Report | None = None


class Cast:
    """Who plays: the home, both parties at their table, the callers' keys, the terms as they come to be."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.table = Table(home.path.parent)
        self.press = new_key_text()
        self.public = new_key_text()
        self.cases = new_key_text()
        self.draft: Draft = read_draft(sample_terms())
        self.first_call = ""

    @property
    def terms(self) -> Terms:
        """The terms that both parties list, by their own account."""
        return claimed_terms(SignedTerms(self.table.finalized()))


def before_serving(cast: Cast) -> Iterator[Step]:
    """Terms offered, signed by both, listed by both, put in force; callers' keys made."""
    yield Step(
        "Two parties, each with keys and a repository of its own",
        ok=True,
        says="they share no network: a stick goes between them, and these fingerprints are compared by voice",
        shown=cast.table.meet(),
    )
    table = cast.table
    steps = [table.propose("vendor", cast.draft, "Our standard terms."), table.accept(), table.agree("vendor")]
    one_sided = refuses(table.adoption)
    steps += [table.agree("operator"), table.finalize()]
    yield Step(
        "The vendor offers terms; both sign, both list the same bytes",
        ok=bool(one_sided) and steps[-1].state == "FINALIZED",
        says=f"with the vendor's signature alone nothing could be put in force ({one_sided})",
        shown=tuple(done.line for done in steps),
    )
    uvloop.run(_found(cast))
    yield Step(
        "The operator's house trusts both repositories, and puts in force what both list",
        ok=True,
        says=f"{cast.draft.name}: {len(cast.draft.clauses)} clauses, compiled to Cedar",
        shown=(f"the pair's digest: {cast.terms.digest}",),
    )


async def _found(cast: Cast) -> None:
    async with open_house(cast.home, cast.home.settings(), serving=False) as house:
        await found(house, cast.home)
        for root in cast.table.roots():
            await trust_root(house, root)
        await adopt(house, cast.table.adoption())
        press = Caller("press-office", "Press office", purpose="summarisation", clearance_rank=8, language="en")
        public = Caller("visitors-desk", "Visitors' desk", purpose="analysis", output_use="public", language="en")
        cases = Caller("case-desk", "Case desk", purpose="drafting", effect="affects-person", language="en")
        for caller, text in ((press, cast.press), (public, cast.public), (cases, cast.cases)):
            await house.add_key(encode(CallerKey("caller", secret_digest(text), caller, sample=True)))


def calls(cast: Cast, gateway: Gateway) -> Iterator[Step]:
    """A handful of calls in both formats and two languages: allowed, streamed, denied, stopped."""
    answer = gateway.openai(cast.press, texts.SUMMARISE_EN)
    cast.first_call = answer.call
    notice = cast.draft.notice["en"]
    yield _allowed("A call in the OpenAI format, in English", answer, notice)
    answer = gateway.anthropic(cast.press, texts.SUMMARISE_FR, headers={"accept-language": "fr"})
    yield _allowed("A call in the Anthropic format, in French", answer, cast.draft.notice["fr"])
    answer = gateway.openai(cast.press, texts.SUMMARISE_EN, stream=True, max_tokens=120)
    yield Step(
        "The same, streamed",
        ok=answer.status == 200 and notice in answer.text and answer.pieces > 1 and answer.first_ms < answer.last_ms,
        says=f"first byte after {answer.first_ms} ms, last after {answer.last_ms} ms, in {answer.pieces} pieces",
        shown=_quoted(answer.text),
    )
    answer = gateway.openai(cast.press, texts.FORGED, headers={"accept-language": "fr-CH, en;q=0.5"})
    yield _denied(
        "A forged turn, in French: the model's own control tokens inside a message", answer, "injection.refused"
    )
    answer = gateway.openai(cast.press, texts.MARKED)
    yield _denied("A text whose banner lies above the ceiling: TOP SECRET//SI//NOFORN", answer, "marking.ceiling")
    yield _stopped(gateway.openai(cast.public, "Say it.", stream=True, max_tokens=900, response_format=_dictated()))
    answer = gateway.openai(cast.cases, texts.CASE)
    yield Step(
        "A text that affects a person's rights: it waits for a person, and is kept whole",
        ok=answer.code == "approval_required",
        says=f"{answer.status} {answer.code}; call {answer.call}: {answer.message}",
    )


def _dictated() -> dict[str, object]:
    schema = {"name": "said", "schema": {"const": texts.DICTATED}}
    return {"type": "json_schema", "json_schema": schema}


def _stopped(answer: Answer) -> Step:
    left = texts.DICTATED.startswith(answer.text.strip('"')) and len(answer.text) > 100
    return Step(
        "A reply for the public, stopped midway: the model was about to give away a person's number",
        ok=answer.ended == "content_filter" and "+44" not in answer.text and left,
        says=f"{len(answer.text)} characters had left, none of the number; finish_reason is {answer.ended}",
        shown=(*_quoted(answer.text[-160:]), answer.message),
    )


def negotiation(cast: Cast, gateway: Gateway) -> Iterator[Step]:
    """The story's main event: a clause asked away, a narrower one offered, signed by both, and what it changes."""
    before = gateway.openai(cast.press, texts.RESTRICTED)
    yield _denied("Before: a RESTRICTED text to summarise", before, "marking.ceiling")
    asked = read_patch(texts.ASKED.encode())
    wanted = patched(cast.draft, asked)
    done = cast.table.propose("operator", wanted, asked.why)
    yield Step(
        "The operator asks to lift a clause",
        ok=done.state == "REQUESTED",
        says="`marking.ceiling` is to go",
        shown=(done.line,),
        diff=diff(cast.draft, wanted),
    )
    counter = read_patch(texts.COUNTERED.encode())
    countered = patched(cast.draft, counter)
    done = cast.table.propose("vendor", countered, counter.why)
    yield Step(
        "The vendor counters with a narrower one",
        ok=done.state == "OFFERED" and countered.version == cast.draft.version + 1,
        says="the clause stays; summaries of RESTRICTED text become possible, nothing above",
        shown=(done.line,),
        diff=diff(cast.draft, countered),
    )
    table = cast.table
    steps = (table.accept(), table.agree("vendor"), table.agree("operator"), table.finalize())
    taken = Remote(cast.home).adopt(table.adoption())
    cast.draft = countered
    yield Step(
        "Both sign, and the gateway takes it up while it runs",
        ok=(steps[-1].state, taken["digest"]) == ("FINALIZED", cast.terms.digest),
        says=f"{taken['adopted']} is in force",
        shown=tuple(done.line for done in steps),
    )
    yield _allowed("After: the same call", gateway.openai(cast.press, texts.RESTRICTED), countered.notice["en"])
    answer = gateway.openai(cast.press, texts.MARKED)
    yield _denied("And TOP SECRET stays outside", answer, "marking.ceiling")


def ending(cast: Cast, gateway: Gateway) -> Iterator[Step]:
    """The vendor ends the terms, by a signed note that needs no network."""
    terms = cast.terms
    done, note = cast.table.end(texts.REASON)
    Remote(cast.home).end_terms(terms.draft.id, note)
    answer = gateway.openai(cast.press, texts.SUMMARISE_EN)
    yield Step(
        "The vendor ends the terms",
        ok=(done.state, answer.code) == ("TERMINATED", "terms_missing"),
        says=f"its signed word names this pair and no other; the next call: {answer.status} {answer.code}",
        shown=(done.line, answer.message),
    )
    keys, _ = house_keys(cast.home, cast.home.settings().gateway.origin)
    raw = Remote(cast.home).ask("POST", f"/terms/{terms.draft.id}/statement")["statement"]
    said = open_statement(raw.encode(), keys.verify_keys)
    yield Step(
        "The log states the end, under its own key",
        ok=(said.pair, said.by, said.counted.running) == (terms.digest, "vendor", 0),
        says=f"the last call is record {said.counted.last}; {said.counted.sent} went to the model under this pair",
        shown=tuple(raw.partition("\n\n")[0].splitlines()[4:-3]),
    )


def evidence(cast: Cast, gateway: Gateway, folder: Path) -> Iterator[Step]:
    """A receipt, a bundle, its verification, and what one changed byte does to it."""
    keys, _ = house_keys(cast.home, cast.home.settings().gateway.origin)
    raw = gateway.receipt(cast.press, cast.first_call)
    reader = LedgerReader(cast.home.ledger, cast.home.vault)
    index = parse_receipt(raw).index
    head = verify_receipt(raw, leaf_hash(reader.entry(index).leaf), keys.verify_keys, keys.origin)
    yield Step(
        "The first call's receipt",
        ok=head.size > index,
        says=f"record {index} is in the log of {head.size} records: proved offline, in {len(raw):,} bytes",
        shown=tuple(raw.decode().splitlines()[:4]),
    )
    bundle, trust = _export(cast, reader, folder)
    report = verify(BytesIO(bundle), read_trust(trust))
    yield Step(
        "Evidence for an outsider, verified with nothing but the bundle and a trust file",
        ok=report.verified and all(step.outcome == "proved" for step in report.steps if step.number not in NOT_HERE),
        says=f"{len(bundle):,} bytes; no prompt, no answer and no key are in it",
        shown=(f"{folder / 'evidence.zip'}", f"caveat verify {folder / 'evidence.zip'} --trust {folder / 'trust'}"),
        report=report,
    )
    place = bundle.index(b"tile/entries/") + 200
    broken = bundle[:place] + bytes([bundle[place] ^ 1]) + bundle[place + 1 :]
    report = verify(BytesIO(broken), read_trust(trust))
    first = report.failed[0] if report.failed else None
    yield Step(
        f"The same with one bit changed, at byte {place:,}",
        ok=not report.verified and first is not None,
        says=f"not verified; step {first.number}, {first.title}: {first.says}" if first else "this should not verify",
    )


def _export(cast: Cast, reader: LedgerReader, folder: Path) -> tuple[bytes, bytes]:
    keys, _ = house_keys(cast.home, cast.home.settings().gateway.origin)
    documents = Documents(cast.home.control)
    source = source_of(cast.home, reader)
    path = folder / "evidence.zip"
    with path.open("wb") as file:
        order = Order(0, None, "audit", ENGINE, share_key=share_key_of(cast.home), check=True)
        export(source, order, keys.plain, file)
    trust = trust_text(keys.verify_keys, read_past(reader, documents).register).encode()
    (folder / "trust").write_bytes(trust)
    return path.read_bytes(), trust


def _allowed(title: str, answer: Answer, notice: str) -> Step:
    ok = answer.status == 200 and notice in answer.text
    return Step(title, ok, f"allowed, in {answer.last_ms} ms; call {answer.call}", _quoted(answer.text))


def _denied(title: str, answer: Answer, clause: str) -> Step:
    ok = answer.status == 403 and answer.code == "terms_denied" and clause in answer.message
    return Step(title, ok, f"denied, in {answer.last_ms} ms; nothing reached the model", (answer.message,))


def _quoted(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line.strip())

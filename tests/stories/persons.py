"""Persons on machines of their own around a gateway, for stories of exceptions and reviews."""

import shutil
from types import SimpleNamespace

import httpx
from tests.evidence import second
from tests.gateway.running import MODEL
from tests.stories.test_evidence import exported, trust_of

from caveat.terms.samples import sample_terms

PATH = "/v1/chat/completions"
PEOPLE = (("anna", "operator"), ("ben", "operator"), ("carl", "operator"), ("vera", "vendor"))


def staffed(folder, run, gateway, upstream=None):
    """Three persons of the operator's and one of the vendor's, each with a key on a machine of their own."""
    home = gateway.home.path

    def do(*words, code=0):
        done = run(*words)
        assert done.code == code, (done.out, done.err)
        return done

    for person, side in PEOPLE:
        machine = folder / person
        machine.mkdir()
        vkey = do("party", "init", person, machine / "key", "--json").json["vkey"]
        named = machine / "named.json"
        party = home / "keys" / f"party-example-{'labs' if side == 'vendor' else 'ministry'}.sample"
        do("waiver", "approver", "name", person, "--vkey", vkey, "--side", side, "--key", party, "--out", named)
        do("waiver", "approver", "add", named, "--home", home)
    return SimpleNamespace(do=do, home=home, gateway=gateway, upstream=upstream, folder=folder)


def asked(office, *more, uses=2, clause="secrets.kept", until="+7d"):
    """Carl asks; the file that he hands on."""
    file = office.folder / "carl" / f"waiver-{len(list((office.folder / 'carl').iterdir()))}.json"
    words = ("--reason", "Audit 17 needs the originals.", "--requester", "carl", "--until", until, "--uses", uses)
    office.do("waiver", "request", "--clause", clause, *words, "--out", file, "--home", office.home, *more)
    return file


def carried(office, file, *persons):
    """The file on a stick, signed on each one's machine in turn."""
    for person in persons:
        there = office.folder / person / file.name
        if there != file:
            shutil.copy(file, there)
        office.do("waiver", "approve", there, "--key", office.folder / person / "key")
        file = there
    return file


def granted(office, *more, **asking):
    """A waiver in force."""
    file = carried(office, asked(office, *more, **asking), "anna", "ben")
    return office.do("waiver", "grant", file, "--home", office.home, "--json").json["waiver"]


def chat(text, **more):
    """A chat completion's body, as bytes."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}
    return httpx.Request("POST", "http://x", json=body).content


def send(office, data, hold="", key="", path=PATH):
    """The caller's bytes, with the hold that they name."""
    headers = {"content-type": "application/json", **({"caveat-hold": hold} if hold else {})}
    return office.gateway.http(key, **headers).post(path, content=data)


def shown(office, hold, person="anna"):
    """The file that a person got to sign, and what they were shown."""
    file = office.folder / person / f"{hold}.json"
    return file, office.do("hold", "show", hold, "--out", file, "--home", office.home).out


def released(office, hold, *persons):
    """Persons look, sign one after the other, and put it on record."""
    file, _ = shown(office, hold, (persons or ("anna",))[0])
    for person in persons or ("anna",):
        office.do("hold", "approve", file, "--key", office.folder / person / "key")
    return office.do("hold", "grant", file, "--home", office.home)


def verified(office):
    """What an outsider finds over the whole ledger; the second verifier must find the same."""
    return second.verified(exported(office.gateway)[1], trust_of(office.gateway))


def terms_with(*clauses, number=2, **changed):
    """The sample terms as a later version, with clauses more, and some of their text changed (`name=(before, after)`)."""
    text = sample_terms().decode().replace("\nversion: 1\n", f"\nversion: {number}\n")
    for before, after in changed.values():
        assert before in text
        text = text.replace(before, after)
    return (text + "\n" + "\n".join(clauses)).encode()

"""`caveat party`: a party's keys and its repository, and the other party's, met once and compared by voice."""

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from caveat.canon import sha256
from caveat.cli.at_table import Party, party_dir
from caveat.cli.ceremony import Plan, hold_ceremony, rotate_root
from caveat.cli.cosign import cosign, publish
from caveat.cli.files import read_bytes, signing_key, write_new
from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where, at_home
from caveat.cli.sections import Sections, examples
from caveat.errors import BadInput, NotVerified
from caveat.gateway.parties.directory import Folder, newest_root, read_key
from caveat.gateway.parties.session import Session
from caveat.keys import VerifyKey, new_signing_key
from caveat.talks.publishing import LIST_DAYS
from caveat.terms.listing import Repository
from caveat.terms.moving import sign_move
from caveat.terms.repository import open_root, spoken
from caveat.waivers.passkeys import ApproverKey

app = typer.Typer(
    cls=Sections,
    help="A party's keys and repository: made, shown, met, handed over, trusted, renewed, signed by several.",
    epilog=examples(
        "caveat party init labs.example labs --role vendor          keys, a repository, a page to print and sign",
        "caveat party hand /media/stick --party labs                a copy for the other party; no key is in it",
        "caveat party meet /media/stick --party ministry            compare the fingerprint by voice, once",
        "caveat party trust /media/stick --home home                the operator's gateway takes it up",
    ),
    no_args_is_help=True,
)

Given = Annotated[
    str, typer.Option("--fingerprint", help="The fingerprint that the other party read out; asked for where left out.")
]
Keys = Annotated[list[Path] | None, typer.Option("--key", help="A key that does not lie in the party's directory.")]


@app.command("init")
def init(
    name: Annotated[
        str, typer.Argument(help="The party's or the key's name, such as labs.example or labs.example/terms.")
    ],
    path: Annotated[Path, typer.Argument(help="The directory to make (with --role), or the file of a single key.")],
    *,
    role: Annotated[
        Literal["vendor", "operator"] | None, typer.Option(help="Make a party: root keys, terms keys and a repository.")
    ] = None,
    root_keys: Annotated[int, typer.Option(min=1, max=9, help="How many root keys to make.")] = 2,
    root_threshold: Annotated[int, typer.Option(min=1, max=9, help="How many of them change the root.")] = 1,
    terms_keys: Annotated[int, typer.Option(min=1, max=9, help="How many terms keys to make.")] = 1,
    terms_threshold: Annotated[int, typer.Option(min=1, max=9, help="How many of them sign terms.")] = 1,
    kind: Annotated[
        Literal["ed25519", "ml-dsa-65"],
        typer.Option("--root-kind", help="The root keys' algorithm; ml-dsa-65 is post-quantum."),
    ] = "ed25519",
    pkcs11: Annotated[
        bool, typer.Option("--pkcs11", help="Use the key of a token or smart card as first root key.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a party: root keys for the safe, terms keys to sign with, a repository, and a page to print and sign.

    Without --role, make a single signing key in a file: enough where no repository is kept.  Keys are made in software and
    lie in files for their owner alone, unless --pkcs11 names a token.
    """
    if role is None:
        key = new_signing_key(name)
        write_new(path, key.text.encode() + b"\n", mode=0o600)
        _tell_key(key.verify_key, as_json=as_json)
        return
    plan = Plan(name, role, root_keys, root_threshold, terms_keys, terms_threshold, kind, pkcs11)
    made = hold_ceremony(path, plan, _now())
    _tell(made, as_json=as_json, path=path)
    if not as_json:
        say(f"the ceremony's page to print and sign: {path / 'ceremony.html'}")
        say(f"root keys: move {path / 'keys'}/root-*.key to sticks, one for each holder, and put them into safes")
        say("next: the other party does the same; then each hands its repository over (`caveat party hand`)")


@app.command("show")
def show(
    path: Annotated[
        Path, typer.Argument(help="A key file, a party's directory, or a repository that was handed over.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Whose keys these are, and the fingerprint to compare by voice.  Never shows a secret."""
    if path.is_dir():
        folder = Folder(path / "repository" if (path / "repository").is_dir() else path)
        _tell(open_root(newest_root(folder)), as_json=as_json, path=path)
    else:
        _tell_key(signing_key(path).verify_key, as_json=as_json)


@app.command("meet")
def meet(
    theirs: Annotated[Path, typer.Argument(help="The other party's repository, as it was handed over.")],
    party: Party = None,
    *,
    fingerprint: Given = "",
    as_json: Json = False,
) -> None:
    """Trust the other party's root from now on, once its fingerprint was compared by voice."""
    mine = party_dir(party)
    folder = Folder(theirs)
    mine.check_other(folder)
    _compare(folder, fingerprint)
    other = mine.meet(folder)
    mine.take(folder, _now())
    if as_json:
        emit({"met": other.party, "role": other.role, "fingerprint": spoken(other.root)})
        return
    say(f"{other.party} is known here as the {other.role}; what it hands over is checked against this root from now on")
    say("next: the vendor begins with `caveat terms offer`, or the operator with `caveat terms request`")


@app.command("hand")
def hand(
    to: Annotated[Path, typer.Argument(help="The directory to write, on a stick for example.")],
    party: Party = None,
    *,
    as_json: Json = False,
) -> None:
    """Copy your repository, which holds no secret, to where the other party can take it."""
    session = Session(party_dir(party))
    session.hand(to)
    if as_json:
        emit({"handed": str(to), "version": session.own.version, "fingerprint": spoken(session.own.root)})
        return
    say(f"{to} holds the repository of {session.own.party}; no key is in it")
    say("next: the other party gives it with `--theirs`, the first time to `caveat party meet`")


@app.command("trust")
def trust(
    repository: Annotated[Path, typer.Argument(help="A party's repository, yours or the other's.")],
    home: Where = None,
    *,
    fingerprint: Given = "",
    moved: Annotated[
        Path | None,
        typer.Option(
            "--moved", help="The vendor's word that this repository succeeds its bare key (`caveat party move`)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a party's repository count in a home: its terms then come into force only as both repositories list them."""
    folder = Folder(repository / "repository" if (repository / "repository").is_dir() else repository)
    root = newest_root(folder)
    _compare(folder, fingerprint)
    operations = at_home(home)
    name, role = operations.ask("POST", "/parties", root.encode())["trusted"], open_root(root).role
    own = operations.ask("POST", "/parties", read_bytes(moved))["terms"] if moved else []
    if as_json:
        emit({"trusted": name, "role": role, "fingerprint": spoken(root), "moved": own})
        return
    article = "an" if role == "operator" else "a"
    say(f"the {role}'s repository, {name}, counts here from now on, and no bare key of {article} {role} does")
    if own:
        say(f"it stands in the place of the key that signed {', '.join(f'`{one}`' for one in own)}")
    say("next: `caveat terms adopt --party DIRECTORY` puts in force what both repositories list")


@app.command("move")
def move(
    key: Annotated[list[Path], typer.Option("--from", help="The bare key that has signed the terms; once for each.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the signed word, for the operator.")],
    party: Party = None,
    *,
    as_json: Json = False,
) -> None:
    """As a vendor that has signed terms with a bare key: say that your repository stands in that key's place from now on."""
    own = party_dir(party).charter()
    if own.role != "vendor":
        raise BadInput("an operator's repository needs no such word: the home is its own", hint="`caveat party trust`")
    keys = [read_key(one) for one in key]
    write_new(output, sign_move(own.party, own.root, keys))
    if as_json:
        emit({"file": str(output), "party": own.party, "signed_by": [one.name for one in keys]})
        return
    say(f"{output} says, signed by {', '.join(one.name for one in keys)}, that the repository of {own.party} succeeds")
    say(f"next: the operator runs `caveat party trust REPOSITORY --moved {output}`, with a copy of your repository")


@app.command("renew")
def renew(
    party: Party = None,
    *,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long the list may be believed.")] = LIST_DAYS,
    key: Keys = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Hand the repository over to this directory afterwards.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign your list again, with a later end: others believe it for so long."""
    session = Session(party_dir(party), keys=key or ())
    session.publish({}, session.terms_keys(), days)
    if to:
        session.hand(to)
    if as_json:
        emit({"until_ms": session.own.until_ms})
        return
    say(f"the list of {session.own.party} may be believed for {days} days from now")
    say("next: hand it over, so that the other party sees it" if not to else f"next: take {to} to the other party")


@app.command("rotate")
def rotate(
    party: Party = None,
    *,
    replace: Annotated[
        list[str] | None, typer.Option("--replace", help="A key to replace by a new one, such as root-1 or terms-1.")
    ] = None,
    root_threshold: Annotated[
        int | None, typer.Option(min=1, max=9, help="How many root keys change the root.")
    ] = None,
    terms_threshold: Annotated[int | None, typer.Option(min=1, max=9, help="How many terms keys sign terms.")] = None,
    key: Keys = None,
    as_json: Json = False,
) -> None:
    """Make the next root: a key replaced, a threshold changed.  Needs enough root keys of the old root and of the new."""
    mine = party_dir(party)
    made = rotate_root(mine, replace or [], (root_threshold, terms_threshold), key or [], _now())
    _tell(made, as_json=as_json, path=mine.path)
    if not as_json:
        say("next: hand the repository over (`caveat party hand`); the other party takes the new root up by itself")


app.command("cosign")(cosign)
app.command("publish")(publish)


def fingerprint(key: ApproverKey) -> str:
    """Eight groups of four hex digits of the SHA-256 of the verify key's text: short enough to read over a telephone."""
    digits = sha256(key.text.encode()).hex()[:32]
    return " ".join(digits[i : i + 4] for i in range(0, 32, 4))


def _compare(folder: Folder, given: str) -> None:
    """The fingerprint as people compare it: a person types or confirms it.  Raises NotVerified where it differs."""
    root = newest_root(folder)
    other = open_root(root)
    if not given:
        say(f"{other.role} {other.party}: the fingerprint of the root in `{folder.path}` is\n\n    {spoken(root)}\n")
        say(f"call {other.party} on a number that you knew before, and let them read theirs out")
        given = _typed("their fingerprint")
    if "".join(given.split()) != "".join(spoken(root).split()):
        raise NotVerified(
            f"the fingerprint of the root in `{folder.path}` is another",
            step="repository",
            hint="nothing is trusted; ask for the repository again, by another way, and compare anew",
        )


def _typed(what: str) -> str:
    """What a person types, "" where nobody is there."""
    try:
        return str(typer.prompt(what, default="", show_default=False))
    except typer.Abort:
        return ""


def _tell(made: Repository, *, as_json: bool, path: Path) -> None:
    keys = [{"key": key.text, "fingerprint": fingerprint(key)} for key in made.keys]
    if as_json:
        emit(
            {
                "party": made.party,
                "role": made.role,
                "root": made.version,
                "fingerprint": spoken(made.root),
                "root_keys": made.root_keys,
                "root_threshold": made.root_threshold,
                "terms_keys": keys,
                "terms_threshold": made.threshold,
            }
        )
        return
    say(f"{made.party}, the {made.role}, in `{path}`; root {made.version}")
    say(f"  {made.root_threshold} of {len(made.root_keys)} root keys change it: {', '.join(made.root_keys)}")
    say(f"  {made.threshold} of {len(made.keys)} terms keys sign: {', '.join(key.name for key in made.keys)}")
    say(f"fingerprint to read out to the other party:\n\n    {spoken(made.root)}\n")


def _tell_key(key: VerifyKey, *, as_json: bool) -> None:
    if as_json:
        emit({"name": key.name, "vkey": key.text, "fingerprint": fingerprint(key)})
        return
    say(f"verify key:   {key.text}")
    say(f"fingerprint:  {fingerprint(key)}")
    say("the other party enters the verify key; compare the fingerprint with them by voice")


def _now() -> int:
    return time.time_ns() // 1_000_000

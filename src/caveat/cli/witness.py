"""`caveat witness`: a small C2SP witness, as a server or by hand."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from caveat.cli.files import existing, read_bytes, write_new
from caveat.cli.output import Json, emit, progress, say
from caveat.cli.sections import Sections
from caveat.errors import BadInput, NotVerified, Refused
from caveat.evidence.bundle import open_bundle
from caveat.evidence.mirror import KnownTree, Mirror
from caveat.evidence.trust import read_trust
from caveat.gateway.home.addresses import host_and_port
from caveat.gateway.proof.witness_app import Witness, check_private, witness_app
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.witness import Declined, Request

app = typer.Typer(
    cls=Sections, help="A small witness of logs: init, add-log, serve, cosign, show.", no_args_is_help=True
)

Directory = Annotated[Path, typer.Option("--dir", help="The witness's directory.")]


@app.command("init")
def init(
    name: Annotated[str, typer.Argument(help="The witness's name: `security-office.example`.")],
    directory: Directory,
    *,
    as_json: Json = False,
) -> None:
    """Make a witness with a key of its own, and print its verify key."""
    witness = Witness.make(directory, name)
    emit({"key": witness.key.verify_key.text}) if as_json else typer.echo(witness.key.verify_key.text)


@app.command("add-log")
def add_log(
    trust_file: Annotated[Path, typer.Argument(metavar="TRUST", help="A trust file: its `log` lines are taken.")],
    directory: Directory,
    *,
    as_json: Json = False,
) -> None:
    """Consider a log's checkpoints from now on."""
    keys = list(read_trust(read_bytes(trust_file)).logs)
    _open(directory).add_log(keys)
    names = sorted({key.name for key in keys})
    emit({"logs": names}) if as_json else say(f"this witness considers {', '.join(names)}")


@app.command("serve")
def serve(
    directory: Directory,
    *,
    listen: Annotated[str, typer.Option(help="host:port; port 0 takes any that is free.")] = "127.0.0.1:8485",
    as_json: Json = False,
) -> None:
    """Answer `POST /add-checkpoint` (c2sp.org/tlog-witness) until told to stop."""
    witness = _open(directory)
    host, port = host_and_port(listen)
    config = uvicorn.Config(witness_app(witness), host=host, port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    if as_json:
        emit({"witness": witness.key.name, "url": f"http://{host}:{port}"})
    else:
        progress(f"witness {witness.key.name} on http://{host}:{port}")
    asyncio.run(server.serve())


@app.command("cosign")
def cosign(
    bundle: Annotated[Path, typer.Argument(help="The bundle whose checkpoint is to be cosigned.")],
    output: Annotated[Path, typer.Argument(help="The cosigned checkpoint to write, to be carried back.")],
    directory: Directory,
    *,
    as_json: Json = False,
) -> None:
    """By hand, for whoever sees a log only through bundles: cosign the checkpoint if it continues the last one."""
    witness = _open(directory)
    with existing(bundle).open("rb") as file:
        opened = open_bundle(file)
        origin = opened.manifest.origin
        keys = witness.log_keys(origin)
        if not keys:
            raise BadInput(f"this witness does not know the log `{origin}`", hint="`caveat witness add-log TRUST`")
        head = open_checkpoint(opened.checkpoint, keys, origin)
        seen = witness.seen(origin)
        if seen.size > head.size:
            raise Refused(f"the log went back: {seen.size} records were cosigned, and it shows {head.size}")
        proof = _proof(Mirror(opened, head), seen.size, head.size)
    try:
        lines = witness.add_checkpoint(Request(seen.size, proof, opened.checkpoint))
    except Declined as declined:
        raise Refused(declined.message) from None
    write_new(output, opened.checkpoint + lines)
    told = {"origin": origin, "size": head.size, "before": seen.size, "file": str(output)}
    emit(told) if as_json else say(
        f"cosigned {head.size} records of {origin}, of which {seen.size} were known; {output}"
    )


@app.command("show")
def show(
    origin: Annotated[str, typer.Argument(help="The log's name.")], directory: Directory, *, as_json: Json = False
) -> None:
    """The newest checkpoint of a log that this witness has cosigned."""
    note = _open(directory).newest(origin)
    if not note:
        raise BadInput(f"this witness has cosigned nothing of `{origin}`")
    emit({"origin": origin, "checkpoint": note.decode()}) if as_json else typer.echo(note.decode(), nl=False)


def _open(directory: Path) -> Witness:
    if not (directory / "key").is_file():
        raise BadInput(f"there is no witness in `{directory}`", hint="`caveat witness init NAME --dir DIR` makes one")
    check_private(directory)
    return Witness(directory)


def _proof(mirror: Mirror, old: int, size: int) -> tuple[bytes, ...]:
    """The consistency proof that the bundle's tiles give.  Raises Refused where they do not reach."""
    if not 0 < old < size:
        return ()
    try:
        return tuple(KnownTree(mirror, size).consistency(old))
    except NotVerified:
        raise Refused(
            f"the bundle does not show that the log's first {old} records are those that were cosigned",
            hint="ask for one that was exported against that checkpoint, or with `--receiver`",
        ) from None

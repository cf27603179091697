"""`caveat up`, `caveat serve` and `caveat init`: from nothing to a gateway that answers."""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from msgspec.structs import replace
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from caveat.cli.output import Json, emit, err, out, progress, say
from caveat.console.login import login_path
from caveat.errors import BadInput
from caveat.gateway.desk.ports import sessions_of
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import Home, create, home_path, open_home, repair
from caveat.gateway.home.tables import Settings
from caveat.gateway.house.founding import CALLER_KEY, found, found_sample, key_text, trust_party_text
from caveat.gateway.house.house import House
from caveat.gateway.house.readiness import readiness
from caveat.gateway.model.store import Step, cache_path, pull
from caveat.gateway.serving.serve import bind, serve, url_of
from caveat.gateway.serving.startup import open_house

Where = Annotated[Path | None, typer.Option("--home", help="The home directory (default: CAVEAT_HOME or ~/.caveat).")]
Several = Annotated[
    int | None, typer.Option(min=1, max=64, help="Answer calls in so many processes instead of those in caveat.toml.")
]

ALLOWED = "Summarise in one sentence: the committee met on Tuesday and agreed the budget for the library."
DENIED = "TOP SECRET//SI//NOFORN\\nSummarise: the committee met on Tuesday."

NEXT = "next: `caveat terms adopt FILE` puts signed terms in force, `caveat serve` serves"
NOBODY_YET = (
    "next: say whose terms count here: `caveat party trust REPOSITORY`, once for the vendor and once for the operator (or "
    "`caveat init --vendor VKEY --operator VKEY`); then `caveat terms adopt` and `caveat serve`\n"
    "to try it out: `caveat up` brings sample terms"
)


def up(
    home: Where = None,
    *,
    port: Annotated[int | None, typer.Option(help="Listen on this port instead of the one in caveat.toml.")] = None,
    workers: Several = None,
    as_json: Json = False,
) -> None:
    """Make what is needed, with sample terms signed by sample parties, and serve.

    The first start fetches the embedded model (98 MB); later ones take seconds.  Ctrl-C stops everything it started.  A
    home that has parties of its own is served as it stands.
    """
    made = _made(home)
    settings = _settings(made, port, workers)
    if not settings.gateway.loopback and not (made.ledger / "state").exists():
        raise BadInput(
            f"sample parties are for trying out on this machine, and {settings.gateway.address} is reached from others",
            hint="make a home with your own parties (`caveat init --vendor VKEY --operator VKEY`) and `caveat serve` it",
        )
    listener = bind(settings)
    _fetch_model(made, settings)

    async def prepare(house: House) -> None:
        await found(house, made)
        if not all(party.sample for party in house.view.register.parties):
            await _tell(made, house, url_of(listener), as_json=as_json)
            return
        await found_sample(house, made, progress)
        _welcome(made, house, url_of(listener), as_json=as_json)

    uvloop.run(serve(made, settings, listener, prepare, progress))
    progress("stopped; nothing is left running")


def serve_home(
    home: Where = None,
    *,
    port: Annotated[int | None, typer.Option(help="Listen on this port instead of the one in caveat.toml.")] = None,
    workers: Several = None,
    as_json: Json = False,
) -> None:
    """Serve a home that exists, as it stands."""
    made = open_home(home or home_path(os.environ))
    _tell_mended(repair(made))
    settings = _settings(made, port, workers)
    listener = bind(settings)

    async def prepare(house: House) -> None:
        await found(house, made)
        await _tell(made, house, url_of(listener), as_json=as_json)

    uvloop.run(serve(made, settings, listener, prepare, progress))
    progress("stopped; nothing is left running")


async def _tell(home: Home, house: House, url: str, *, as_json: bool) -> None:
    """Where it serves, and whether it is ready."""
    state = await readiness(house)
    if as_json:
        emit({"url": url, "ready": state.ready, "problems": state.problems, "terms": state.terms})
    else:
        say(f"serving {home.path} at {url}" + ("" if state.ready else f"; not ready: {'; '.join(state.problems)}"))


def init(
    home: Where = None,
    *,
    vendor: Annotated[list[str] | None, typer.Option(help="A verify key of the vendor; may be given again.")] = None,
    operator: Annotated[
        list[str] | None, typer.Option(help="A verify key of the operator; may be given again.")
    ] = None,
    sample: Annotated[
        bool, typer.Option(help="Make sample parties that sign the sample terms, for trying out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a home: settings, keys, a ledger with its first records.  Safe to repeat; nothing is written over."""
    made = _made(home)
    trusted: set[str] = set()

    async def work() -> None:
        async with open_house(made, made.settings(), progress, serving=False) as house:
            await found(house, made)
            for role, keys in (("vendor", vendor or []), ("operator", operator or [])):
                for text in keys:
                    await trust_party_text(house, role, text)
            if sample:
                await found_sample(house, made, progress)
            trusted.update(party.role for party in house.view.register.parties)

    uvloop.run(work())
    if as_json:
        emit({"home": str(made.path), "operator_key_file": str(made.keys / "operator.key")})
    else:
        say(f"the home is {made.path}")
        say(NEXT if trusted >= {"vendor", "operator"} else NOBODY_YET)


def _made(home: Path | None) -> Home:
    path = home or home_path(os.environ)
    made, mended = create(path, default_text(origin=f"localhost/caveat/{secrets.token_hex(4)}"))
    _tell_mended(mended)
    return made


def _tell_mended(mended: Iterable[str]) -> None:
    for sentence in mended:
        progress(f"repaired: {sentence}")


def _settings(home: Home, port: int | None, workers: int | None) -> Settings:
    settings = home.settings()
    gateway = replace(settings.gateway, workers=workers or settings.gateway.workers)
    if port is not None:
        host = gateway.host
        gateway = replace(gateway, address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    return replace(settings, gateway=gateway)


def _fetch_model(home: Home, settings: Settings) -> None:
    """See to it that the embedded model is there, with a bar while it comes."""
    if not any(upstream.embedded for upstream in settings.upstream.values()):
        return
    bar = Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=err, transient=True)
    with bar:
        task = bar.add_task("the embedded model", total=None)

        def tell(step: Step) -> None:
            bar.update(task, description=step.says, completed=step.done, total=step.total or None)

        pull(home.models, cache_path(os.environ), tell)


def _welcome(home: Home, house: House, url: str, *, as_json: bool) -> None:
    """What a newcomer needs: addresses, a key, one call that is allowed and one that is denied."""
    key, model = key_text(home, CALLER_KEY), next(iter(sorted(house.view.routes)), "")
    console = url + login_path(sessions_of(home, house).link("operator", "operator"))
    if as_json:
        about = {
            "url": url,
            "openai": f"{url}/v1",
            "anthropic": url,
            "key": key,
            "model": model,
            "home": str(home.path),
        }
        emit({**about, "console": console})
        return
    out.print(f"\n[bold]Caveat[/bold] serves at {url} under {', '.join(sorted(_terms(house)))}\n")
    for name, value in (
        ("OpenAI base URL", f"{url}/v1"),
        ("Anthropic base URL", url),
        ("model", model),
        ("a caller's key", key),
        ("home", str(home.path)),
    ):
        out.print(f"  {name:<20}{escape(value)}")
    out.print("\nA call that the terms allow:\n")
    out.print(escape(_curl(url, key, model, ALLOWED)))
    out.print("\nA call that they deny, and why:\n")
    out.print(escape(_curl(url, key, model, DENIED)))
    out.print("\nThe console, for people who would rather look (this link is good once, for an hour):\n")
    out.print(f"  {escape(console)}", soft_wrap=True)
    out.print("\n[dim]Ctrl-C stops the gateway and the model.[/dim]")


def _terms(house: House) -> list[str]:
    return [terms.draft.name for terms in house.view.register.terms.values()]


def _curl(url: str, key: str, model: str, text: str) -> str:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "TEXT"}], "max_tokens": 60})
    return (
        f"  curl -sS {url}/v1/chat/completions -H 'authorization: Bearer {key}' \\\n"
        f"    -H 'content-type: application/json' -d '{body.replace('TEXT', text)}'"
    )

"""One piece of work on a copy of a directory, ended by SIGKILL at its first write to disk, at its second, and so on until
it comes through.  Run as a program of its own, for it forks.

    python killing.py adopt HOME ADOPTION     python killing.py step PARTY
    python killing.py ask HOME METHOD PATH [BODY]     any operation of the control API

Each line of its output is what was found afterwards, by a process that knows nothing of the end: the write at which the
work was ended (0: it came through), and the state.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from caveat.cli.local import Local
from caveat.errors import CaveatError
from caveat.gateway.home.directory import open_home, repair
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.parties.directory import PartyDir, hand, steps_in
from caveat.gateway.parties.session import Offered, Session
from caveat.ledger.fsck import fsck
from caveat.talks.state import derive

WRITES = ("write", "fsync", "fdatasync", "link", "replace", "rename", "pwrite", "ftruncate")


def deadly(at: int) -> None:
    """End this process before its write of that number; half of the bytes of an os.write are written first."""
    count = 0

    def guarded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                if name == "write" and len(given[1]) > 1:
                    real(given[0], given[1][: len(given[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **named)

        return call

    for name in WRITES:
        setattr(os, name, guarded(name, getattr(os, name)))


def forked(work: Callable[[], None]) -> bool:
    """Do it in a child; whether it came through.  What it raises is shown, and is no coming through."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(9)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return False
    assert status == 0, "the work failed by itself"
    return True


def answered(work: Callable[[], Any]) -> Any:
    """What a child finds, as JSON."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            found = work()
        except CaveatError as error:
            found = {"error": error.message}
        with os.fdopen(write, "w") as pipe:
            pipe.write(json.dumps(found))
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def each(original: Path, work: Callable[[Path], None], look: Callable[[Path], Any]) -> None:
    """End the work at every write; look at what is left, each time on a fresh copy."""
    for at in range(1, 1000):
        copy = original.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(original, copy)

        def doomed(at: int = at, copy: Path = copy) -> None:
            deadly(at)
            work(copy)

        through = forked(doomed)
        found = answered(partial(look, copy))
        print(json.dumps({"at": 0 if through else at, "found": found}), flush=True)
        if through:
            return
    raise AssertionError("it never came through")


async def _in_force(house: Any) -> list[str]:
    return sorted(terms.draft.name for terms in house.view.register.terms.values())


def in_force(path: Path) -> Any:
    """What is in force once the home was opened again, and whether its ledger is sound."""
    home = open_home(path)
    repair(home)
    names = Local(home)._in_house(_in_force)
    keys = house_keys(home, home.settings().gateway.origin)[0]
    return {"terms": names, "findings": [str(one) for one in fsck(home.ledger, keys.verify_keys, home.vault).findings]}


async def _lasting(house: Any) -> Any:
    register = house.view.register
    leases = {pair: [lease.until_ms, lease.calls, lease.revoked_by] for pair, lease in register.leases.items()}
    return {
        "terms": sorted(terms.draft.name for terms in register.terms.values()),
        "leases": leases,
        "moved": {alias: target.terms for alias, target in register.moved.items()},
        "standby": {alias: target.terms for alias, target in register.standby.items()},
        "claims": sorted(register.claims),
        "decided": sorted(register.decided),
    }


def lasting(path: Path) -> Any:
    """How long what is in force lasts, where aliases go, what is said; and whether the ledger is sound."""
    home = open_home(path)
    repair(home)

    state = Local(home)._in_house(_lasting)
    keys = house_keys(home, home.settings().gateway.origin)[0]
    findings = [str(one) for one in fsck(home.ledger, keys.verify_keys, home.vault).findings]
    return {"state": state, "findings": findings}


def state_of(path: Path) -> Any:
    """What others see of a party's directory: the talks' state in its repository, and whether it can be handed over."""
    session = Session(PartyDir(path))
    talks = [derive(t.talk, steps_in(session.party.folder, session.own), session.now_ms) for t in session.talks()]
    hand(session.party.folder, session.own, session.listing, path / "handed")
    shutil.rmtree(path / "handed")
    return {"states": [talk.state for talk in talks]}


def terminate(path: Path) -> None:
    """One step: files, a new list, the timestamp last."""
    session = Session(PartyDir(path))
    session.terminate("", Offered(note="The talks have failed."))


if __name__ == "__main__":
    what, where, *more = sys.argv[1:]
    if what == "adopt":
        document = Path(more[0]).read_bytes()

        def adopt(path: Path) -> None:
            Local(open_home(path)).adopt(document)

        each(Path(where), adopt, in_force)
    elif what == "ask":
        method, address, *body = more

        def ask(path: Path) -> None:
            Local(open_home(path)).ask(method, address, Path(body[0]).read_bytes() if body else b"")

        each(Path(where), ask, lasting)
    else:
        each(Path(where), terminate, state_of)

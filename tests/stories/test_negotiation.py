"""docs/negotiation.md, run: every command in its order, in two directories that share nothing but a stick."""

import re
import shlex
from pathlib import Path

import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.gateway.running import HEAD, MODEL, running, upstream_text

from caveat.gateway.home.directory import open_home
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import says

PAGE = Path(__file__).parents[2] / "docs" / "negotiation.md"
PROMPT = re.compile(r"(labs|ministry)\$ (! )?(.+)")
SPOKEN = {"labs": "$LABS_FINGERPRINT", "ministry": "$MINISTRY_FINGERPRINT"}
DIGITS = re.compile(r"[0-9]{5}( [0-9]{5}){7}")
PLAIN = {"model": MODEL, "messages": [{"role": "user", "content": "Draft a short note of thanks."}]}
SECRET = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "The key is AKIAIOSFODNN7EXAMPLQ, is it well made?"}],
}


class Two:
    """Two directories and a stick; knows the fingerprints that were read out."""

    def __init__(self, folder: Path, run) -> None:  # noqa: F811
        self.folder = folder
        self.spoken: dict[str, str] = {}
        self._run = run
        for name in ("labs", "ministry", "stick"):
            (folder / name).mkdir()

    def do(self, who: str, line: str, monkeypatch, *, refused: bool) -> str:
        """Run one line of the page; what it printed."""
        monkeypatch.chdir(self.folder / who)
        words, _, target = line.partition(" > ")
        given = shlex.split(words)
        for name, digits in self.spoken.items():
            given = [digits if word == SPOKEN[name] else word for word in given]
        assert given[0] == "caveat", line
        done = self._run(*given[1:])
        assert (done.code != 0) == refused, (line, done.out, done.err)
        if given[1:3] == ["party", "init"]:
            found = DIGITS.search(done.out)
            assert found
            self.spoken[who] = found[0]
        if target:
            Path(target).write_text(done.out, encoding="utf-8")
        return str(done.out + done.err)


def blocks(text: str):
    """Fenced blocks and the mark where calls are made: (kind, body)."""
    for fence in re.finditer(r"```(console|yaml)\n(.*?)```|<!-- (calls) -->", text, re.DOTALL):
        yield fence[1] or fence[3], fence[2] or ""


def steps(body: str):
    """Each command with the words that its output must hold."""
    found: list[tuple[str, bool, str, list[str]]] = []
    for line in body.splitlines():
        command = PROMPT.fullmatch(line)
        if command:
            found.append((command[1], bool(command[2]), command[3], []))
        else:
            found[-1][3].append(line)
    return found


def day_of_calls(home: Path) -> None:
    """Ten calls that pass and one with an access key in it, through a gateway that runs on the ministry's home."""
    origin = open_home(home).settings().gateway.origin
    head = HEAD.replace("localhost/caveat/test", origin)
    with (
        scripted.serve(says("Thank you.")) as upstream,
        running(home, head + upstream_text(upstream.address), sample=False, parties=False) as gateway,
    ):
        client = gateway.http(gateway.key("clerk"))
        asked = [client.post("/v1/chat/completions", json=body).status_code for body in [PLAIN] * 10 + [SECRET]]
        assert asked == [200] * 10 + [403]


@pytest.mark.timeout(300)
def test_every_command_of_the_page(tmp_path, run, monkeypatch):  # noqa: F811
    two = Two(tmp_path, run)
    ran = 0
    for kind, body in blocks(PAGE.read_text("utf-8")):
        if kind == "yaml":
            where = "ministry/hold.yaml" if "of: institutional-use@1" in body else "labs/two.yaml"
            (tmp_path / where).write_text(body, encoding="utf-8")
        elif kind == "calls":
            day_of_calls(tmp_path / "ministry" / "home")
        else:
            for who, refused, line, wanted in steps(body):
                printed = two.do(who, line, monkeypatch, refused=refused)
                missing = [words for words in wanted if words not in printed]
                assert not missing, (line, missing, printed)
                ran += 1
    assert ran > 40
    page = (tmp_path / "labs" / "from-ministry" / "impact.html").read_text("utf-8")
    assert "deny to hold" in page
    assert "AKIA" not in page
    assert not [path for path in (tmp_path / "stick").rglob("*") if b"PRIVATE+KEY" in _bytes(path)]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""

"""What a reply's fields put their findings into, and the fields that only replies have.

Rules of this file: every string in a reply is Said on a channel, unless its field is bounded or an identifier (ASCII,
short); a member that no table knows may pass only if it holds no words at all, by its name and its value; anything
else is Unreadable, naming its pointer.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from caveat.errors import Unavailable, Unreadable
from caveat.wire.body import strings
from caveat.wire.fields import Field, wrong
from caveat.wire.reply import Frame, Said, Usage

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.-]{0,63}")
_MAX_IDENTIFIER = 256
_MAX_OPAQUE = 2**20


class Heard:
    """One reply being read, frame by frame.  `prefix` names the choice, block or tool call whose fields are read now;
    `tool` is the tool's name where it has one."""

    __slots__ = ("_ended", "_opened", "_tools", "ends", "prefix", "says", "tool", "usage")

    def __init__(self) -> None:
        self.prefix = ""
        self.tool = ""
        self.says: list[Said] = []
        self.ends: list[str] = []
        self.usage: Usage | None = None
        self._opened: dict[str, None] = {}
        self._ended: set[str] = set()
        self._tools: dict[str, str] = {}

    def unknown(self, at: str, value: Any, name: str | None = None) -> None:
        """See fields.Reading: refused, unless there is not one word in it."""
        if (name is not None and not _NAME.fullmatch(name)) or not _wordless(value):
            raise Unreadable("the reply has a field that no table knows", at=at)

    def say(self, suffix: str, text: str) -> None:
        """Words on a channel of the present choice, block or tool call."""
        if not text:
            return
        channel = self.prefix + suffix
        if channel in self._ended:
            raise Unreadable(f"the reply goes on after `{channel}` was complete")
        self._opened[channel] = None
        self.says.append(Said(channel, text, self.tool))

    def call(self, prefix: str, name: Any, at: str) -> None:
        """A tool call whose arguments go to channel `prefix`.  Its name comes with its first piece, and only there;
        it is Said on a channel of its own, `prefix/name`, which is complete after the arguments: so the guard reads
        the name, too, and the piece that brings it does not leave before the call was judged."""
        self.prefix = prefix
        if not name:
            name = self._tools.get(prefix)
        elif prefix in self._tools:
            raise Unreadable("a tool call has two names", at=at)
        if type(name) is not str:
            raise Unreadable("a tool call has no name", at=at)
        if prefix not in self._tools:
            self._tools[prefix] = name
            self.say("/name", name)
            self._opened[prefix] = None
            self.says.append(Said(prefix, "", name))
        self.tool = name

    def end(self, prefix: str) -> None:
        """All channels below `prefix` are complete: texts first, then tool arguments, then tool names."""
        mine = [channel for channel in self._opened if channel.startswith(prefix) and channel not in self._ended]
        mine.sort(key=lambda channel: ("/tool" in channel or "/function" in channel, channel.endswith("/name")))
        self._ended.update(mine)
        self.ends += mine

    def frame(self, raw: bytes, *, last: bool = False) -> Frame:
        """The frame of what was found since the last one."""
        made = Frame(raw, tuple(self.says), tuple(self.ends), self.usage, last)
        self.says, self.ends, self.usage = [], [], None
        return made


def said(suffix: str) -> Field:
    """A string that is Said."""

    def read(value: Any, at: str, heard: Heard) -> None:
        if type(value) is not str:
            raise wrong("a string", value, at)
        heard.say(suffix, value)

    return read


def all_said(suffix: str) -> Field:
    """Any JSON, every string and member name of which is Said, one a line."""

    def read(value: Any, _at: str, heard: Heard) -> None:
        words = strings(value)
        if words:
            heard.say(suffix, "\n".join(words) + "\n")

    return read


def as_json(suffix: str) -> Field:
    """An object that is Said as JSON text: a tool's arguments."""

    def read(value: Any, at: str, heard: Heard) -> None:
        if type(value) is not dict:
            raise wrong("an object", value, at)
        if value:
            heard.say(suffix, json.dumps(value, ensure_ascii=False))

    return read


def identifier(value: Any, at: str, _heard: Heard) -> None:
    """What a server calls something: ASCII, at most 256 characters, no words of the model's."""
    if type(value) is not str:
        raise wrong("a string", value, at)
    if len(value) > _MAX_IDENTIFIER or not value.isascii():
        raise Unreadable("an identifier in the reply is longer than 256 characters or not ASCII", at=at)


def label(value: Any, at: str, _heard: Heard) -> None:
    """A name that the operator gave, such as the model's: at most 256 characters."""
    if type(value) is not str:
        raise wrong("a string", value, at)
    if len(value) > _MAX_IDENTIFIER:
        raise Unreadable("a name in the reply is longer than 256 characters", at=at)


def broken(_value: Any, at: str, _heard: Heard) -> None:
    """The provider reports an error where its answer should be.  Its words do not go further."""
    raise Unavailable(f"the model's server reported an error in its reply (at `{at}`)", code="upstream_broke")


def opaque(value: Any, at: str, _heard: Heard) -> None:
    """A signature or ciphertext that goes back to the provider as it came: ASCII without white space."""
    if type(value) is not str:
        raise wrong("a string", value, at)
    if len(value) > _MAX_OPAQUE or not value.isascii() or any(space in value for space in " \t\n\r"):
        raise Unreadable("an opaque value in the reply holds white space or is not ASCII", at=at)


def wordless(value: Any, at: str, _heard: Heard) -> None:
    """Numbers, in any shape."""
    if not _wordless(value):
        raise Unreadable("expected only numbers", at=at)


def count(usage: Mapping[str, Any], *names: str) -> int:
    """The sum of those members that are there; each was read as a number before."""
    return sum(value for name in names if type(value := usage.get(name)) is int and value > 0)


def _wordless(value: Any) -> bool:
    if type(value) is dict:
        return all(_NAME.fullmatch(name) and _wordless(item) for name, item in value.items())
    if type(value) is list:
        return all(map(_wordless, value))
    return type(value) is not str

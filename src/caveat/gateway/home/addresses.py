"""Addresses as operators write them: host:port to listen on, base URLs to call."""

import ipaddress
from functools import lru_cache

from yarl import URL

from caveat.errors import BadInput


def host_and_port(address: str) -> tuple[str, int]:
    """`127.0.0.1:8484`, `[::1]:8484` or `name:8484` in two.  Raises BadInput."""
    host, colon, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    fits = (
        colon
        and bare
        and port.isascii()
        and port.isdigit()
        and int(port) <= 65535
        and (":" not in bare or bare != host)
    )
    if not fits:
        raise BadInput(f"expected an address such as `127.0.0.1:8484`, got `{address}`")
    return bare, int(port)


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there; a name that is not `localhost` may be anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(url: str, place: str) -> str:
    """A base URL without the slash and the `/v1` that may end it.  Raises BadInput that names `place`.

    OpenAI's SDK calls `https://host/v1` its base, Anthropic's `https://host`; both are meant here.
    """
    try:
        parsed = URL(url)
        host = parsed.host
    except ValueError:
        host, parsed = None, URL()
    if parsed.scheme not in {"http", "https"} or not host:
        raise BadInput(f"expected `{place}` to be an address such as `https://host/v1`")
    if parsed.user or parsed.password or parsed.query_string or parsed.fragment:
        raise BadInput(f"`{place}` has more than a scheme, a host and a path", hint="keys go into `key_file`")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")

"""A load generator on raw sockets: so many callers, each one call after the other, for so many seconds.

It parses just enough HTTP to know where a reply ends (content-length or chunked), so that it costs little beside what it
measures.  Bounded in time by construction; it talks to loopback addresses only.
"""

import asyncio
import time
from urllib.parse import urlsplit

from msgspec import Struct

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Sample(Struct, frozen=True):
    """One call: when its first body byte and its last came, in seconds from sending; its status."""

    first: float
    last: float
    status: int


class Run(Struct, frozen=True):
    """What a run gave; `made` are all its calls, those of the warm-up too."""

    callers: int
    seconds: float
    samples: list[Sample]
    made: int = 0

    @property
    def rate(self) -> float:
        return len(self.samples) / self.seconds

    def percentile(self, per_cent: float, which: str = "last") -> float:
        values = sorted(getattr(s, which) for s in self.samples)
        return values[min(len(values) - 1, int(len(values) * per_cent / 100))] if values else float("nan")

    @property
    def failed(self) -> int:
        return sum(1 for s in self.samples if s.status != 200)


async def run(url: str, path: str, body: bytes, headers: dict[str, str], callers: int, seconds: float) -> Run:
    """Drive `callers` connections for `seconds` after a short warm-up."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK:
        raise ValueError("the load generator talks to loopback addresses only")
    head = f"POST {path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
    head += "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + f"content-length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    warm = time.perf_counter() + min(1.0, seconds / 4)
    end = warm + seconds
    many = await asyncio.gather(*(_caller(parts.hostname, parts.port, request, warm, end) for _ in range(callers)))
    return Run(callers, seconds, [s for samples, _ in many for s in samples], sum(made for _, made in many))


async def _caller(host: str, port: int, request: bytes, warm: float, end: float) -> tuple[list[Sample], int]:
    samples: list[Sample] = []
    made = 0
    reader, writer = await asyncio.open_connection(host, port)
    try:
        while True:
            began = time.perf_counter()
            if began > end:
                return samples, made
            writer.write(request)
            status, first = await _reply(reader)
            done = time.perf_counter()
            made += 1
            if began > warm:
                samples.append(Sample(first - began, done - began, status))
    finally:
        writer.close()


async def _reply(reader: asyncio.StreamReader) -> tuple[int, float]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        length = int(lower[at + 15 : lower.index(b"\r\n", at)])
        first = time.perf_counter()
        await reader.readexactly(length)
        return status, first
    first = 0.0
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        first = first or time.perf_counter()
        await reader.readexactly(size + 2)
        if size == 0:
            return status, first

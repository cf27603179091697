"""Gauges about leases and the clock: of several workers' values the highest is the right one."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from caveat.terms.moment import moment_ms

ROW = ["terms", "digest"]


class LeaseGauges:
    """What is left of each lease in force, as of the newest look."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._until = Gauge(
            "caveat_lease_until_seconds", "When the lease lapses, POSIX seconds", ROW, registry=registry
        )
        self._calls = Gauge("caveat_lease_calls", "Calls that the lease grants in all", ROW, registry=registry)
        self._used = Gauge("caveat_lease_calls_used", "Calls that it has let through", ROW, registry=registry)
        self._urgency = Gauge(
            "caveat_lease_urgency",
            "0 none; 1, 2, 3 at 30, 7, 1 day or 20, 5, 1 per cent of the count; 4 lapsed",
            ROW,
            registry=registry,
        )
        self._behind = Gauge(
            "caveat_clock_behind_seconds", "How far the machine's clock is behind the time on record", registry=registry
        )

    def clear(self) -> None:
        """What is in force has changed."""
        for gauge in (self._until, self._calls, self._used, self._urgency):
            gauge.clear()

    def show(self, rows: Iterable[dict[str, Any]]) -> None:
        """The leases, as /readyz lists them."""
        self.clear()
        for row in rows:
            labels = row["terms"], row["digest"]
            self._until.labels(*labels).set(moment_ms(row["until"]) / 1000 if row["until"] else float("inf"))
            self._calls.labels(*labels).set(row["calls"] or float("inf"))
            self._used.labels(*labels).set(row["used"])
            self._urgency.labels(*labels).set(row["urgency"])

    def behind(self, ms: int) -> None:
        """How far the clock is behind."""
        self._behind.set(ms / 1000)

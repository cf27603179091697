"""Counters for Prometheus.  Labels are words of closed lists: no caller, no content, nothing unbounded."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from caveat.decide.decision import Decision
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.metrics_lease import LeaseGauges

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)


class Metrics:
    """One per gateway process, with a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._known: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        calls = ["dialect", "stream", "verdict", "rule"]
        self._calls = Counter("caveat_calls", "Calls decided", calls, registry=self.registry)
        self._refused = Counter(
            "caveat_refused", "Calls refused before a decision", ["dialect", "code"], registry=self.registry
        )
        self._endings = Counter(
            "caveat_endings", "Outcomes recorded", ["dialect", "stream", "ending"], registry=self.registry
        )
        self._evaluated = Counter(
            "caveat_evaluations",
            "Decisions made under these terms; each evaluates every clause of them",
            ["terms", "dialect", "stream"],
            registry=self.registry,
        )
        self._replied = Counter(
            "caveat_reply_evaluations",
            "Replies judged under these terms as they came; each evaluates every clause of them",
            ["terms", "dialect", "stream"],
            registry=self.registry,
        )
        self._held_of_reply = Counter(
            "caveat_reply_clause_held",
            "Replies in which a clause came to hold that had not held of the request",
            ["clause", "dialect", "stream"],
            registry=self.registry,
        )
        self._held = Counter(
            "caveat_clause_held",
            "Decisions in which a clause held",
            ["clause", "dialect", "stream"],
            registry=self.registry,
        )
        self._deciding = Histogram(
            "caveat_decide_seconds",
            "From the body read to the decision on record",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._terms = Gauge("caveat_terms_info", "Terms in force", ["terms", "digest"], registry=self.registry)
        self._held_by = Gauge(
            "caveat_worker_info",
            "The terms that a worker decides by",
            ["worker", "terms_digest"],
            registry=self.registry,
        )
        self._went_on = Counter(
            "caveat_attempts_failed",
            "Attempts that failed with nothing left, after which another was made",
            ["upstream", "failure"],
            registry=self.registry,
        )
        self.lease = LeaseGauges(self.registry)
        self._cosigned = Gauge(
            "caveat_witness_size", "Records that a witness has cosigned last", ["witness"], registry=self.registry
        )
        self._cosigned_at = Gauge(
            "caveat_witness_seconds",
            "When it did, POSIX seconds by its own clock, 0 before its first",
            ["witness"],
            registry=self.registry,
        )
        self._reloads = Counter(
            "caveat_terms_changes", "Changes of what is in force", ["result"], registry=self.registry
        )

    def _of(self, counter: Counter, *labels: str) -> Counter:
        """The counter for those labels, looked up once: the library takes a lock for each look."""
        known = self._known.get((counter, labels))
        if known is None:
            known = self._known[counter, labels] = counter.labels(*labels)
        return known

    def decided(self, begun: Begun, seconds: float) -> None:
        """A call was decided and is on record."""
        dialect, stream = begun.asked.dialect.name, str(begun.call.streams).lower()
        self._of(self._calls, dialect, stream, begun.decision.verdict, begun.decision.rule).inc()
        self._deciding.observe(seconds)
        for clause in begun.decision.held:
            self._of(self._held, clause, dialect, stream).inc()
        if begun.decision.rule != "error":  # an error makes every clause's answer void
            self._of(self._evaluated, begun.route.policy.terms.draft.name, dialect, stream).inc()

    def refused(self, dialect: str, code: str) -> None:
        """A call ended before a decision."""
        self._refused.labels(dialect, code).inc()

    def ended(self, begun: Begun, ending: str, reply: Decision | None = None) -> None:
        """A call's outcome is on record; `reply` is the last decision about its reply, None where none was judged."""
        dialect, stream = begun.asked.dialect.name, str(begun.call.streams).lower()
        self._of(self._endings, dialect, stream, ending).inc()
        if reply is None or reply.rule == "error":
            return
        self._of(self._replied, begun.route.policy.terms.draft.name, dialect, stream).inc()
        for clause in set(reply.held) - set(begun.decision.held):
            self._of(self._held_of_reply, clause, dialect, stream).inc()

    def went_on(self, upstream: str, failure: str) -> None:
        """An upstream failed, and the call is attempted again."""
        self._went_on.labels(upstream, failure).inc()

    def in_force(self, names: dict[str, str], worker: int) -> None:
        """The terms now in force, by this worker's view: name -> digest."""
        self._terms.clear()
        self._held_by.clear()
        self.lease.clear()
        for name, digest in names.items():
            self._terms.labels(name, digest).set(1)
            self._held_by.labels(str(worker), digest).set(1)
        self._reloads.labels("done").inc()

    def witnessed(self, rows: Iterable[dict[str, Any]]) -> None:
        """How far each witness has cosigned, as /readyz lists it."""
        for row in rows:
            self._cosigned.labels(row["witness"]).set(row["size"])
            self._cosigned_at.labels(row["witness"]).set(row["at_s"])

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)

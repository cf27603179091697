"""What several workers have counted, as one: counters and histograms are added up, of gauges the highest counts.

A worker that has ended leaves its counters behind, so that no sum ever falls.
"""

from collections.abc import Iterable

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from caveat.gateway.serving.orders import Counted

_ADDED = frozenset({"counter", "histogram"})
_CREATED = "_created"


class _Families:
    """Merged families, as prometheus_client writes them out."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[str, str]] = {}
        self._values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}

    def take(self, text: str, *, gauges: bool = True) -> None:
        for family in text_string_to_metric_families(text):
            if not gauges and family.type not in _ADDED and not family.name.endswith(_CREATED):
                continue
            self._kinds.setdefault(family.name, (family.documentation, family.type))
            values = self._values.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                values[key] = _merged(family, values.get(key), sample.value)

    def collect(self) -> Iterable[Metric]:
        for name, (says, kind) in self._kinds.items():
            family = Metric(name, says, kind)
            for (sample, labels), value in self._values[name].items():
                family.add_sample(sample, dict(labels), value)
            yield family


def _merged(family: Metric, so_far: float | None, value: float) -> float:
    if so_far is None:
        return value
    if family.name.endswith(_CREATED):
        return min(so_far, value)
    return so_far + value if family.type in _ADDED else max(so_far, value)


def tally(workers: Iterable[Counted], ended: str) -> bytes:
    """One text for all workers; `ended` is what `left_behind` made of those before them."""
    families, answering = (
        _Families(),
        GaugeMetricFamily(
            "caveat_worker_answers", "Whether a worker said what it counted when asked", labels=["worker"]
        ),
    )
    families.take(ended)
    for counted in workers:
        families.take(counted.text)
        answering.add_metric([str(counted.worker)], float(counted.answers))
    return generate_latest(families) + generate_latest(_Just(answering))


def left_behind(before: str, text: str) -> str:
    """What workers that have ended leave behind: their counters and histograms, added up."""
    families = _Families()
    for one in (before, text):
        families.take(one, gauges=False)
    return generate_latest(families).decode()


class _Just:
    """One family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return [self._family]

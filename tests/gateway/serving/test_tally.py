"""Counts of several workers as one text."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from caveat.gateway.serving.orders import Counted
from caveat.gateway.serving.tally import left_behind, tally


def counted(calls, seconds, digest, worker):
    registry = CollectorRegistry()
    counter = Counter("caveat_calls", "Calls", ["verdict"], registry=registry)
    counter.labels("allow").inc(calls)
    histogram = Histogram("caveat_decide_seconds", "Deciding", buckets=(0.1, 1.0), registry=registry)
    histogram.observe(seconds)
    gauge = Gauge("caveat_worker_info", "Held", ["worker", "terms_digest"], registry=registry)
    gauge.labels(worker, digest).set(1)
    return generate_latest(registry).decode()


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode() if isinstance(text, bytes) else text)
        for sample in family.samples
    }


def test_counters_and_histograms_are_added_gauges_stand_side_by_side():
    one, two = counted(3, 0.05, "sha256:a", "1"), counted(4, 0.5, "sha256:b", "2")
    found = samples(tally([Counted(1, True, one), Counted(2, False, two)], ""))
    assert found["caveat_calls_total", "allow"] == 7
    assert found["caveat_decide_seconds_bucket", "0.1"] == 1
    assert found["caveat_decide_seconds_bucket", "+Inf"] == found["caveat_decide_seconds_count",] == 2
    assert abs(found["caveat_decide_seconds_sum",] - 0.55) < 1e-9
    assert found["caveat_worker_info", "1", "sha256:a"] == found["caveat_worker_info", "2", "sha256:b"] == 1
    assert (found["caveat_worker_answers", "1"], found["caveat_worker_answers", "2"]) == (1, 0)
    created = samples(one)["caveat_calls_created", "allow"]
    assert found["caveat_calls_created", "allow"] == created


def test_workers_that_have_ended_still_count_but_hold_nothing():
    ended = left_behind("", counted(3, 0.05, "sha256:a", "1"))
    ended = left_behind(ended, counted(2, 0.05, "sha256:a", "1"))
    found = samples(tally([Counted(1, True, counted(1, 0.5, "sha256:b", "1"))], ended))
    assert found["caveat_calls_total", "allow"] == 6
    assert found["caveat_decide_seconds_count",] == 3
    assert [key for key in found if key[0] == "caveat_worker_info"] == [("caveat_worker_info", "1", "sha256:b")]


def test_a_worker_that_ended_before_it_said_anything_leaves_nothing():
    assert left_behind("", "") == ""

"""A limit on how often something may be asked: a bucket that fills at a steady rate and lets a burst through."""

from caveat.errors import Refused


class Pace:
    """At most `burst` at once, and `per_second` in the long run.  `now_s` is any clock that does not go back."""

    def __init__(self, burst: int, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = float(burst)
        self._at_s = float("-inf")

    def take(self, now_s: float) -> None:
        """Count one.  Raises Refused `rate_limited` where there were too many lately."""
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._per_second)
        self._at_s = now_s
        if self._left < 1:
            raise Refused(
                f"this was asked more than {self._burst} times at once, or {self._per_second:g} times a second",
                code="rate_limited",
                status=429,
                hint="wait a few seconds",
            )
        self._left -= 1

"""What is known of a learned recognizer's weights: their name and digest, and how often they were wrong when measured.

Rates are per mille of rows: false alarms of benign texts, misses of harmful ones, at thresholds STEP apart.  Between two
thresholds the worse neighbour counts, so a rate is never said to be better than it was measured.
"""

from msgspec import Struct

STEP = 50


class Rates(Struct, frozen=True):
    """How often a category was wrong.  `at`: threshold -> (false alarms, misses), both per mille.

    harmful, benign   how many rows they stand on
    """

    harmful: int
    benign: int
    at: dict[str, tuple[int, int]]

    def false_alarms(self, threshold: int) -> int:
        """Per mille of benign texts that reached the threshold, or the next measured one below."""
        return self.at.get(str(threshold // STEP * STEP), (1000, 0))[0]

    def misses(self, threshold: int) -> int:
        """Per mille of harmful texts that stayed below the threshold, or the next measured one above."""
        return self.at.get(str(-(-threshold // STEP) * STEP), (0, 1000))[1]


class Card(Struct, frozen=True):
    """What the model's card must say for the weights to be used; the rest of it is for people."""

    name: str
    version: str
    sha256: str
    rates: dict[str, Rates] = {}

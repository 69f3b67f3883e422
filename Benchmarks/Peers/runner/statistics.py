"""What is said of a figure's rounds."""

from math import comb

CONFIDENCE = 0.99


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def interval_ranks(count, confidence=CONFIDENCE):
    """Ranks (from 0) of the order statistics that have the median between them so often; None with too few rounds.

    The number of values below the median is binomial with one half, whatever the distribution of the values is.
    """
    best = None
    below = 0.0
    for rank in range(count // 2):
        below += comb(count, rank) / 2**count
        if 1 - 2 * below < confidence:
            break
        best = (rank, count - 1 - rank)
    return best


class Spread:
    """The median of some rounds, and an interval: the median's own at 99 %, or with too few rounds the range."""

    def __init__(self, values):
        ordered = sorted(values)
        ranks = interval_ranks(len(ordered))
        self.values = values
        self.median = median(values)
        self.is_range = ranks is None
        low, high = ranks or (0, len(ordered) - 1)
        self.low, self.high = ordered[low], ordered[high]

    def text(self, figure):
        def format_value(value):
            return f"{value * figure.scale:,.{figure.digits}f}"

        if len(self.values) == 1:
            return format_value(self.median)
        return f"{format_value(self.median)} ({format_value(self.low)}..{format_value(self.high)})"

    def document(self):
        return {"median": self.median, "low": self.low, "high": self.high,
                "interval": "range" if self.is_range else "99 % of the median", "rounds": self.values}

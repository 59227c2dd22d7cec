"""What a peer can be asked, and what it answers."""
import dataclasses
import statistics
import time

# The questions, with the constants that all peers are asked them with.
LOW_VOLTAGE, WARM = 3.6, 33.0
BUCKET_FRAMES = 60  # ten minutes, at 10 s
EVENT_RATE = 500  # a second


@dataclasses.dataclass
class Figure:
    """One number; `answer` is what the peers must agree on, `note` says what differs in how it was done."""
    value: float
    unit: str  # "µs", "ms", "s", "bytes": less is better; "/s": more is
    answer: object = None
    note: str = ""


class Peer:
    """A system with a life: started on a folder and a port of its own, given the fleet, asked, stopped.

    A work that a system is not made for it does not have: its method is missing."""
    name = version = durability = configuration = ""

    def __init__(self, tools, folder, fleet, effort=1.0):
        self.tools, self.folder, self.fleet, self.effort = tools, folder, fleet, effort

    def start(self):
        """Ready for `load` when it returns."""

    def stop(self):
        """Nothing of it runs any more when it returns; the folder is the caller's."""

    def times(self, count):
        """How often to do what is usually done so often."""
        return max(128, int(count * self.effort))

    def timed(self, ask, times_max=1000):
        """The answer, and the median time of one call in microseconds: after a first call that is not counted."""
        answer = ask()
        spans, end = [], time.perf_counter() + self.effort
        while len(spans) < 3 or (time.perf_counter() < end and len(spans) < times_max):
            begin = time.perf_counter()
            answer = ask()
            spans.append(time.perf_counter() - begin)
        return answer, statistics.median(spans) * 1e6


def latency(spans):
    """Microseconds: median and 99th percentile."""
    ordered = sorted(spans)
    return statistics.median(ordered) * 1e6, ordered[int(0.99 * (len(ordered) - 1))] * 1e6


def rounded(rows):
    """Answers as they are compared: numbers to 6 places, sorted."""
    return sorted(tuple(round(value, 6) if isinstance(value, float) else value for value in row) for row in rows)

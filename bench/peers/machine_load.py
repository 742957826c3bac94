"""What other processes take of the machine while something is measured. Standard library only."""

import os
import time

QUIET_PERCENT = 5


def busy_seconds():
    """Seconds of work of all processors since the machine started, stolen time included."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


class Span:
    """with Span() as span: ...; then span.seconds, and span.others in percent of all processors."""

    def __enter__(self):
        self._busy, self._own = busy_seconds(), time.process_time()
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self._start
        own, busy = time.process_time() - self._own, busy_seconds() - self._busy
        capacity = self.seconds * os.cpu_count()
        self.others = min(max(100 * (busy - own) / capacity, 0.0), 100.0)


def wait_until_quiet(patience):
    """Returns when others take at most QUIET_PERCENT, or after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with Span() as span:
            time.sleep(0.5)
        if span.others <= QUIET_PERCENT:
            return

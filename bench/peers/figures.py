"""From samples to figures: medians with how far others disturbed them, the best peer, ratios.

A figure is the median of the samples that others disturbed little (5 % of the processors at most);
where there is none, the median of all, and it is marked.
"""

import dataclasses
import statistics

import published
from machine_load import QUIET_PERCENT


@dataclasses.dataclass(frozen=True)
class Figure:
    rate: float     # tokens per second
    low: float
    high: float
    others: float   # percent of the processors, the median of the samples that count
    samples: int    # how many count

    @property
    def disturbed(self):
        return self.others > QUIET_PERCENT

    def __str__(self):
        mark = f" !{self.others:.0f}%" if self.disturbed else ""
        return f"{self.rate:.0f} ({self.low:.0f}-{self.high:.0f}){mark}"


def figure(samples):
    """The figure of some samples {"rate", "others"}; others may be None (not known)."""
    quiet = [s for s in samples if s["others"] is not None and s["others"] <= QUIET_PERCENT]
    counted = quiet or samples
    rates = [sample["rate"] for sample in counted]
    others = statistics.median(sample["others"] or 0 for sample in counted)
    return Figure(statistics.median(rates), min(rates), max(rates), others, len(counted))


def ratio(weft, peer):
    """Weft / peer of two lists of samples, one of each round.

    Of the figures where neither is disturbed; else the median over rounds, since what disturbs a
    round disturbs both.
    """
    ours, theirs = figure(weft), figure(peer)
    if not ours.disturbed and not theirs.disturbed:
        return ours.rate / theirs.rate
    return statistics.median(a["rate"] / b["rate"] for a, b in zip(weft, peer))


@dataclasses.dataclass
class Column:
    """One test at one number of threads and bits, for all engines."""

    cell: str
    figures: dict        # engine label: Figure
    scaled: tuple | None   # (rate, label) of the best published figure, scaled
    measured: tuple | None  # (Weft / peer, label) of the peer that is measured fastest
    hardest: tuple | None   # (Weft / opponent, label, "measured" or "scaled"): the better of both


def column(results, engines, cell, threads, scaled):
    """The column `cell` of some engines of equal bits, the first of which is Weft's."""
    samples = {engine.label: results.samples.get((engine.label, threads), {}).get(cell)
               for engine in engines}
    samples = {label: found for label, found in samples.items() if found}
    figures = {label: figure(found) for label, found in samples.items()}
    best_scaled = max(scaled.get(cell, []), default=None)
    weft = engines[0].label
    peers = [e.label for e in engines if e.name != "weft" and e.label in figures]
    measured = hardest = None
    if weft in figures and peers:
        best = max(peers, key=lambda label: figures[label].rate)
        measured = (ratio(samples[weft], samples[best]), best)
        hardest = (*measured, "measured")
    if weft in figures and best_scaled and (not peers or best_scaled[0] > figures[best].rate):
        hardest = (figures[weft].rate / best_scaled[0], best_scaled[1], "scaled")
    return Column(cell, figures, best_scaled, measured, hardest)


def columns(results, engines, cells, threads, limits):
    scaled = published.scaled(limits, engines[0].bits, threads)
    return [column(results, engines, cell, threads, scaled) for cell in cells]

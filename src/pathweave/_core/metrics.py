"""Concordance of risks with survival times."""

from __future__ import annotations

import numpy as np


def concordance_index(time: np.ndarray, event: np.ndarray, risk: np.ndarray) -> float:
    """Harrell's concordance index: how often the sample that failed first had the higher risk.

    A pair counts if the earlier of two different times is an event, or if at the same time one had the
    event and the other was censored. Equal risks count half. Runs in O(n log n).

    Parameters
    ----------
    time
        Follow-up times, shape (n,).
    event
        1 for an event, 0 for a censored time, shape (n,).
    risk
        The higher, the earlier the event is expected, shape (n,).

    Returns
    -------
    The index; 0.5 is chance, 1 is perfect, NaN where no pair can be compared.

    References
    ----------
    Harrell, Lee and Mark, Statistics in Medicine 15 (1996).

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.concordance_index([1, 2, 3], [1, 1, 0], [3.0, 2.0, 1.0])
    1.0
    """
    time = np.asarray(time, dtype=np.float64).ravel()
    event = np.asarray(event).astype(bool).ravel()
    risk = np.asarray(risk, dtype=np.float64).ravel()
    if not len(time) == len(event) == len(risk):
        msg = f"time, event and risk differ in length: {len(time)}, {len(event)}, {len(risk)}."
        raise ValueError(msg)
    if np.isnan(time).any() or np.isnan(risk).any():
        msg = "time or risk holds NaN; leave out the samples without a time or a prediction."
        raise ValueError(msg)
    if len(time) == 0:
        return float("nan")
    # Walk through the times from the last: whoever was seen before outlived the present events.
    rank = np.unique(risk, return_inverse=True)[1]
    tree = _Counts(int(rank.max()) + 1)
    order = np.argsort(-time, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(time[order]) != 0])
    won = tied = pairs = 0
    for group in np.split(order, starts[1:]):
        failed, censored = group[event[group]], group[~event[group]]
        tree.add(rank[censored])
        for i in failed:
            below, same = tree.below(rank[i]), tree.at(rank[i])
            won, tied, pairs = won + below, tied + same, pairs + tree.total
        tree.add(rank[failed])
    return float((won + 0.5 * tied) / pairs) if pairs else float("nan")


class _Counts:
    """Counts of ranks, with sums over the lower ones in O(log n) (a Fenwick tree)."""

    def __init__(self, n: int) -> None:
        self.sums = [0] * (n + 1)
        self.counts = [0] * n
        self.total = 0

    def add(self, ranks: np.ndarray) -> None:
        for rank in ranks.tolist():
            self.total += 1
            self.counts[rank] += 1
            i = rank + 1
            while i < len(self.sums):
                self.sums[i] += 1
                i += i & -i

    def at(self, rank: int) -> int:
        return self.counts[rank]

    def below(self, rank: int) -> int:
        count, i = 0, int(rank)
        while i > 0:
            count += self.sums[i]
            i -= i & -i
        return count

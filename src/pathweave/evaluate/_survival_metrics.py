"""Scores of survival predictions, with the censoring that the training part shows weighed out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pathweave._core.survival import check_outcome, check_risks, check_times


def concordance_index_ipcw(
    train_time: Any,
    train_event: Any,
    time: Any,
    event: Any,
    risk: Any,
    *,
    tau: float | None = None,
) -> float:
    """Uno's concordance index, which does not depend on how the samples were censored.

    As Harrell's index (`concordance_index`), but an event at time t counts 1 / G(t)², with G(t) the
    probability of being uncensored past t: the Kaplan-Meier estimate of the training part, with events
    before censored samples of the same time.

    Parameters
    ----------
    train_time, train_event
        Follow-up times and events (1, censored 0) of the training part, shape (n_train,).
    time, event
        The same of the test part, shape (n,).
    risk
        The higher, the earlier the event is expected, shape (n,).
    tau
        Only test events before this time count; everyone takes part in the comparison. The training part
        knows G up to its last time (before it, if a sample is censored then); test events past that
        need a `tau`, at most the last training time.

    Returns
    -------
    The index; 0.5 is chance, 1 is perfect, NaN where no pair can be compared.

    Raises
    ------
    ValueError
        If an event that counts lies past the censoring that the training part shows.

    References
    ----------
    Uno, Cai, Pencina, D'Agostino and Wei, Statistics in Medicine 30 (2011), equation 6.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.concordance_index_ipcw([1, 2, 3], [0, 1, 1], [1, 2, 3], [1, 1, 0], [3.0, 2.0, 1.0])
    1.0
    """
    censoring = _censoring(train_time, train_event)
    time, event = check_outcome(time, event, "time", "event")
    risk = check_risks(risk, len(time), "risk")
    order = np.lexsort((~event, time))  # at the same time, events before the censored
    time, event, risk = time[order], event[order], risk[order]
    counted = np.flatnonzero(event if tau is None else event & (time < tau))
    advice = f"Give tau= (at most {censoring.end:g})."
    weight = 1.0 / censoring.at(time[counted], "test events", advice) ** 2
    # Whoever comes after the events of the same time outlived them.
    first = np.searchsorted(time, time[counted], side="left")
    n_same = np.searchsorted(time[event], time[counted], side="right")
    n_same -= np.searchsorted(time[event], time[counted], side="left")
    start = first + n_same
    won = np.array(
        [
            np.count_nonzero(risk[s:] < risk[i]) + 0.5 * np.count_nonzero(risk[s:] == risk[i])
            for i, s in zip(counted, start, strict=True)
        ]
    )
    pairs = (weight * (len(time) - start)).sum()
    return float((weight * won).sum() / pairs) if pairs else float("nan")


def auc_at(
    train_time: Any, train_event: Any, time: Any, event: Any, risk: Any, times: Any
) -> tuple[np.ndarray, float]:
    """Area under the ROC curve at each time: who had the event by then against who had not.

    Cases, the samples with an event up to t, count 1 / G(their time); controls, the samples still
    followed past t, count 1 (cumulative cases, dynamic controls).

    Parameters
    ----------
    train_time, train_event, time, event, risk
        As in `concordance_index_ipcw`.
    times
        Increasing times, shape (n_times,), where the training part knows G: up to its last time, before it
        if a sample is censored then.

    Returns
    -------
    The areas, shape (n_times,), NaN at times by which no test sample had the event or past which none is
    followed; and their mean over the times that have one, weighted by the fall of the test samples'
    Kaplan-Meier curve since the time before (NaN if none has).

    Raises
    ------
    ValueError
        If `times` are not increasing, or reach past the censoring that the training part shows.

    References
    ----------
    Uno, Cai, Tian and Wei, Journal of the American Statistical Association 102 (2007); Lambert and
    Chevret, Statistical Methods in Medical Research 25 (2016), for the mean.

    Examples
    --------
    >>> from pathweave import evaluate
    >>> areas, mean = evaluate.auc_at([1, 2, 3], [1, 0, 1], [1, 2, 3], [1, 1, 0], [2, 3, 1], [1, 2])
    >>> areas.tolist(), round(mean, 4)
    ([0.5, 1.0], 0.75)
    """
    censoring = _censoring(train_time, train_event)
    time, event = check_outcome(time, event, "time", "event")
    risk = check_risks(risk, len(time), "risk")
    times = check_times(times)
    censoring.at(times, "times", _EARLIER)
    weight = censoring.case_weights(time, event, times[-1])
    areas = np.full(len(times), np.nan)
    for k, t in enumerate(times):
        case, control = (weight > 0) & (time <= t), np.sort(risk[time > t])
        if case.any() and len(control):
            below = np.searchsorted(control, risk[case], side="left")
            below = 0.5 * (below + np.searchsorted(control, risk[case], side="right"))
            areas[k] = (weight[case] * below).sum() / (weight[case].sum() * len(control))
    defined = ~np.isnan(areas)
    if not defined.any():
        return areas, float("nan")
    fall = -np.diff(_kaplan_meier(time, event).at(times), prepend=1.0)[defined]
    return areas, float((areas[defined] * fall).sum() / fall.sum())


def integrated_brier(
    train_time: Any, train_event: Any, time: Any, event: Any, survival: Any, times: Any
) -> float:
    """Squared error of survival probabilities, integrated over time.

    At time t, a sample with an event by then adds survival² / G(its time), one still followed
    (1 - survival)² / G(t), and one censored before nothing; their mean is integrated by the trapezoidal
    rule from the first to the last of `times` and divided by the length.

    Parameters
    ----------
    train_time, train_event, time, event
        As in `concordance_index_ipcw`.
    survival
        Probabilities of surviving past each of `times`, shape (n, n_times).
    times
        As in `auc_at`, at least two.

    Returns
    -------
    The score; 0 is perfect, about 0.25 is what a constant 0.5 gets, NaN without test samples.

    Raises
    ------
    ValueError
        If shapes do not fit, probabilities are none, or `times` are not increasing or reach past the
        censoring that the training part shows.

    References
    ----------
    Graf, Schmoor, Sauerbrei and Schumacher, Statistics in Medicine 18 (1999).

    Examples
    --------
    >>> from pathweave import evaluate
    >>> survival = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    >>> evaluate.integrated_brier([1, 2, 3], [1, 1, 1], [1, 2, 3], [1, 1, 1], survival, [1, 2])
    0.0
    """
    censoring = _censoring(train_time, train_event)
    time, event = check_outcome(time, event, "time", "event")
    times = check_times(times)
    survival = _probabilities(survival, (len(time), len(times)))
    if len(times) < 2:
        msg = f"times={times.tolist()}: an integral needs at least two times."
        raise ValueError(msg)
    weight_then = 1.0 / censoring.at(times, "times", _EARLIER)
    if len(time) == 0:
        return float("nan")
    weight = censoring.case_weights(time, event, times[-1])[:, None]
    followed = time[:, None] > times
    error = np.where(
        followed,
        weight_then * (1.0 - survival) ** 2,
        np.where(event[:, None], weight, 0.0) * survival**2,
    ).mean(axis=0)
    return float(np.trapezoid(error, times) / (times[-1] - times[0]))


def censoring_known(train_time: Any, train_event: Any, times: Any) -> np.ndarray:
    """Tell at which times the training part shows the censoring: a test sample there can be weighed."""
    return _censoring(train_time, train_event).knows(np.asarray(times, dtype=np.float64))


_EARLIER = "Leave out the later times."


@dataclass(frozen=True)
class _Steps:
    """A Kaplan-Meier curve: the probability of no event up to and including a time."""

    time: np.ndarray
    value: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        return np.concatenate([[1.0], self.value])[np.searchsorted(self.time, times, side="right")]


@dataclass(frozen=True)
class _Censoring:
    """The curve of being uncensored, which is known as long as someone is followed."""

    curve: _Steps

    @property
    def end(self) -> float:
        return float(self.curve.time[-1])

    def knows(self, times: np.ndarray) -> np.ndarray:
        return (times <= self.end) & (self.curve.at(times) > 0)

    def at(self, times: np.ndarray, what: str, advice: str) -> np.ndarray:
        known = self.knows(times)
        if not known.all():
            until = "up to" if self.curve.value[-1] > 0 else "before"
            msg = (
                f"{what} reach {times[~known].max():g}, but the training part shows the censoring only {until} "
                f"its last time {self.end:g}. {advice}"
            )
            raise ValueError(msg)
        return self.curve.at(times)

    def case_weights(self, time: np.ndarray, event: np.ndarray, last: float) -> np.ndarray:
        """1 / G(time) of the samples with an event up to `last`, 0 of the others."""
        weight = np.zeros(len(time))
        case = event & (time <= last)
        weight[case] = 1.0 / self.curve.at(time[case])
        return weight


def _kaplan_meier(time: np.ndarray, event: np.ndarray, *, of_censoring: bool = False) -> _Steps:
    """Of the events, or of the censoring; then events come before the censored of the same time."""
    unique, position = np.unique(time, return_inverse=True)
    n_all = np.bincount(position, minlength=len(unique))
    n_event = np.bincount(position[event], minlength=len(unique))
    at_risk = n_all[::-1].cumsum()[::-1]
    if of_censoring:
        at_risk, n_event = at_risk - n_event, n_all - n_event
    return _Steps(unique, np.cumprod(1.0 - n_event / np.maximum(at_risk, 1)))


def _censoring(train_time: Any, train_event: Any) -> _Censoring:
    time, event = check_outcome(train_time, train_event, "train_time", "train_event")
    if len(time) == 0:
        msg = "train_time is empty; the censoring is estimated on at least one training sample."
        raise ValueError(msg)
    return _Censoring(_kaplan_meier(time, event, of_censoring=True))


def _probabilities(survival: Any, shape: tuple[int, int]) -> np.ndarray:
    survival = np.asarray(survival, dtype=np.float64)
    if survival.shape != shape:
        msg = f"survival has shape {survival.shape}; {shape[0]} samples and {shape[1]} times need {shape}."
        raise ValueError(msg)
    # Written so that NaN fails.
    if survival.size and not (survival.min() >= -1e-6 and survival.max() <= 1.0 + 1e-6):
        msg = (
            f"survival must hold probabilities between 0 and 1; found {survival.min():g} to "
            f"{survival.max():g} (NaN: leave out what has no prediction)."
        )
        raise ValueError(msg)
    return survival

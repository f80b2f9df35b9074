"""Survival curves from log hazards, and the checks of survival data."""

from __future__ import annotations

from typing import Any

import numpy as np


def breslow(
    train_time: Any, train_event: Any, train_risk: Any, risk: Any, times: Any
) -> np.ndarray:
    """Survival probabilities from log hazards, with Breslow's baseline of the training samples.

    The baseline's cumulative hazard grows at each event by 1 / sum of exp(risk) over all training samples
    still followed. Past the last training event it stays, and so does the survival.

    Parameters
    ----------
    train_time, train_event
        Follow-up times and events (1, censored 0) of the training samples, shape (n_train,).
    train_risk
        Their log hazards, shape (n_train,); best of models that had not seen them, as risks of samples
        that a model was fitted on lie too far apart.
    risk
        Log hazards of the samples asked for, shape (n,).
    times
        Increasing times, shape (n_times,).

    Returns
    -------
    Probabilities of surviving past each time, shape (n, n_times).

    References
    ----------
    Breslow, discussion of Cox, Journal of the Royal Statistical Society B 34 (1972).

    Examples
    --------
    >>> from pathweave import evaluate
    >>> evaluate.breslow([1, 2], [1, 1], [0.0, 0.0], [0.0], [0.5, 1.0, 2.0]).round(4).tolist()
    [[1.0, 0.6065, 0.2231]]
    """
    train_time, train_event = check_outcome(train_time, train_event, "train_time", "train_event")
    train_risk = check_risks(train_risk, len(train_time), "train_risk")
    risk = check_risks(risk, None, "risk")
    times = check_times(times)
    return survival_above(*log_baseline(train_time, train_event, train_risk), risk, times)


def log_baseline(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Breslow's baseline as a step function.

    Parameters
    ----------
    time, event, risk
        Follow-up times, whether each ended with the event (bool), and log hazards, shape (n,).

    Returns
    -------
    Times of the events, rising, and the log of the cumulative hazard from each of them on, shape (n_events,).
    """
    # In logs: hazards may lie hundreds of powers apart.
    order = np.argsort(time, kind="stable")
    time, event, risk = time[order], event[order], risk[order]
    followed = np.logaddexp.accumulate(risk[::-1])[::-1] if len(risk) else risk
    events = time[event]
    growth = -followed[np.searchsorted(time, events, side="left")]
    return events, np.logaddexp.accumulate(growth) if len(growth) else growth


def survival_above(
    events: np.ndarray, log_hazard: np.ndarray, risk: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """Survival probabilities (n, n_times) of log hazards (n,) above a baseline that `log_baseline` gives."""
    steps = np.concatenate([[-np.inf], log_hazard])
    baseline = steps[np.searchsorted(events, times, side="right")]
    return np.exp(-np.exp(np.minimum(baseline + risk[:, None], 700.0)))


def curves_between(ends: np.ndarray, survived: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Survival at any times from survival at the ends of intervals, the hazard constant inside each.

    Parameters
    ----------
    ends
        Rising ends of the intervals (n_intervals,); the first begins at 0, and past the last the curves stay level.
    survived
        Probability of surviving each interval (n, n_intervals).
    times
        Times (n_times,).

    Returns
    -------
    Probabilities (n, n_times).
    """
    starts = np.concatenate([[0.0], ends])
    hazard = np.pad(-np.log(np.maximum(survived, 1e-300)), ((0, 0), (1, 0)))
    where = np.clip(np.searchsorted(ends, times), 0, len(ends) - 1)
    width = np.maximum(starts[where + 1] - starts[where], 1e-300)
    share = np.clip((times - starts[where]) / width, 0.0, 1.0)
    return np.exp(-((1 - share) * hazard[:, where] + share * hazard[:, where + 1]))


def check_outcome(
    time: Any, event: Any, time_name: str, event_name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Check times and events of one shape (n,); the events come back as bool."""
    time = np.asarray(time, dtype=np.float64)
    event = np.asarray(event, dtype=np.float64)
    if time.ndim != 1 or time.shape != event.shape:
        msg = f"{time_name} and {event_name} must have one shape (n,); found {time.shape} and {event.shape}."
        raise ValueError(msg)
    if not np.isfinite(time).all():
        msg = f"{time_name} holds NaN or infinite values; leave out the samples without a time."
        raise ValueError(msg)
    if not np.isin(event, (0.0, 1.0)).all():
        found = np.setdiff1d(event, (0.0, 1.0))[:5].tolist()
        msg = f"{event_name} must hold 1 (event) and 0 (censored); found {found}."
        raise ValueError(msg)
    return time, event.astype(bool)


def check_risks(risk: Any, n: int | None, name: str) -> np.ndarray:
    """Check log hazards, one a sample."""
    risk = np.asarray(risk, dtype=np.float64)
    if risk.ndim != 1 or (n is not None and len(risk) != n):
        wanted = "(n,)" if n is None else f"({n},)"
        msg = f"{name} must have shape {wanted}, one a sample; found {risk.shape}."
        raise ValueError(msg)
    if not np.isfinite(risk).all():
        msg = f"{name} holds NaN or infinite values; leave out the samples without a prediction."
        raise ValueError(msg)
    return risk


def check_times(times: Any) -> np.ndarray:
    """Check times (n_times,) at which survival is asked for."""
    try:
        times = np.atleast_1d(np.asarray(times, dtype=np.float64))
    except (TypeError, ValueError):
        msg = f"times={times!r} must be numbers in the unit of the follow-up times, such as [365, 1095]."
        raise ValueError(msg) from None
    if times.ndim != 1 or len(times) == 0 or not np.isfinite(times).all():
        msg = f"times must be finite numbers of shape (n_times,), at least one; found shape {times.shape}."
        raise ValueError(msg)
    if (np.diff(times) <= 0).any():
        msg = "times must increase; give np.unique(times)."
        raise ValueError(msg)
    return times

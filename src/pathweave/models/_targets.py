"""What a model learns to predict, read from ``mdata.obs``: classes, numbers, censored survival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pathweave._core.checks import MISSING_LABELS, check_obs_column, listed, names_of
from pathweave._core.warnings import LabelWarning, warn

_MIN_LABELLED = 8


@dataclass(frozen=True)
class Target:
    """One outcome.

    Attributes
    ----------
    name
        The column, or ``"risk"`` for survival.
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    columns
        Columns of ``mdata.obs`` it is read from.
    classes
        Class labels in order, for ``task="class"``.
    ordinal
        Whether that order means something: the column is an ordered categorical.
    """

    name: str
    task: Literal["class", "number", "survival"]
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    ordinal: bool = False

    @property
    def n_outputs(self) -> int:
        """How many scores a model gives."""
        return len(self.classes) if self.task == "class" else 1

    def class_weights(self, outcome: np.ndarray, how: Any) -> tuple[float, ...]:
        """Weight of each class, from the encoded outcomes of the training samples.

        Parameters
        ----------
        outcome
            What `encode` gives.
        how
            ``None`` for equal weights, ``"balanced"`` for ``n / (n_classes * n_of_the_class)`` as in scikit-learn,
            or a dict from class to weight, 1 for those it does not name.

        Returns
        -------
        One weight a class; empty where all weigh alike or the target has no classes.
        """
        if how is None or self.task != "class":
            return ()
        if isinstance(how, Mapping):
            given = {str(label): float(weight) for label, weight in how.items()}
            return tuple(given.get(label, 1.0) for label in self.classes)
        labels = outcome[:, 0]
        counts = np.array([np.sum(labels == i) for i in range(len(self.classes))])
        return tuple(float(w) for w in counts.sum() / (len(counts) * np.maximum(counts, 1)))

    def labels(self, scores: np.ndarray) -> pd.Categorical:
        """Most likely class of each sample from log-probabilities (n, n_classes); missing where these are NaN."""
        known = ~np.isnan(scores).any(axis=1)
        best = np.where(known, np.nan_to_num(scores).argmax(axis=1), -1)
        return pd.Categorical.from_codes(best, list(self.classes), ordered=self.ordinal)

    def to_json(self) -> dict[str, Any]:
        """Describe the target in plain types."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Target:
        """Rebuild a target from `to_json`."""
        return cls(
            name=str(record["name"]),
            task=record["task"],
            columns=tuple(record["columns"]),
            classes=tuple(record["classes"]),
            ordinal=bool(record.get("ordinal", False)),
        )

    def encode(self, obs: pd.DataFrame) -> np.ndarray:
        """Encode the outcome of samples, float64 of shape (n, 1) or (n, 2: time, event).

        Classes become their position; whatever is missing or unknown becomes NaN.
        """
        if self.task == "class":
            labels = _label_strings(obs[self.columns[0]])
            position = {label: float(i) for i, label in enumerate(self.classes)}
            return np.array([[position.get(label, np.nan)] for label in labels], dtype=np.float64)
        return obs[list(self.columns)].to_numpy(dtype=np.float64, na_value=np.nan)


def read_targets(
    obs: pd.DataFrame,
    *,
    target: str | Sequence[str] | None,
    survival: tuple[str, str] | None,
) -> tuple[Target, ...]:
    """Find out what kind of outcome each target column holds, and check it can be learned."""
    columns = [] if target is None else names_of("target", target, "columns of mdata.obs")
    if target is not None and not columns:
        msg = f"target={target!r} names no column; name one or more, or leave target out for a fit without labels."
        raise ValueError(msg)
    if len(set(columns)) < len(columns):
        msg = f"target={columns!r} names a column twice; name each once."
        raise ValueError(msg)
    targets = []
    for column in columns:
        check_obs_column(obs, "target", column)
        values = obs[column]
        targets.append(
            _class_target(column, values) if _is_class(values) else _number_target(column, values)
        )
    if survival is not None:
        targets.append(_survival_target(obs, survival))
        if targets[-1].name in columns:
            msg = (
                f"target={columns!r}: {targets[-1].name!r} is the name of the prediction of survival={survival!r}; "
                "rename the column of obs."
            )
            raise ValueError(msg)
    return tuple(targets)


def check_class_weight(targets: Sequence[Target], how: Any) -> None:
    """Raise unless class weights are of a known kind, positive, and name classes that a target has."""
    if how is None or (isinstance(how, str) and how == "balanced"):
        return
    if not isinstance(how, Mapping):
        msg = f"class_weight={how!r} must be None, 'balanced' or a dict from class to weight."
        raise ValueError(msg)
    classes = [label for target in targets for label in target.classes]
    strange = [label for label in how if str(label) not in classes]
    bad = [label for label, weight in how.items() if not _is_weight(weight)]
    if strange or bad:
        msg = (
            f"class_weight={dict(how)!r}: {listed(strange or bad)} "
            f"{'is no class of any target' if strange else 'has no positive weight'}; give a positive number "
            f"for classes among {listed(classes, 20)}."
        )
        raise ValueError(msg)


def _is_weight(weight: Any) -> bool:
    try:
        return 0 < float(weight) < np.inf
    except (TypeError, ValueError):
        return False


def _is_class(values: pd.Series) -> bool:
    """Labels are text, booleans, categories, or a number that takes just two whole values."""
    if values.dtype.kind not in "iuf":
        return True
    present = np.unique(values.dropna().to_numpy())
    return len(present) == 2 and bool(np.all(present == np.round(present)))


def _label_strings(values: pd.Series) -> list[str]:
    """Labels as text; two-valued numbers lose a useless '.0'; missing ones become ''."""
    labels = []
    for value, missing in zip(values.astype(object), values.isna(), strict=True):
        text = "" if missing else str(value).strip()
        if not missing and isinstance(value, float) and value.is_integer():
            text = str(int(value))
        labels.append("" if text.lower() in MISSING_LABELS else text)
    return labels


def _class_target(column: str, values: pd.Series) -> Target:
    labels, counts = np.unique(
        [label for label in _label_strings(values) if label], return_counts=True
    )
    lonely = labels[counts < 2]
    classes = labels[counts >= 2]
    if len(classes) < 2:
        found = [f"{label} ({count})" for label, count in zip(labels, counts, strict=True)]
        hint = ""
        if len(found) > 5 and all(_is_number(label) for label in labels):
            hint = f" These are numbers written as text: mdata.obs[{column!r}] = mdata.obs[{column!r}].astype(float)."
        msg = (
            f"target={column!r} has {len(classes)} class(es) with two samples or more "
            f"(found: {listed(found)}); at least two are needed.{hint} Choose another column, or fit without a target."
        )
        raise ValueError(msg)
    if counts[counts >= 2].sum() < _MIN_LABELLED:
        msg = f"target={column!r}: only {counts.sum()} samples have a label; {_MIN_LABELLED} are the least."
        raise ValueError(msg)
    if len(lonely):
        warn(
            f"target={column!r}: {len(lonely)} class(es) have a single sample ({listed(lonely)}); "
            "nothing can be learned or checked with one, so these samples count as unlabelled.",
            LabelWarning,
        )
    kept = [str(label) for label in classes]
    ordered = isinstance(values.dtype, pd.CategoricalDtype) and bool(values.dtype.ordered)
    if ordered:
        rank = {
            label: i for i, label in enumerate(_label_strings(pd.Series(values.cat.categories)))
        }
        kept.sort(key=rank.__getitem__)
    return Target(column, "class", (column,), tuple(kept), ordinal=ordered)


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _number_target(column: str, values: pd.Series) -> Target:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        msg = f"target={column!r} holds infinite values; replace them by NaN or a number."
        raise ValueError(msg)
    present = numbers[~np.isnan(numbers)]
    if len(present) < _MIN_LABELLED or np.ptp(present) == 0:
        msg = (
            f"target={column!r}: {len(present)} samples have a value and {len(np.unique(present))} of "
            f"these differ; at least {_MIN_LABELLED} values that are not all equal are needed."
        )
        raise ValueError(msg)
    return Target(column, "number", (column,))


def _survival_target(obs: pd.DataFrame, survival: tuple[str, str]) -> Target:
    columns = (
        [] if isinstance(survival, str) or not isinstance(survival, Sequence) else list(survival)
    )
    if len(columns) != 2:
        msg = f"survival={survival!r} must be a pair (time column, event column)."
        raise ValueError(msg)
    for column in survival:
        check_obs_column(obs, "survival", column)
    time_column, event_column = survival
    if obs[event_column].dtype.kind not in "iufb" or obs[time_column].dtype.kind not in "iuf":
        msg = (
            f"survival={survival!r}: the time must be a number and the event 0 or 1; found "
            f"{obs[time_column].dtype} and {obs[event_column].dtype}. Recode them, e.g. "
            f"mdata.obs['event'] = (mdata.obs[{event_column!r}] == 'dead').astype(int)."
        )
        raise ValueError(msg)
    time = obs[time_column].to_numpy(dtype=np.float64, na_value=np.nan)
    event = obs[event_column].to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~(np.isnan(time) | np.isnan(event))
    strange = np.setdiff1d(event[known], [0.0, 1.0])
    if len(strange):
        msg = f"event column {event_column!r} must hold 0 (censored) and 1 (event); found {listed(strange)}."
        raise ValueError(msg)
    if np.isinf(time).any() or (time[known] < 0).any():
        msg = f"time column {time_column!r} holds negative or infinite times."
        raise ValueError(msg)
    if event[known].sum() < 2 or known.sum() < _MIN_LABELLED:
        msg = (
            f"survival={survival!r}: {int(known.sum())} samples with a time and {int(event[known].sum())} "
            f"events; at least {_MIN_LABELLED} samples and 2 events are needed."
        )
        raise ValueError(msg)
    if "cens" in event_column.lower():
        msg = (
            f"survival={survival!r}: {event_column!r} sounds as if 1 meant censored. Here 1 is a seen event and 0 a "
            f"censored time; if it is the other way, give mdata.obs['event'] = 1 - mdata.obs[{event_column!r}]."
        )
        warn(msg, LabelWarning)
    return Target("risk", "survival", (time_column, event_column))

"""What an evaluation found: predictions, scores with intervals, comparisons, a verdict."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import check_choice, listed
from pathweave._core.files import whole
from pathweave._core.intervals import interval
from pathweave.evaluate import _compare
from pathweave.evaluate import _verdict as _words
from pathweave.evaluate._metrics import LOWER_IS_BETTER, score
from pathweave.evaluate._scoring import KEYS, primary_metric, scores_of

if TYPE_CHECKING:
    from os import PathLike

    from pathweave.evaluate._samples import Task

FORMAT = 1
_TABLES = ("methods", "predictions", "scores", "timings")
_BOOTSTRAPS = 500


@dataclass(frozen=True)
class Report:
    """Result of `cross_validate` and `validate`.

    Attributes
    ----------
    task
        ``"class"``, ``"number"`` or ``"survival"``.
    targets, classes
        Columns that were predicted, and the class labels in order.
    methods
        Index: name; kind (``"model"``, ``"baseline"``, ``"null"``), of (the method a null belongs to) and
        null (what was taken away).
    predictions
        One row a method, repeat, fold and test sample. Classes: truth, prediction, ``proba_<class>``;
        numbers: target, truth, prediction; survival: time, event, risk, ``surv_<time>``.
    scores
        Long: method, repeat, fold, metric, value, n_train, n_test.
    timings
        Seconds and peak memory (MB) of every fit.
    trains
        Outcomes of the training part by (repeat, fold).
    params
        How the evaluation was done.
    """

    task: Task
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    methods: pd.DataFrame
    predictions: pd.DataFrame = field(repr=False)
    scores: pd.DataFrame = field(repr=False)
    timings: pd.DataFrame = field(repr=False)
    trains: dict[tuple[int, int], np.ndarray] = field(repr=False)
    params: dict[str, Any] = field(repr=False)
    _drawn: dict[tuple[str, int, int], pd.DataFrame] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that were computed."""
        return tuple(self.scores["metric"].unique())

    @property
    def primary(self) -> str:
        """The metric that comparisons use unless told otherwise.

        AUROC for two classes, balanced accuracy for more, Pearson's r for numbers, the C-index.
        """
        return primary_metric(self.task, len(self.classes))

    def summary(self, metric: str | None = None) -> pd.DataFrame:
        """Mean score of every method with its interval, best first.

        Parameters
        ----------
        metric
            One of `metrics`; the `primary` one by default.

        Returns
        -------
        Index: method; kind, mean, low, high (95 %), n (splits), seconds (a fit), peak_mb. With several
        splits the interval is Nadeau and Bengio's, which allows for training sets that overlap (and may reach beyond 1); with
        one split (or one in which the score is defined) it is a bootstrap of its test samples.
        """
        metric = self._metric(metric)
        rows = {}
        for method, part in self.scores[self.scores["metric"] == metric].groupby(
            "method", sort=False, observed=True
        ):
            known = part.dropna(subset="value")
            mean, low, high = np.nan, np.nan, np.nan
            if len(known) == 1:
                mean = float(known["value"].iloc[0])
                split = (int(known["repeat"].iloc[0]), int(known["fold"].iloc[0]))
                low, high = _compare.percentiles(self._draws(str(method), split, metric))
            elif len(known):
                mean, low, high = interval(
                    known["value"].to_numpy(),
                    known["n_train"].to_numpy(),
                    known["n_test"].to_numpy(),
                )
            rows[method] = {"mean": mean, "low": low, "high": high, "n": len(known)}
        table = self.methods[["kind"]].join(pd.DataFrame(rows).T, how="inner")
        table["n"] = table["n"].astype(int)
        cost = self.timings.groupby("method", observed=True)[["seconds", "peak_mb"]]
        table = table.join(cost.agg({"seconds": "mean", "peak_mb": "max"}))
        table.index.name = "method"
        lower = metric in LOWER_IS_BETTER
        table.attrs.update(metric=metric, lower_is_better=lower)
        return table.sort_values("mean", ascending=lower, kind="stable")

    def compare(self, metric: str | None = None, *, reference: str | None = None) -> pd.DataFrame:
        """Compare every method with a reference on the same splits.

        Parameters
        ----------
        metric
            One of `metrics`; the `primary` one by default.
        reference
            Method to compare with; by default the baseline of the best mean. (To choose the best
            among several flatters it a little.)

        Returns
        -------
        Index: method; difference (method minus reference), low, high, p of the corrected resampled
        t-test (Nadeau and Bengio 2003), p_holm (Holm's correction), n. With one split, such as a second cohort,
        the interval and p are of a paired bootstrap of its samples, and hold for these fits alone.
        """
        metric = self._metric(metric)
        if reference is not None:
            check_choice("reference", reference, list(self.methods.index))
        else:
            summary = self.summary(metric)
            for kind in ("baseline", "model", "null"):
                if (summary["kind"] == kind).any():
                    reference = str(summary.index[summary["kind"] == kind][0])
                    break
        against = str(reference)
        return _compare.compare(
            [str(name) for name in self.methods.index],
            lambda method: self._paired(metric, method, against),
            metric=metric,
            reference=against,
        )

    def findings(self, metric: str | None = None, *, margin: float = 0.02) -> pd.DataFrame:
        """Answer what can be asked of this evaluation, one row a question.

        Parameters
        ----------
        metric
            One of `metrics`; the `primary` one by default.
        margin
            Differences within this, in units of the metric, count as equal.

        Returns
        -------
        Table of questions, answers in words and the numbers behind them.
        """
        return _words.findings(self, metric=self._metric(metric), margin=margin)

    def verdict(self, metric: str | None = None, *, margin: float = 0.02) -> str:
        """Say in words what was found: baselines, nulls, the graph.

        Parameters
        ----------
        metric
            One of `metrics`; the `primary` one by default.
        margin
            Differences within this, in units of the metric, count as equal.

        Returns
        -------
        Plain text.
        """
        return _words.verdict(self, metric=self._metric(metric), margin=margin)

    def per_target(self, metric: str = "pearson") -> pd.DataFrame:
        """Scores of every target, averaged over the splits, for outcomes that are numbers.

        Parameters
        ----------
        metric
            ``"pearson"``, ``"r2"`` or ``"mse"``.

        Returns
        -------
        DataFrame (n_targets, n_methods).
        """
        if self.task != "number":
            msg = f"per_target is for outcomes that are numbers; this report's are of kind {self.task!r}."
            raise ValueError(msg)
        check_choice("metric", metric, ("pearson", "r2", "mse"))
        rows = [
            (method, target, score(part["truth"], part["prediction"], task="number")[metric])
            for (method, _, _, target), part in self.predictions.groupby(
                [*KEYS, "target"], sort=False, observed=True
            )
            if len(part) > 2
        ]
        table = pd.DataFrame(rows, columns=["method", "target", metric])
        return table.groupby(["target", "method"], sort=False)[metric].mean().unstack()  # noqa: PD010

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tables (Parquet) and parameters (JSON) to a folder.

        Parameters
        ----------
        path
            Folder; made where it is not there. An earlier report in it is replaced.
        """
        folder = Path(path)
        if folder.is_file():
            msg = f"path={str(path)!r} is a file; name a folder, which may be new."
            raise FileExistsError(msg)
        folder.mkdir(parents=True, exist_ok=True)
        for name in _TABLES:
            with whole(folder / f"{name}.parquet") as work:
                getattr(self, name).to_parquet(work)
        trains = [[r, f, y.tolist()] for (r, f), y in self.trains.items()]
        told = {
            "format": FORMAT, "task": self.task, "targets": self.targets, "classes": self.classes,
            "params": self.params, "trains": trains,
        }  # fmt: skip
        with whole(folder / "report.json") as work:
            work.write_text(json.dumps(told), encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Report:
        """Read a report that `save` wrote.

        Parameters
        ----------
        path
            Its folder.
        """
        folder = Path(path)
        if not (folder / "report.json").is_file():
            msg = f"{folder} holds no report.json; name the folder that Report.save wrote."
            raise FileNotFoundError(msg)
        told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        if told.get("format") != FORMAT:
            msg = f"{folder}: format {told.get('format')!r} is not known to this version (it reads {FORMAT})."
            raise ValueError(msg)
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in _TABLES}
        trains = {(r, f): np.asarray(y) for r, f, y in told["trains"]}
        return cls(
            task=told["task"], targets=tuple(told["targets"]), classes=tuple(told["classes"]),
            trains=trains, params=told["params"], **tables,
        )  # fmt: skip

    def __or__(self, other: Report) -> Report:
        """Join two reports on the same splits: methods of both."""
        return _joined(self, other)

    def _metric(self, metric: str | None) -> str:
        chosen = self.primary if metric is None else metric
        check_choice("metric", chosen, self.metrics)
        return chosen

    def _paired(self, metric: str, method: str, reference: str) -> dict[str, float]:
        """Test two methods on the splits that both have seen; on one split by drawing its samples anew."""
        found = _compare.paired_test(self.scores, metric=metric, method=method, reference=reference)
        if found["n"] != 1:
            return found
        chosen = self.scores[self.scores["metric"] == metric].set_index(["repeat", "fold"])
        values = [chosen.loc[chosen["method"] == name, "value"] for name in (method, reference)]
        both = pd.concat(values, axis=1, join="inner").dropna()
        repeat, fold = both.index[0]
        split = (int(repeat), int(fold))
        differences = self._draws(method, split, metric) - self._draws(reference, split, metric)
        low, high = _compare.percentiles(differences)
        return {**found, "low": low, "high": high, "p": _compare.bootstrap_p(differences)}

    def _draws(self, method: str, split: tuple[int, int], metric: str) -> pd.Series:
        """Scores of a single split, its test samples drawn anew: the same draws for all methods."""
        key = (method, *split)
        if key not in self._drawn:
            told = self.predictions
            here = (told["repeat"] == split[0]) & (told["fold"] == split[1])
            part = told[here & (told["method"] == method)]
            train = self.trains[split]
            times = np.asarray(self.params.get("times", []))
            # In the order of their names, which is the same for all methods.
            groups = [rows.index.to_numpy() for _, rows in part.groupby("sample", sort=True)]

            def statistics(rows: np.ndarray) -> dict[str, float]:
                chosen = np.concatenate([groups[i] for i in rows])
                return scores_of(part.loc[chosen], self.task, train, times)

            self._drawn[key] = _compare.bootstrap(statistics, len(groups), n_draws=_BOOTSTRAPS)
        drawn = self._drawn[key]
        return drawn[metric] if metric in drawn else pd.Series(np.nan, drawn.index)

    def __str__(self) -> str:
        """Show the summary."""
        table = self.summary()
        return f"{self.primary} of {listed(self.targets)}\n{table.round(3).to_string()}"


def _joined(one: Report, other: Any) -> Report:
    """Methods of both reports, which must have judged the same samples in the same splits."""
    if not isinstance(other, Report):
        msg = f"a Report can only be joined with a Report, found {type(other).__name__}."
        raise TypeError(msg)
    keys = ["repeat", "fold", "sample"]
    same = (one.task, one.targets, one.classes) == (other.task, other.targets, other.classes)
    shared = set(one.trains) & set(other.trains)
    left = one.predictions[keys].drop_duplicates().set_index(keys).index
    right = other.predictions[keys].drop_duplicates().set_index(keys).index
    small, big = (left, right) if len(left) <= len(right) else (right, left)
    if not same or not shared or len(small.difference(big)):
        msg = (
            "the reports do not judge the same outcome of the same test samples in the same splits."
        )
        raise ValueError(msg)
    twice = one.methods.index.intersection(other.methods.index)
    if len(twice):
        msg = f"both reports hold {listed(twice)}; rename or drop one of them."
        raise ValueError(msg)
    tables = {name: pd.concat([getattr(one, name), getattr(other, name)]) for name in _TABLES}
    for name in _TABLES[1:]:
        tables[name] = tables[name].reset_index(drop=True)
    return Report(
        task=one.task, targets=one.targets, classes=one.classes, trains={**other.trains, **one.trains},
        params={**other.params, **one.params}, **tables,
    )  # fmt: skip

"""`explain.check`: whether the attributions of a model can be trusted, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from pathweave._core.checks import check_choice, check_mudata, check_obs_column
from pathweave._core.results import Faithfulness
from pathweave._core.version import VERSION
from pathweave.explain._baselines import baselines
from pathweave.explain._faithfulness import Explanation, deletion_and_insertion, infidelity_of
from pathweave.explain._outputs import Job, Question, ask
from pathweave.explain._paths import (
    Batch,
    Settings,
    batches,
    even_draws,
    gradient_shap,
    integrated_gradients,
)
from pathweave.explain._randomised import randomised
from pathweave.nn import single_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.explain._baselines import Baseline
    from pathweave.explain._outputs import Output
    from pathweave.models import Estimator

_METHODS = {"integrated_gradients": integrated_gradients, "gradient_shap": gradient_shap}
_STEPS = {"integrated_gradients": 16, "gradient_shap": 64}
_MOST_GAP, _MOST_ALIKE = 0.01, 0.5


def check(
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    contrast: Sequence[str] | None = None,
    groupby: str | None = None,
    method: Literal["integrated_gradients", "gradient_shap"] = "integrated_gradients",
    reference: tuple[str, str] | None = None,
    n_steps: int | None = None,
    n_random: int = 20,
    max_samples: int = 40,
    batch_size: int = 512,
    seed: int = 0,
) -> Faithfulness:
    """Check whether attributions tell what a model does.

    - *Completeness*: they add up to the difference from the baseline, within 1 % of it.
    - *Deletion and insertion*: features are set to the baseline (or brought in from it) in the order of their
      attributions, the highest first; the output must fall (rise) faster than in all but 5 % of random orders.
    - *Infidelity*: they foretell by how much the output falls when random features are set to the baseline.
    - *Randomisation*: with parameters drawn anew the importance of the features must be another one (rank
      correlation below .5), for the whole prediction and for its networks alone. Attributions that stay are a
      picture of the data, not of what was learned.

    None of this says that a feature is a cause, or that another model would use it, too.

    Parameters
    ----------
    mdata
        Samples; best those that the model has not seen.
    model
        Fitted model.
    of, contrast, groupby
        What is explained, as in `attribute`.
    method
        The method that is checked.
    reference
        Column and label of the baseline's samples, as in `attribute`.
    n_steps
        Points of the path, or draws of gradient SHAP.
    n_random
        Number of random orders; with fewer than 19 the best p is above .05, and to pass it is enough to beat them all.
    max_samples
        At most so many samples in all, drawn at random.
    batch_size
        Samples that are computed at once.
    seed
        Seed of all draws.

    Returns
    -------
    `Faithfulness` with ``table`` (one row a check), ``curves`` (for `pathweave.pl.deletion`), ``passed`` and
    ``verdict``, in words.

    References
    ----------
    Deletion and insertion: Petsiuk, Das and Saenko, BMVC 2018; Samek et al., IEEE TNNLS 28 (2017). Infidelity: Yeh et
    al., NeurIPS 2019, equation 2. Randomisation: Adebayo et al., NeurIPS 2018.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> found = pw.explain.check(mdata, model, max_samples=10)
    >>> found.table["check"].tolist()[:3]
    ['completeness', 'deletion', 'insertion']
    """
    check_mudata(mdata)
    model._need_fit()
    check_choice("method", method, tuple(_METHODS))
    if groupby is not None:
        check_obs_column(mdata.obs, "groupby", groupby)
    n_steps = _STEPS[method] if n_steps is None else n_steps
    if n_random < 1 or max_samples < 2 or n_steps < 2 or batch_size < 1:
        msg = (
            f"n_random={n_random!r} and batch_size={batch_size!r} must be 1 or more, max_samples={max_samples!r} and "
            f"n_steps={n_steps!r} 2 or more."
        )
        raise ValueError(msg)
    values = model._read(mdata)
    rng = np.random.default_rng(seed)
    bases, words = baselines(mdata, model, values, reference=reference, n_baselines=1, rng=rng)

    def asked(of_model: Estimator, *, network_only: bool) -> Question:
        return ask(
            mdata, of_model, values, of=of, contrast=contrast, groupby=groupby, reference=reference,
            max_samples=max_samples, rng=np.random.default_rng(seed), network_only=network_only,
        )  # fmt: skip

    question = asked(model, network_only=False)
    if not question.jobs:
        msg = f"groupby={groupby!r}: no sample with a layer belongs to a group."
        raise ValueError(msg)
    job = _pooled(question.jobs, max_samples, rng)
    draws = even_draws(len(job.rows), n_steps, 1, seed=seed) if method == "gradient_shap" else None
    view = _View(values, job, bases, method, Settings(n_steps, batch_size, draws))
    with single_thread():
        attributed, gap, moved = view.attribute(question.whole)
        (batch,) = batches(values, job.rows, job.which, len(job.rows))
        explanation = Explanation(question.whole, batch, bases[0], attributed, batch_size)
        rows = [_completeness(gap, moved)]
        curves, found = deletion_and_insertion(explanation, n_random=n_random, rng=rng)
        rows += [*found, infidelity_of(explanation, seed=seed)]
        importance = _importance(attributed)
        other = asked(randomised(model, seed=seed + 1), network_only=False)
        again = _importance(view.attribute(other.whole)[0])
        rows.append(_alike("randomised", "the whole prediction", importance, again))
        if question.nets and question.task != "pathway":
            new = randomised(model, seed=seed + 1, linear=False)
            rows.append(
                _networks(view, asked(model, network_only=True), asked(new, network_only=True))
            )
    params = {
        "of": question.of,
        "task": question.task,
        "contrast": None if contrast is None else list(contrast),
        "groupby": groupby,
        "method": method,
        "baseline": words,
        "n_steps": n_steps,
        "n_random": n_random,
        "n_samples": len(job.rows),
        "model": type(model).__name__,
        "seed": seed,
        "version": VERSION,
    }
    return Faithfulness(pd.DataFrame(rows), curves, params)


class _View:
    """The same samples, baseline and method for any output."""

    def __init__(
        self,
        values: dict[str, np.ndarray],
        job: Job,
        bases: list[Baseline],
        method: str,
        settings: Settings,
    ) -> None:
        self.values, self.job, self.bases = values, job, bases
        self.method, self.settings = _METHODS[method], settings

    def attribute(self, output: Output) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Attributions by layer, completeness gaps (n,), and the differences from the baseline (n,)."""
        parts, gaps = [], []
        for batch in self._batches():
            attributed, gap = self.method(output, batch, self.bases, self.settings)
            parts.append(attributed)
            gaps.append(gap)
        joined = {name: np.concatenate([part[name] for part in parts]) for name in self.values}
        gap = np.concatenate(gaps)
        total = np.sum([a.sum(axis=1) for a in joined.values()], axis=0)
        return joined, gap, total - gap

    def _batches(self) -> list[Batch]:
        size = self.settings.batch_size
        return list(batches(self.values, self.job.rows, self.job.which, size))


def _pooled(jobs: list[Job], most: int, rng: np.random.Generator) -> Job:
    """Samples of all groups in one, at most so many."""
    rows = np.concatenate([job.rows for job in jobs])
    which = np.concatenate([job.which for job in jobs])
    if len(rows) > most:
        kept = np.sort(rng.choice(len(rows), most, replace=False))
        rows, which = rows[kept], which[kept]
    return Job("all", rows, which)


def _importance(attributed: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.abs(a).mean(axis=0) for a in attributed.values()])


def _completeness(gap: np.ndarray, moved: np.ndarray) -> dict[str, object]:
    share = float(np.abs(gap).sum() / max(float(np.abs(moved).sum()), 1e-12))
    return {
        "check": "completeness",
        "value": share,
        "low": np.nan,
        "high": _MOST_GAP,
        "passed": share < _MOST_GAP,
        "words": f"They add up to the difference from the baseline within {100 * share:.2g} % (1 % is allowed).",
    }


def _alike(
    check: str, what: str, importance: np.ndarray, other: np.ndarray, twin: float | None = None
) -> dict[str, object]:
    """One row on the rank correlation of two importances; `twin` is that of two fits."""
    used = (importance > 0) | (other > 0)
    rho = float(spearmanr(importance[used], other[used]).statistic) if used.sum() > 2 else np.nan
    passed = bool(rho < _MOST_ALIKE)
    beside = "" if twin is None else f"; between two fits of the network it is {twin:.2f}"
    return {
        "check": check,
        "value": rho,
        "low": np.nan,
        "high": _MOST_ALIKE,
        "passed": passed,
        "words": f"With the parameters of {what} drawn anew, importance is "
        f"{'another' if passed else 'much the same'} (rank correlation {rho:.2f}{beside}).",
    }


def _networks(view: _View, fitted: Question, random: Question) -> dict[str, object]:
    """Compare the first network alone with a random one, and with the second, if there is one."""
    own, new, *twin = (
        _importance(view.attribute(output)[0])
        for output in (fitted.outputs[0], random.outputs[0], *fitted.outputs[1:2])
    )
    between = float(spearmanr(own, twin[0]).statistic) if twin else None
    return _alike("randomised network", "a network alone", own, new, between)

"""Whether a model weighs a gene more than models do that were fitted to shuffled labels: p and q of attributions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave._core.interruption import whole_fits_only
from pathweave._core.progress import progress
from pathweave._core.settings import settings
from pathweave._core.warnings import DataWarning, LabelWarning, LayerOffGraphWarning
from pathweave._core.workers import run_items
from pathweave.explain._pathway_tests.significance import (
    false_discovery_rate,
    pooled_p,
    standardised,
    upper_p,
)
from pathweave.explain._refits import Packed, Shuffles
from pathweave.models._again import Again
from pathweave.nn import resolve_device, single_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mudata import MuData

    from pathweave._core.results import Attributions
    from pathweave.models import Estimator

    Drawn = dict[tuple[str, str], np.ndarray]

LEAST = 10
"""Refits; with fewer even the clearest gene is only two or three standard deviations from them."""
_KEYS = {
    "feature": ["layer", "feature"],
    "gene": ["node"],
    "pathway": ["pathway"],
    "layer": ["layer"],
    "gene_layer": ["node", "layer"],
}
_NEEDS = 8
"""A fit and its attributions hold about so many times the data."""


@dataclass(frozen=True)
class _Work:
    """All that the refits of one call read."""

    data: Packed
    obs: pd.DataFrame
    shuffles: Shuffles
    again: Again
    explain: Callable[[MuData, Estimator], Attributions]
    rows: dict[str, pd.MultiIndex]
    seed: int


def refit_statistics(
    mdata: MuData,
    model: Estimator,
    found: dict[str, pd.DataFrame],
    explain: Callable[[MuData, Estimator], Attributions],
    *,
    of: str,
    n_null: int,
    seed: int,
) -> Drawn:
    """Fit on shuffled labels and attribute, `n_null` times.

    Parameters
    ----------
    mdata, model
        What was explained.
    found
        Its tables by level.
    explain
        How it was explained.
    of
        Target that is explained.
    n_null
        Refits.
    seed
        Seed of the shuffles; the refits keep the model's own.

    Returns
    -------
    By level and column (``"importance"``, of pathways also ``"score"``) an array (n_null, n_rows), in the order of the rows of
    `found`; NaN where a refit has no such group.
    """
    rows = {level: _index(level, table) for level, table in found.items() if len(table)}
    shuffles = Shuffles.of(mdata, model, of)
    work = _Work(Packed.of(mdata), mdata.obs, shuffles, Again.of(model), explain, rows, seed)
    names = [f"shuffled labels {i + 1}" for i in range(n_null)]
    on_cpu = resolve_device(getattr(model, "device", "cpu")).type == "cpu"
    n_jobs = model.get_params().get("n_jobs") if on_cpu else 1
    size = sum(mod.n_obs * mod.n_vars * 4 for mod in mdata.mod.values())
    with progress(desc="refitting on shuffled labels", total=n_null) as bar:
        made = run_items(
            _one, work, names, n_jobs=n_jobs, needs=_NEEDS * size, what="refits",
            done=lambda *_: bar.update(1),
        )  # fmt: skip
    return {key: np.stack([one[key] for one in made]) for key in made[0]}


def _one(work: _Work, i: int) -> Drawn:
    """Shuffle, fit, attribute; on one thread, wherever it runs."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng([work.seed, i, 0x5EED])
    mdata = work.data.to_mudata(work.shuffles.apply(work.obs, rng))
    with (
        settings.override(progress=False), whole_fits_only(), single_thread(), threadpool_limits(1),
        warnings.catch_warnings(),
    ):  # fmt: skip
        for known in (DataWarning, LabelWarning, LayerOffGraphWarning):  # the first fit told
            warnings.simplefilter("ignore", known)
        tables = work.explain(mdata, work.again.fit(mdata))
    made = {}
    for level, rows in work.rows.items():
        table = getattr(tables, level)
        for column in _columns(level):
            values = pd.Series(table[column].to_numpy(), index=_index(level, table))
            made[level, column] = values.reindex(rows).to_numpy(dtype=np.float64)
    return made


def _columns(level: str) -> tuple[str, ...]:
    return ("importance", "score") if level == "pathway" else ("importance",)


def _index(level: str, table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[["group", *_KEYS[level]]].astype(str))


def with_p(found: dict[str, pd.DataFrame], null: Drawn) -> dict[str, pd.DataFrame]:
    """Give tables p and q (more than its share), p_used and q_used (more than when there is nothing to learn).

    Parameters
    ----------
    found
        Tables by level.
    null
        What `refit_statistics` gave.
    """
    tables = {}
    for level, table in found.items():
        p, used = np.full((2, len(table)), np.nan)
        q, q_used = np.full((2, len(table)), np.nan)
        for rows, drawn in _by_group(level, table, null):
            importance = drawn["importance"]
            # All units move together with how much a fit learned: none is surer than that the model learned anything.
            total = importance.sum(axis=1)
            least = upper_p(total[0], total[1:])
            pooled = _pooled(np.cbrt(importance**2))
            used[rows] = np.maximum(pooled, least)
            q_used[rows] = np.maximum(false_discovery_rate(pooled), least)
            if len(rows) > 1:  # one alone has all there is, always
                own = _among(drawn["score"]) if "score" in drawn else _shares(importance)
                p[rows] = _pooled(own)
                q[rows] = false_discovery_rate(p[rows])
        tables[level] = table.assign(p_used=used, q_used=q_used, p=p, q=q)
    return tables


def used_at_all(found: dict[str, pd.DataFrame], null: Drawn) -> dict[str, dict[str, float]]:
    """Tell for every group how much importance there is in all, in refits, and how rarely refits have as much."""
    level = next(name for name in ("feature", "layer", "gene", "pathway") if len(found[name]))
    told = {}
    for rows, drawn in _by_group(level, found[level], null):
        total = drawn["importance"].sum(axis=1)
        told[str(found[level]["group"].iloc[rows[0]])] = {
            "importance": float(total[0]),
            "importance_shuffled": float(total[1:].mean()),
            "p": upper_p(total[0], total[1:]),
        }
    return told


def _by_group(
    level: str, table: pd.DataFrame, null: Drawn
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Rows of each group that any sample has, and their statistics: observed first, then those of refits."""
    for group in pd.unique(table["group"]):
        rows = np.flatnonzero((table["group"] == group) & (table["n_samples"] > 0))
        if not len(rows):
            continue
        drawn = {}
        for column in _columns(level):
            draws = null[level, column][:, rows]
            draws = draws[~np.isnan(draws).any(axis=1)]
            drawn[column] = np.vstack([table[column].to_numpy(dtype=np.float64)[rows], draws])
        if len(drawn["importance"]) > LEAST // 2:
            yield rows, drawn


def _shares(importance: np.ndarray) -> np.ndarray:
    """Importance beside the mean of its draw, near to normal: of a chi-square the cube root is (Wilson and Hilferty 1931)."""
    mean = importance.mean(axis=1, keepdims=True)
    share = np.divide(importance, mean, out=np.ones_like(importance), where=mean > 0)
    return np.asarray(np.cbrt(share**2))


def _among(score: np.ndarray) -> np.ndarray:
    """Scores beside those of the same draw: a fit whose genes with pathways weigh more lifts all pathways at once."""
    centred = score - score.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.asarray(centred / np.where(spread > 1e-12, spread, np.inf))


def _pooled(drawn: np.ndarray) -> np.ndarray:
    n_null = len(drawn) - 1
    return pooled_p(standardised(drawn, n_null), n_null)

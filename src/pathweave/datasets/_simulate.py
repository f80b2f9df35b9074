"""Multi-omics data over the real Reactome graph, with outcomes whose causes are known."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core import keys
from pathweave._core.checks import listed
from pathweave._core.results import Truth
from pathweave.datasets._layers import KINDS, build_layer, latent_state, take_values
from pathweave.datasets._plant import plan
from pathweave.io import quiet_mudata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

    from pathweave.datasets._layers import State

OUTCOMES = ("class", "outcome", "time")
STRENGTH = {"class": 3.0, "outcome": 1.5, "time": 1.2}
"""Standard deviation of the linear score at ``effect=1``: log odds, units of noise, log hazard."""
CENSORED = 0.35
SHAPE = 1.4


def simulate(
    n_obs: int = 200,
    *,
    layers: Sequence[str] = ("rna", "meth", "protein", "metab"),
    n_pathways_active: int = 6,
    n_features: int = 1200,
    effect: float = 1.0,
    missing: float = 0.05,
    missing_layers: float = 0.15,
    batch_effect: float = 0.5,
    n_classes: int = 2,
    seed: int = 0,
) -> MuData:
    """Simulate four omics layers over Reactome, with a planted truth.

    Each sample has an activity for every active pathway. The genes of these pathways, their
    methylation, proteins and compounds move with it; a class, a number and a survival time depend on
    all of the activities. Other pathways co-vary as strongly, but have nothing to do with any outcome;
    purity and batch disturb every layer. Active pathways are leaves of Reactome with 15 to 60 genes,
    all measured; they hardly overlap, and none has a twin of nearly the same genes.

    Parameters
    ----------
    n_obs
        Samples.
    layers
        Which of ``"rna"`` (log2 expression, symbols), ``"meth"`` (beta values of promoter regions),
        ``"protein"`` (log2 intensities, UniProt) and ``"metab"`` (log2 intensities, ChEBI) to make.
    n_pathways_active
        Active pathways; with 0 the outcomes are independent of the data.
    n_features
        Genes of the transcriptome; the other layers hold parts of them, or the pathways' compounds.
    effect
        How strongly activities drive the outcomes; with 0 not at all.
    missing
        Part of the values that is NaN; in proteome and metabolome rather the low ones, and more.
    missing_layers
        Chance that a sample lacks a layer; every sample keeps at least one.
    batch_effect
        Size of the shifts between three batches, in units of a feature's spread.
    n_classes
        Classes, of nearly equal size, cut from one score.
    seed
        Same seed, same data.

    Returns
    -------
    MuData with ``obs`` columns class, outcome, time and event (days, 1 = died), batch, purity, and
    the truth in ``uns["pathweave"]["truth"]`` (read it with `get.truth`).

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, n_pathways_active=3, seed=1)
    >>> list(mdata.mod), len(pw.get.truth(mdata).pathways)
    (['rna', 'meth', 'protein', 'metab'], 3)
    """
    chosen = _check_layers(layers)
    parameters = {
        "n_obs": n_obs, "layers": chosen, "n_pathways_active": n_pathways_active,
        "n_features": n_features, "effect": effect, "missing": missing,
        "missing_layers": missing_layers, "batch_effect": batch_effect, "n_classes": n_classes,
        "seed": seed,
    }  # fmt: skip
    _check_numbers(parameters)
    # One stream a purpose: asking for fewer layers leaves the others as they were.
    streams = dict(
        zip(
            ("plan", "state", "outcomes", "who", *KINDS),
            np.random.default_rng(seed).spawn(4 + len(KINDS)),
            strict=True,
        )
    )
    design = plan(n_pathways_active, n_features, rng=streams["plan"])
    state = latent_state(design, n_obs, rng=streams["state"])
    obs, effects = _outcomes(state, design.active, effect, n_classes, streams["outcomes"])
    present = _who_has_what(n_obs, chosen, missing_layers, streams["who"])
    mods = {}
    for layer in chosen:
        rng = streams[layer]
        full = build_layer(layer, design, state, batch_effect=batch_effect, rng=rng)
        mods[layer] = full[present[layer]].copy()
        if missing > 0:
            take_values(layer, mods[layer], missing, rng=rng)
    truth = Truth(
        pathways=design.active,
        genes=tuple(np.array(design.genes)[design.active_genes.any(axis=0)].tolist()),
        compounds=tuple(np.array(design.compounds)[design.active_compounds.any(axis=0)].tolist()),
        effects=effects,
        parameters=parameters,
    )
    return _assemble(mods, obs, truth)


def _assemble(mods: dict[str, Any], obs: pd.DataFrame, truth: Truth) -> MuData:
    """Join the layers, samples in the order of `obs`, and record the truth."""
    from mudata import MuData

    with quiet_mudata():
        mdata = MuData(mods)
        mdata.obs = obs.reindex(mdata.obs_names)
        mdata = mdata[obs.index[obs.index.isin(mdata.obs_names)]].copy()
    mdata.uns[keys.UNS] = {keys.TRUTH: json.dumps(asdict(truth))}
    return mdata


def _check_layers(layers: Sequence[str]) -> list[str]:
    """Return the layers in their usual order, or raise."""
    asked = [layers] if isinstance(layers, str) else list(layers)
    unknown = [layer for layer in asked if layer not in KINDS]
    if unknown or not asked or len(set(asked)) < len(asked):
        msg = f"layers={asked!r}: choose from {listed(KINDS)}, each at most once."
        raise ValueError(msg)
    return [layer for layer in KINDS if layer in asked]


def _check_numbers(parameters: dict[str, Any]) -> None:
    """Raise on an argument outside its range."""
    bounds = {
        "n_obs": (10, 1_000_000), "n_pathways_active": (0, 200), "n_features": (50, 10_000),
        "effect": (0, 100), "missing": (0, 0.9), "missing_layers": (0, 0.9),
        "batch_effect": (0, 100), "n_classes": (2, 5),
    }  # fmt: skip
    whole = ("n_obs", "n_pathways_active", "n_features", "n_classes")
    for name, (low, high) in bounds.items():
        value = parameters[name]
        if not low <= value <= high or (name in whole and int(value) != value):
            kind = "a whole number" if name in whole else "a number"
            msg = f"{name}={value!r} must be {kind} from {low} to {high}."
            raise ValueError(msg)


def _outcomes(
    state: State,
    pathways: tuple[str, ...],
    effect: float,
    n_classes: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Draw class, number and survival, each from its own combination of the activities."""
    n_obs, n_active = state.activity.shape
    scores: dict[str, np.ndarray] = {}
    effects: dict[str, dict[str, float]] = {pathway: {} for pathway in pathways}
    for outcome in OUTCOMES:
        weights = rng.uniform(0.7, 1.3, n_active) * rng.choice([-1.0, 1.0], n_active)
        weights *= effect * STRENGTH[outcome] / max(float(np.linalg.norm(weights)), 1e-9)
        scores[outcome] = state.activity @ weights
        for pathway, weight in zip(pathways, weights, strict=True):
            effects[pathway][outcome] = round(float(weight), 6)
    liability = scores["class"] + rng.logistic(size=n_obs)
    order = liability.argsort().argsort() * n_classes // n_obs
    time, event = _survival(scores["time"], rng)
    names = [chr(ord("A") + i) for i in range(n_classes)]
    obs = pd.DataFrame(
        {
            "class": pd.Categorical.from_codes(order, names),
            "outcome": scores["outcome"] + rng.standard_normal(n_obs),
            "time": time,
            "event": event.astype(np.int64),
            "batch": pd.Categorical.from_codes(state.batch, ["batch1", "batch2", "batch3"]),
            "purity": state.purity,
        },
        index=[f"S{i + 1:04d}" for i in range(n_obs)],
    )
    return obs, effects


def _survival(log_hazard: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weibull times under a proportional hazard, and a study end that censors about a third."""
    death = 1000 * (rng.exponential(size=len(log_hazard)) / np.exp(log_hazard)) ** (1 / SHAPE)
    entry = rng.uniform(0.2, 1.8, len(log_hazard))
    end = float(np.quantile(death / entry, 1 - CENSORED))
    censoring = end * entry
    return np.maximum(np.minimum(death, censoring), 1.0), death <= censoring


def _who_has_what(
    n_obs: int, layers: list[str], missing_layers: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """For each layer the samples that have it: at least one layer a sample, five samples a layer."""
    lacks = rng.random((n_obs, len(KINDS))) < missing_layers
    columns = [list(KINDS).index(layer) for layer in layers]
    present = ~lacks[:, columns]
    spare = rng.integers(0, len(layers), n_obs)
    nothing = ~present.any(axis=1)
    present[nothing, spare[nothing]] = True
    for column in range(len(layers)):
        if present[:, column].sum() < 5:
            present[rng.permutation(n_obs)[:5], column] = True
    return {layer: present[:, i] for i, layer in enumerate(layers)}

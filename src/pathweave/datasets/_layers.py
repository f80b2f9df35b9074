"""Layers of a simulation: from the latent state of each sample to measured values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave import ids
from pathweave._core import keys

if TYPE_CHECKING:
    from pathweave.datasets._plant import Plan

KINDS = {
    "rna": "transcriptome",
    "meth": "methylation",
    "protein": "proteome",
    "metab": "metabolome",
}
PROTEIN_PART = 0.6
"""Part of the genes whose protein is measured."""
METHYLATION_PART = 0.8


@dataclass(frozen=True)
class State:
    """Latent state of the samples and the expression that follows from it."""

    activity: np.ndarray
    """Samples x active pathways, standard normal."""
    purity: np.ndarray
    batch: np.ndarray
    expression: np.ndarray
    """Samples x genes: planted and background signal with noise, without batch."""


def latent_state(plan: Plan, n_obs: int, *, rng: np.random.Generator) -> State:
    """Draw activities and nuisances, and the expression they make."""
    activity = rng.standard_normal((n_obs, len(plan.active)))
    background = rng.standard_normal((n_obs, len(plan.background_genes)))
    purity = rng.beta(6, 3, n_obs)
    scaled = (purity - 6 / 9) / 0.15
    signal = activity @ plan.active_genes + background @ plan.background_genes
    signal += np.outer(scaled, rng.normal(0, 0.25, len(plan.genes)))
    return State(
        activity=activity,
        purity=purity,
        batch=rng.integers(0, 3, n_obs),
        expression=signal + rng.normal(0, 0.9, signal.shape),
    )


def build_layer(
    layer: str, plan: Plan, state: State, *, batch_effect: float, rng: np.random.Generator
) -> Any:
    """Make one layer as AnnData of all samples, without missing values."""
    import anndata as ad

    makers = {"rna": _rna, "meth": _methylation, "protein": _protein, "metab": _metabolites}
    values, var, to_scale = makers[layer](plan, state, rng)
    shift = rng.normal(0, 1, (3, values.shape[1]))
    values = values + batch_effect * shift[state.batch]
    mod = ad.AnnData(
        X=to_scale(values).astype(np.float32),
        obs=pd.DataFrame(index=[f"S{i + 1:04d}" for i in range(len(values))]),
        var=var,
    )
    mod.uns[keys.UNS] = {keys.KIND: KINDS[layer]}
    return mod


def _symbols(genes: tuple[str, ...]) -> pd.DataFrame:
    """HGNC rows of the genes, in their order."""
    return ids.hgnc().set_index("id").reindex(list(genes))


def _log_scale(level: np.ndarray, spread: np.ndarray) -> Any:
    """Return a function to the scale of log2 intensities."""
    return lambda values: level + spread * values


def _rna(
    plan: Plan, state: State, rng: np.random.Generator
) -> tuple[np.ndarray, pd.DataFrame, Any]:
    """Log2 expression of all genes, named by symbol."""
    n = len(plan.genes)
    var = pd.DataFrame({"hgnc": list(plan.genes)}, index=_symbols(plan.genes)["symbol"].astype(str))
    var.index.name = None
    scale = _log_scale(rng.uniform(8, 13, n), rng.uniform(0.4, 0.9, n))
    return state.expression, var, scale


def _methylation(
    plan: Plan, state: State, rng: np.random.Generator
) -> tuple[np.ndarray, pd.DataFrame, Any]:
    """Beta values of promoter regions, falling where expression rises."""
    n = len(plan.genes)
    chosen = np.sort(rng.choice(n, max(1, round(METHYLATION_PART * n)), replace=False))
    strength = rng.uniform(0.3, 0.8, len(chosen))
    values = -state.expression[:, chosen] * strength
    values = values + rng.normal(0, 0.8, values.shape)
    symbols = _symbols(plan.genes)["symbol"].astype(str).to_numpy()[chosen]
    chromosome = rng.integers(1, 23, len(chosen))
    start = rng.integers(10_000, 90_000_000, len(chosen))
    names = [
        f"{symbol}_{c}_{s}_{s + 1000}"
        for symbol, c, s in zip(symbols, chromosome, start, strict=True)
    ]
    var = pd.DataFrame(
        {"symbol": symbols, "chrom": chromosome.astype(str), "start": start}, index=names
    )
    level, spread = rng.normal(0, 1.2, len(chosen)), rng.uniform(0.4, 0.8, len(chosen))

    def to_beta(raw: np.ndarray) -> np.ndarray:
        beta = 1 / (1 + np.exp(-(level + spread * raw)))
        return np.clip(beta, 1e-4, 1 - 1e-4)

    return values, var, to_beta


def _protein(
    plan: Plan, state: State, rng: np.random.Generator
) -> tuple[np.ndarray, pd.DataFrame, Any]:
    """Log2 intensities of part of the proteins, following expression with noise of their own."""
    table = _symbols(plan.genes)
    accession = table["uniprot"].fillna("").astype(str).str.split(";").str[0].to_numpy()
    usable = np.flatnonzero((accession != "") & ~pd.Series(accession).duplicated().to_numpy())
    n = min(len(usable), max(1, round(PROTEIN_PART * len(plan.genes))))
    chosen = np.sort(rng.choice(usable, n, replace=False))
    strength = rng.uniform(0.4, 0.9, n)
    values = state.expression[:, chosen] * strength
    values = values + rng.normal(0, 0.7, values.shape)
    symbols = table["symbol"].astype(str).to_numpy()[chosen]
    var = pd.DataFrame({"symbol": symbols}, index=accession[chosen])
    return values, var, _log_scale(rng.uniform(16, 26, n), rng.uniform(0.4, 0.9, n))


def _metabolites(
    plan: Plan, state: State, rng: np.random.Generator
) -> tuple[np.ndarray, pd.DataFrame, Any]:
    """Log2 intensities of the compounds, moved by the pathways they are members of."""
    n = len(plan.compounds)
    values = state.activity @ plan.active_compounds
    scaled = (state.purity - 6 / 9) / 0.15
    values = values + np.outer(scaled, rng.normal(0, 0.25, n))
    values = values + rng.normal(0, 0.9, (len(values), n))
    names = [compound.upper() for compound in plan.compounds]
    return (
        values,
        pd.DataFrame(index=names),
        _log_scale(rng.uniform(12, 22, n), rng.uniform(0.4, 0.9, n)),
    )


def take_values(layer: str, mod: Any, missing: float, *, rng: np.random.Generator) -> None:
    """Put NaN into a layer: at random, and in mass spectrometry more of them where values are low."""
    values = mod.X
    chance = np.full(values.shape, missing)
    if layer in {"protein", "metab"}:
        centred = values.mean(axis=0)
        rank = centred.argsort().argsort() / max(values.shape[1] - 1, 1)
        low = 1 / (1 + np.exp(2 * (values - centred) / np.maximum(values.std(axis=0), 1e-6)))
        chance = missing * (0.5 + 4 * (1 - rank) * low)
    gone = rng.random(values.shape) < np.minimum(chance, 0.9)
    # Every feature keeps two values, every sample one.
    keep = rng.random(values.shape).argsort(axis=0)[:2]
    gone[keep, np.arange(values.shape[1])] = False
    gone[np.arange(len(values)), rng.integers(0, values.shape[1], len(values))] = False
    values[gone] = np.nan

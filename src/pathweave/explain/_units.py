"""Units that are taken away whole: layers, genes or pathways, by ablation and by Shapley values."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

from pathweave._core.checks import listed
from pathweave.explain._names import by_short_name, the_one
from pathweave.explain._paths import Batch, difference
from pathweave.nn import seeded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from pathweave.explain._baselines import Baseline
    from pathweave.explain._outputs import Output
    from pathweave.models import Estimator

MOST_PLAYERS = 64
_LEVELS = ("layer", "gene", "pathway")
_MIN_PATHWAY = 3


@dataclass(frozen=True)
class Units:
    """Sets of features, by layer a matrix (n_features, n_units) of zeros and ones.

    Attributes
    ----------
    level
        ``"layer"``, ``"gene"`` or ``"pathway"``.
    names
        Layers, node ids or pathway ids.
    members
        Who belongs to what.
    """

    level: str
    names: list[str]
    members: dict[str, sp.csr_matrix]

    def others(self) -> np.ndarray:
        """For every feature, layer after layer, whether it is in no unit."""
        return np.concatenate(
            [np.asarray(m.sum(axis=1)).ravel() == 0 for m in self.members.values()]
        )

    def drive(self, x: dict[str, np.ndarray]) -> np.ndarray:
        """Mean of the standardised measured members, (n, n_units): what a unit is high or low in."""
        total: Any = 0.0
        count: Any = 0.0
        for name, values in x.items():
            z = _standardised(values)
            total = total + np.nan_to_num(z) @ self.members[name]
            count = count + (~np.isnan(z)).astype(float) @ self.members[name]
        return np.asarray(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))


def _standardised(values: np.ndarray) -> np.ndarray:
    measured = ~np.isnan(values)
    count = np.maximum(measured.sum(axis=0), 1)
    centred = values - np.where(measured, values, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(measured, centred**2, 0.0).sum(axis=0) / count)
    return np.asarray(centred / np.where(spread > 1e-12, spread, np.inf), dtype=np.float64)


def read_units(model: Estimator, units: str | Sequence[str]) -> Units:
    """Turn a level, or names of layers, genes or pathways, into sets of features."""
    if isinstance(units, str) and units not in _LEVELS:
        units = [units]
    if isinstance(units, str):
        made = {"layer": _layers, "gene": _genes, "pathway": _pathways}[units](model)
        if not made.names:
            msg = f"units={units!r}: the model was fitted without a graph, so it knows layers only; use units='layer'."
            raise ValueError(msg)
        return made
    asked = [str(name) for name in units]
    if not asked or len(set(asked)) < len(asked):
        msg = f"units={asked!r} must name some layers, genes or pathways, each once; or a level: {listed(_LEVELS)}."
        raise ValueError(msg)
    found: list[str] = []
    for make in (_layers, _genes, _pathways):
        made = make(model)
        known = _spellings(model, made)
        if set(asked) <= set(known):
            units = [the_one("units", name, known[name]) for name in asked]
            if len(set(units)) < len(units):
                msg = f"units={asked!r} must name some layers, genes or pathways, each once; these are {units!r}."
                raise ValueError(msg)
            chosen = [made.names.index(name) for name in units]
            return Units(
                made.level, [made.names[i] for i in chosen],
                {n: sp.csr_matrix(m[:, chosen]) for n, m in made.members.items()},
            )  # fmt: skip
        found += [name for name in asked if name in known]
    strange = [name for name in asked if name not in found]
    msg = (
        f"units={listed(asked)}: {listed(strange) + ' is' if strange else 'these are of several levels, not'} "
        "a measured layer, gene (symbol or node id) or pathway of this model."
        if not strange
        else f"units: {listed(strange)} is no layer, measured gene (symbol or node id) or pathway of this model."
    )
    raise ValueError(msg)


def _spellings(model: Estimator, units: Units) -> dict[str, list[str]]:
    """Every name that units may be asked for by, and the units that go by it: an id is its own alone."""
    spelled: dict[str, list[str]] = {}
    if units.level == "gene" and model.graph_ is not None:
        symbols = model.graph_.nodes.set_index("id")["symbol"].reindex(units.names)
        for symbol, name in zip(symbols.fillna("").astype(str), units.names, strict=True):
            if symbol:
                spelled.setdefault(symbol, []).append(name)
    if units.level == "pathway":
        spelled = by_short_name(units.names)
    return spelled | {name: [name] for name in units.names}


def _layers(model: Estimator) -> Units:
    names = list(model.layers_)
    members = {}
    for i, name in enumerate(names):
        n = len(model.layers_[name].features)
        at = (np.arange(n), np.full(n, i))
        members[name] = sp.csr_matrix((np.ones(n), at), shape=(n, len(names)))
    return Units("layer", names, members)


def _genes(model: Estimator) -> Units:
    graph = model.ensemble_.graph
    ids = [] if graph is None else list(graph.node_ids)
    members = {}
    for name, layer in model.layers_.items():
        empty = sp.csr_matrix((len(layer.features), len(ids)))
        own = empty if graph is None else graph.feature_maps.get(name, empty)
        members[name] = sp.csr_matrix((own != 0).astype(float))
    return Units("gene", ids, members)


def _pathways(model: Estimator) -> Units:
    genes = _genes(model)
    if model.graph_ is None or not genes.names:
        return Units("pathway", [], {n: m[:, :0] for n, m in genes.members.items()})
    pathways, member = memberships(model.graph_.members, genes.names)
    kept = np.flatnonzero(np.asarray(member.sum(axis=1)).ravel() >= _MIN_PATHWAY)
    of = sp.csr_matrix(member[kept].T)
    members = {n: sp.csr_matrix(((m @ of) > 0).astype(float)) for n, m in genes.members.items()}
    return Units("pathway", [str(pathways[i]) for i in kept], members)


def nodes_measured(
    measured: Mapping[str, np.ndarray], maps: Mapping[str, sp.csr_matrix]
) -> np.ndarray:
    """Which samples have any feature of a node, bool (n_samples, n_nodes).

    Parameters
    ----------
    measured
        For each layer which values were measured, bool (n_samples, n_features).
    maps
        For some of the layers their features x nodes.
    """
    found = [measured[name].astype(np.float32) @ abs(m).sign() for name, m in maps.items()]
    return np.asarray(np.sum(found, axis=0) > 0)


def memberships(members: pd.DataFrame, nodes: Sequence[str]) -> tuple[pd.Index, sp.csr_matrix]:
    """Pathways with any of the nodes, and who is in them: (n_pathways, n_nodes) of zeros and ones."""
    position = {node: i for i, node in enumerate(nodes)}
    inside = members["node"].isin(position)
    pathways = pd.Index(members.loc[inside, "pathway"].unique())
    rows = pathways.get_indexer(members.loc[inside, "pathway"])
    cols = members.loc[inside, "node"].map(position).to_numpy()
    member = sp.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(len(pathways), len(nodes)))
    member.data[:] = 1.0
    return pathways, member


class _Game:
    """An output as a function of which units are there (n, n_units), ones and zeros.

    A feature is there if all units that hold it are: of overlapping pathways each takes all its members away.
    """

    def __init__(
        self, output: Output, units: Units, batch: Batch, baseline: Baseline, *, rest: bool
    ) -> None:
        self.output, self.names = output, list(batch.values)
        blocks = sp.vstack([units.members[name] for name in self.names])
        if rest:
            alone = sp.csr_matrix(units.others().astype(float)[:, None])
            blocks = sp.hstack([blocks, alone])
        coo = sp.coo_matrix(blocks)
        at = torch.as_tensor(np.stack([coo.row, coo.col]).astype(np.int64))
        data = torch.ones(len(coo.data))
        self.matrix = torch.sparse_coo_tensor(
            at, data, coo.shape, check_invariants=False
        ).coalesce()
        self.n_units = coo.shape[1]
        self.sizes = [int(batch.values[name].shape[1]) for name in self.names]
        x, base = batch.against(baseline)
        self.args = (*x.values(), *(b.contiguous() for b in base.values()), *batch.seen.values())

    def __call__(self, there: Tensor, *args: Tensor) -> Tensor:
        gone = torch.sparse.mm(self.matrix, (1.0 - there).T).T > 0.5
        k = len(self.names)
        x, base, seen = args[:k], args[k : 2 * k], args[2 * k :]
        left = {
            name: torch.where(away, b, value)
            for name, away, value, b in zip(
                self.names, gone.split(self.sizes, 1), x, base, strict=True
            )
        }
        return self.output(left, dict(zip(self.names, seen, strict=True)))


@torch.no_grad()
def feature_ablation(
    output: Output, units: Units, batch: Batch, bases: list[Baseline], batch_size: int
) -> np.ndarray:
    """What the output loses when a unit is set to the baseline, (n, n_units)."""
    from captum.attr import FeatureAblation

    total = np.zeros((len(batch.which), len(units.names)))
    for baseline in bases:
        game = _Game(output, units, batch, baseline, rest=False)
        there = torch.ones(len(batch.which), game.n_units)
        found = FeatureAblation(game).attribute(
            there,
            baselines=0.0,
            target=batch.which,
            additional_forward_args=game.args,
            perturbations_per_eval=max(1, batch_size // len(batch.which)),
        )
        total += found.double().numpy() / len(bases)
    return total


@torch.no_grad()
def shapley_sampling(
    output: Output,
    units: Units,
    batch: Batch,
    bases: list[Baseline],
    *,
    n_permutations: int,
    batch_size: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values of units, (n, n_units), and the completeness gap (n,).

    Exact over all orders where there are no more of them than `n_permutations`. Features of no unit are one
    more player, whose share is not returned.
    """
    from captum.attr import ShapleyValues, ShapleyValueSampling

    rest = bool(units.others().any())
    n_players = len(units.names) + rest
    if n_players > MOST_PLAYERS:
        msg = (
            f"method='shapley_sampling' with {n_players} {units.level}s is too much ({MOST_PLAYERS} players are the most); "
            "name some of them in units=, or use method='gradient_shap'."
        )
        raise ValueError(msg)
    total = np.zeros((len(batch.which), n_players))
    for baseline in bases:
        game = _Game(output, units, batch, baseline, rest=rest)
        there = torch.ones(len(batch.which), n_players)
        shared: dict[str, Any] = {
            "baselines": 0.0,
            "target": batch.which,
            "additional_forward_args": game.args,
            "perturbations_per_eval": max(1, batch_size // len(batch.which)),
        }
        if factorial(n_players) <= n_permutations:
            found = ShapleyValues(game).attribute(there, **shared)
        else:
            with seeded(seed):  # the same orders in every batch
                found = ShapleyValueSampling(game).attribute(
                    there, n_samples=n_permutations, **shared
                )
        total += found.double().numpy() / len(bases)
    gap = total.sum(axis=1) - difference(output, batch, bases)
    return total[:, : len(units.names)], gap

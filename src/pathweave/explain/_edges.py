"""How much of what the networks say travels along each edge of the graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from pathweave._core.checks import check_mudata, check_obs_column
from pathweave._core.progress import progress
from pathweave._core.results import EdgeAttributions
from pathweave._core.version import VERSION
from pathweave.explain._arguments import check_whole
from pathweave.explain._baselines import baselines
from pathweave.explain._outputs import UNITS, Job, Question, ask
from pathweave.explain._paths import Batch, batches, difference
from pathweave.explain._tables import ranked, standard_error
from pathweave.nn import single_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData
    from torch import Tensor

    from pathweave.explain._baselines import Baseline
    from pathweave.explain._outputs import Output
    from pathweave.models import Estimator
    from pathweave.nn import PathwayVAENet

_MOST_VALUES = 4_000_000
"""Attributions of single edges in single samples that are held at once."""


def edges(  # named one by one, as in cross_validate
    mdata: MuData,
    model: Estimator,
    *,
    of: str | None = None,
    contrast: Sequence[str] | None = None,
    groupby: str | None = None,
    reference: tuple[str, str] | None = None,
    n_steps: int = 16,
    max_samples: int = 100,
    batch_size: int = 64,
    seed: int = 0,
) -> EdgeAttributions:
    r"""Attributions of the edges of the graph: what a gene's neighbours tell the networks about it.

    A node i receives :math:`c_i = \sum_j A_{ij} x_j` from its neighbours j. For sample x and baseline b,

    .. math:: e_{j \to i} = A_{ij} (x_j - b_j) \int_0^1 \partial f / \partial c_i \, dt

    on the straight way from b to x. These, what nodes hold themselves, and what reaches the output
    past the graph (encoders of whole layers, interactions with them) add up to f(x) - f(b).

    Parameters
    ----------
    mdata
        Samples to explain.
    model
        Fitted `PathwayVAE` or `PathwayGNN` with a graph.
    of, contrast, groupby
        What is explained and in which samples, as in `attribute`. Only the networks are: linear parts of the
        prediction know no edges.
    reference
        A column of ``mdata.obs`` and a label: the baseline is the mean of these samples instead of that of the
        training samples.
    n_steps
        Points of the Gauss-Legendre quadrature along the way.
    max_samples
        At most so many samples a group, drawn at random.
    batch_size
        Samples that are computed at once. The numbers do not depend on it but for rounding.
    seed
        Seed of the draw.

    Returns
    -------
    ``table`` has one row a group and edge, strongest first: group, source, source_symbol, target,
    target_symbol, relation, layer (through which most of it came), value (mean attribution, in the unit of
    what is explained), importance (mean absolute attribution), se (standard error of value over replicates, NaN
    with one) and rank. ``params`` holds, relative to f(x) - f(b): ``along_edges``, ``in_nodes`` and
    ``past_the_graph``, means of absolute sums, which may exceed 1 where they cancel.

    Raises
    ------
    ValueError
        If the model has no graph, or its graph no edges.

    Notes
    -----
    Edges of the first convolution: what later ones hand on counts for the edge on which it came in. An edge that
    scores is one that the fitted networks use. It is no evidence that the two genes interact; whether real
    edges serve better than rewired ones is asked with ``evaluate``'s nulls.

    References
    ----------
    Conductance: Dhamdhere, Sundararajan and Yan, ICLR 2019, equation 2, of the sums over neighbours, which
    are linear in the input: the share of each neighbour follows.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> found = pw.explain.edges(
    ...     mdata, model.fit(mdata, pw.graph.reactome(), target="class"), max_samples=5
    ... )
    >>> found.table.columns[1:6].tolist()
    ['source', 'source_symbol', 'target', 'target_symbol', 'relation']
    """
    check_mudata(mdata)
    model._need_fit()
    stored = _Stored.of(model)
    if groupby is not None:
        check_obs_column(mdata.obs, "groupby", groupby)
    check_whole(2, n_steps=n_steps)
    check_whole(1, max_samples=max_samples, batch_size=batch_size)
    values = model._read(mdata)
    bases, words = baselines(
        mdata, model, values, reference=reference, n_baselines=1, rng=np.random.default_rng(seed)
    )
    pathways = {*model.pathways_, *(name.split(":")[-1] for name in model.pathways_)}
    question = ask(
        mdata, model, values, of=of, contrast=contrast, groupby=groupby, reference=reference,
        max_samples=max_samples, rng=np.random.default_rng(seed), network_only=of not in pathways,
    )  # fmt: skip
    if not question.jobs:
        msg = f"groupby={groupby!r}: no sample with a layer belongs to a group."
        raise ValueError(msg)
    sums = _Sums()
    tables = [
        _explained(job, question, stored, values, bases[0], n_steps, batch_size, sums)
        for job in progress(question.jobs, desc="attributing edges")
    ]
    params: dict[str, Any] = {
        "of": question.of,
        "task": question.task,
        "unit": UNITS[question.task],
        "contrast": None if contrast is None else list(contrast),
        "groupby": groupby,
        "baseline": words,
        "reference": None if reference is None else list(reference),
        "n_steps": n_steps,
        "n_samples": int(sum(len(job.rows) for job in question.jobs)),
        "n_replicates": len(question.outputs),
        **sums.shares(),
        "model": type(model).__name__,
        "graph_digest": model.graph_digest_,
        "seed": seed,
        "version": VERSION,
    }
    return EdgeAttributions(pd.concat(tables, ignore_index=True), params)


@dataclass
class _Sums:
    """What went along edges, in nodes and past the graph, and how far the output moved."""

    along_edges: float = 0.0
    in_nodes: float = 0.0
    past_the_graph: float = 0.0
    moved: float = 0.0

    def shares(self) -> dict[str, float]:
        """Each relative to how far the output moved."""
        names = ("along_edges", "in_nodes", "past_the_graph")
        return {name: getattr(self, name) / max(self.moved, 1e-12) for name in names}


@dataclass(frozen=True)
class _Stored:
    """The edges of a model's graph, relation by relation, in rows of one list."""

    layers: list[str]
    source: np.ndarray
    target: np.ndarray
    relation: np.ndarray
    weight: np.ndarray
    names: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, model: Estimator) -> _Stored:
        graph = model.ensemble_.graph
        if graph is None or model.graph_ is None or not model.ensemble_.nets[0].graph_layers:
            msg = (
                "the model was fitted without a graph, so there are no edges to explain; fit a PathwayVAE or "
                "PathwayGNN with graph=."
            )
            raise ValueError(msg)
        coos = [relation.tocoo() for relation in graph.relations]
        kind = np.repeat(np.arange(len(coos)), [coo.nnz for coo in coos])
        if not len(kind):
            msg = "the graph of this model has no edges, so there are none to explain."
            raise ValueError(msg)
        source = np.concatenate([coo.col for coo in coos])
        target = np.concatenate([coo.row for coo in coos])
        ids = np.asarray(graph.node_ids)
        symbol = model.graph_.nodes.set_index("id")["symbol"].reindex(ids).fillna("").astype(str)
        symbols = np.where(symbol == "", ids, symbol)
        names = pd.DataFrame({
            "source": ids[source],
            "source_symbol": symbols[source],
            "target": ids[target],
            "target_symbol": symbols[target],
            "relation": np.asarray(graph.relation_names)[kind],
        })  # fmt: skip
        weight = np.concatenate([coo.data for coo in coos]).astype(np.float64)
        layers = list(model.ensemble_.nets[0].graph_layers)
        return cls(layers, source, target, kind, weight, names)


def _explained(
    job: Job,
    question: Question,
    stored: _Stored,
    values: dict[str, np.ndarray],
    baseline: Baseline,
    n_steps: int,
    batch_size: int,
    sums: _Sums,
) -> pd.DataFrame:
    """Make the table of one group."""
    n_edges, n_layers, n_replicates = len(stored.source), len(stored.layers), len(question.nets)
    signed = np.zeros((n_replicates, n_edges))
    unsigned = np.zeros((n_edges, n_layers + 1))  # the last: all layers together
    with single_thread():
        for batch in batches(values, job.rows, job.which, batch_size):
            ways = [
                _received(output, net, batch, baseline, n_steps)
                for output, net in zip(question.outputs, question.nets, strict=True)
            ]
            step = max(1, _MOST_VALUES // (len(batch.which) * n_layers))
            total = np.zeros((n_replicates, len(batch.which)))
            for start in range(0, n_edges, step):
                part = slice(start, start + step)
                mean: np.ndarray | float = 0.0
                for k, (moved, slope) in enumerate(ways):
                    found = _along(stored, part, moved, slope)
                    signed[k, part] += found.sum(axis=(0, 2))
                    total[k] += found.sum(axis=(1, 2))
                    mean = mean + found / n_replicates
                unsigned[part, :-1] += np.abs(mean).sum(axis=0)
                unsigned[part, -1] += np.abs(np.sum(mean, axis=2)).sum(axis=0)
            _account(sums, question, batch, baseline, ways, total)
    signed, unsigned = signed / len(job.rows), unsigned / len(job.rows)
    table = stored.names.assign(
        layer=np.asarray(stored.layers)[unsigned[:, :-1].argmax(axis=1)],
        value=signed.mean(axis=0),
        importance=unsigned[:, -1],
        se=standard_error(signed),
    )
    table.insert(0, "group", job.group)
    return ranked(table, "importance")


def _received(
    output: Output, net: PathwayVAENet, batch: Batch, baseline: Baseline, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """How far what nodes receive moves from the baseline, and the mean slope of the output on the way.

    Both (n, n_nodes, (1 + n_relations) * n_layers).
    """
    x, base = batch.against(baseline)
    seen, at = batch.seen, batch.which.unsqueeze(1)
    caught: list[Tensor] = []

    def catch(module: object, inputs: object, nodes: Tensor) -> Tensor:
        del module, inputs
        caught.append(nodes.detach().requires_grad_())
        return caught[-1]

    slope: np.ndarray | float = 0.0
    points, weights = np.polynomial.legendre.leggauss(n_steps)
    handle = net.received.register_forward_hook(catch)
    try:
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            caught.clear()
            here = {name: base[name] + point * (x[name] - base[name]) for name in x}
            out = output({name: v.float() for name, v in here.items()}, seen).gather(1, at).sum()
            # A network may be read by several heads; each reads the graph anew.
            grads = torch.autograd.grad(out, caught, allow_unused=True)
            found = [g.double().numpy() for g in grads if g is not None]
            slope = slope + weight * np.sum(found, axis=0)
    finally:
        handle.remove()
    with torch.no_grad():
        ends = [
            net.prepare(end, seen).nodes.transpose(1, 2)  # type: ignore[union-attr]
            for end in (x, {n: b.contiguous() for n, b in base.items()})
        ]
    moved = (ends[0].double() - ends[1].double()).numpy()
    return moved, np.broadcast_to(slope, moved.shape)


def _along(stored: _Stored, part: slice, moved: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Attributions of some edges in every sample and layer (n, edges, n_layers)."""
    n_layers = len(stored.layers)
    source, target, relation = stored.source[part], stored.target[part], stored.relation[part]
    # What nodes hold themselves comes first, then relation by relation.
    column = (1 + relation[:, None]) * n_layers + np.arange(n_layers)
    sent = moved[:, source, :n_layers] * stored.weight[part][:, None]
    return np.asarray(sent * slope[:, target[:, None], column])


def _account(
    sums: _Sums,
    question: Question,
    batch: Batch,
    baseline: Baseline,
    ways: list[tuple[np.ndarray, np.ndarray]],
    along: np.ndarray,
) -> None:
    """Add up where the output's way from the baseline leads through."""
    for output, (moved, slope), edge in zip(question.outputs, ways, along, strict=True):
        through = (moved * slope).sum(axis=(1, 2))
        whole = difference(output, batch, [baseline])
        sums.along_edges += float(np.abs(edge).sum())
        sums.in_nodes += float(np.abs(through - edge).sum())
        sums.past_the_graph += float(np.abs(whole - through).sum())
        sums.moved += float(np.abs(whole).sum())

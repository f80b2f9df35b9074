"""The network of PathwayVAE: a graph encoder and an encoder per layer, one latent, decoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from pathweave.nn.adjacency import TypedAdjacency, spmm
from pathweave.nn.encoders import joint_encoder, layer_encoder
from pathweave.nn.graph_conv import TypedGraphConv
from pathweave.nn.pathway_pool import PathwayPool
from pathweave.nn.standardize import Standardize

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp

_MIN_LOG_VAR, _MAX_LOG_VAR = -6.0, 3.0


@dataclass(frozen=True)
class LayerSpec:
    """Shape of one layer: its features, how they are decoded, and which the graph does not hold.

    Features in `segments` (their sizes) are convolved over. A layer may be another one (`earlier_of`)
    as it was `lag` samples of the same subject ago.
    """

    name: str
    n_features: int
    likelihood: str
    off_graph: tuple[int, ...]
    segments: tuple[int, ...] = ()
    earlier_of: str = ""
    lag: int = 0


@dataclass(frozen=True)
class HeadSpec:
    """One target: class (n outputs), number (1) or survival (1); weights of classes, if they differ."""

    name: str
    task: str
    n_outputs: int
    class_weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class NetSpec:
    """All that is needed to build a `PathwayVAENet` beside the graph."""

    layers: tuple[LayerSpec, ...]
    heads: tuple[HeadSpec, ...]
    n_latent: int = 32
    n_hidden: int = 64
    n_channels: int = 4
    n_graph_layers: int = 1
    dropout: float = 0.5
    layer_dropout: float = 0.2
    encode_on_graph: bool = True
    variational: bool = True
    encoder: str = "layers"  # or "joint", "recurrent": one for all layers
    n_hidden_layers: int = 1
    kernel_size: int = 7
    pool_size: int = 4
    cell: str = "gru"


@dataclass(frozen=True)
class GraphArrays:
    """The graph as arrays: who maps where, who touches whom, who belongs to which pathway."""

    feature_maps: dict[str, sp.csr_matrix]  # layer -> (n_features, n_nodes)
    relations: tuple[sp.csr_matrix, ...]  # each (n_nodes, n_nodes), row-normalised
    relation_names: tuple[str, ...]
    members: tuple[np.ndarray, ...]  # pathway -> node positions
    node_ids: tuple[str, ...]
    pathway_ids: tuple[str, ...]

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_ids)


@dataclass
class Prepared:
    """Inputs after everything that no parameter touches: standardised, and spread over the graph."""

    z: dict[str, Tensor]
    measured: dict[str, Tensor]
    present: Tensor  # (n, n_layers) bool
    nodes: Tensor | None  # (n, n_nodes, (1 + n_relations) * n_graph_inputs)

    def rows(self, index: Tensor) -> Prepared:
        """Take a part of the samples."""
        return Prepared(
            {name: z[index] for name, z in self.z.items()},
            {name: m[index] for name, m in self.measured.items()},
            self.present[index],
            None if self.nodes is None else self.nodes[index],
        )

    def mixed(self, other: Prepared, share: float) -> Prepared:
        """Mix every sample with another; what a sample lacks, it still lacks."""
        return Prepared(
            {name: share * z + (1 - share) * other.z[name] for name, z in self.z.items()},
            {name: m & other.measured[name] for name, m in self.measured.items()},
            self.present,
            None
            if self.nodes is None or other.nodes is None
            else share * self.nodes + (1 - share) * other.nodes,
        )


@dataclass
class Encoded:
    """Posterior of the latent, and what the experts said on the way."""

    mean: Tensor
    log_var: Tensor
    experts: list[tuple[Tensor, Tensor]]  # (mean of one expert, which samples it speaks for)
    activity: Tensor | None


class PathwayVAENet(nn.Module):
    """Multimodal variational autoencoder whose first expert reads the data through a pathway graph.

    Every layer's encoder and the graph encoder give a Gaussian over the latent; their product (Wu
    and Goodman 2018, equation 3: precisions add up) is the posterior, so that a sample without a
    layer simply has fewer experts. The graph encoder spreads the layers over the nodes
    (`TypedGraphConv`), pools nodes into pathways (`PathwayPool`) and pathways into the latent.

    Parameters
    ----------
    spec
        Layers, targets and sizes.
    graph
        The graph's arrays, or ``None`` for a model without a graph.

    Notes
    -----
    ``values[layer]`` and ``measured[layer]`` have shape (n, n_features); values are in the units of
    the data, and those not measured are ignored.
    """

    def __init__(self, spec: NetSpec, graph: GraphArrays | None = None) -> None:
        super().__init__()
        self.spec = spec
        hidden, latent = spec.n_hidden, spec.n_latent
        self.standardize = nn.ModuleDict(
            {f"l{i}": Standardize(l.n_features) for i, l in self._named()}
        )
        self.graph_layers = (
            [] if graph is None else [l.name for l in spec.layers if l.name in graph.feature_maps]
        )
        has_graph = graph is not None and bool(self.graph_layers) and bool(graph.members)
        if graph is not None and has_graph:
            self.maps = TypedAdjacency(
                [_square(graph.feature_maps[name].T) for name in self.graph_layers],
                self.graph_layers,
            )
            self.n_nodes = graph.n_nodes
            self.adjacency = TypedAdjacency(graph.relations, graph.relation_names)
            width = spec.n_channels
            inputs = [len(self.graph_layers)] + [width] * (spec.n_graph_layers - 1)
            self.convolutions = nn.ModuleList(
                TypedGraphConv(n, width, len(graph.relations)) for n in inputs
            )
            self.pool = PathwayPool(graph.members, n_nodes=graph.n_nodes, channels=width)
            self.graph_head = nn.Sequential(
                nn.Dropout(spec.dropout), nn.Linear(len(graph.members), 2 * latent)
            )
        else:
            self.graph_layers = []
        self.joint = joint_encoder(spec)
        self.encoders = nn.ModuleDict()
        for i, layer in self._named():
            positions = self._encoded_positions(layer)
            self.register_buffer(f"encoded_{i}", positions, persistent=False)
            if len(positions) and self.joint is None:
                self.encoders[f"l{i}"] = layer_encoder(spec, layer, len(positions))
        self.decoders = nn.ModuleDict(
            {
                f"l{i}": nn.Sequential(
                    nn.Linear(latent, hidden), nn.GELU(), nn.Linear(hidden, l.n_features)
                )
                for i, l in self._named()
            }
        )
        self.heads = nn.ModuleDict(
            {
                f"h{i}": nn.Sequential(
                    nn.Dropout(spec.dropout / 2), nn.Linear(latent, head.n_outputs)
                )
                for i, head in enumerate(spec.heads)
            }
        )

    def _named(self) -> list[tuple[int, LayerSpec]]:
        return list(enumerate(self.spec.layers))

    def _encoded_positions(self, layer: LayerSpec) -> Tensor:
        on_graph_too = self.spec.encode_on_graph or layer.name not in self.graph_layers
        positions = range(layer.n_features) if on_graph_too else layer.off_graph
        return torch.as_tensor(list(positions), dtype=torch.int64)

    def fit_standardization(self, values: dict[str, Tensor]) -> None:
        """Learn every layer's means and deviations from training rows (NaN where unmeasured)."""
        for i, layer in self._named():
            module = cast("Standardize", self.standardize[f"l{i}"])
            # An earlier sample is read in the units of the present one: a change stays a change.
            like = values[layer.earlier_of or layer.name]
            module.fit(like, center=layer.likelihood != "bernoulli")

    def prepare(self, values: dict[str, Tensor], measured: dict[str, Tensor]) -> Prepared:
        """Standardise and spread over the graph: the part of the work without parameters."""
        z = {
            layer.name: self.standardize[f"l{i}"](values[layer.name], measured[layer.name])
            for i, layer in self._named()
        }
        present = torch.stack([measured[l.name].any(dim=1) for l in self.spec.layers], dim=1)
        nodes = None
        if self.graph_layers:
            spread = [
                self._spread(r, z[name], measured[name]) for r, name in enumerate(self.graph_layers)
            ]
            first = cast("TypedGraphConv", self.convolutions[0])
            nodes = first.aggregate_neighbours(torch.stack(spread, dim=2), self.adjacency)
        return Prepared(z, measured, present, nodes)

    def _spread(self, relation: int, z: Tensor, measured: Tensor) -> Tensor:
        """Carry a layer to its nodes: the weighted mean of each node's measured features."""
        rows, cols = self.maps.relation(relation)
        size = len(rows[0]) - 1
        pad = size - z.shape[1]
        total = spmm(nn.functional.pad(z.T, (0, 0, 0, pad)), rows, cols)[: self.n_nodes]
        seen = spmm(nn.functional.pad(measured.T.to(z.dtype), (0, 0, 0, pad)), rows, cols)
        return (total / seen[: self.n_nodes].clamp(min=1e-6)).T

    def activity(self, prepared: Prepared, keep: Tensor) -> Tensor:
        """Pathway activities, shape (n, n_pathways), in (-1, 1)."""
        if prepared.nodes is None:
            msg = "this network has no graph, hence no pathway activities"
            raise ValueError(msg)
        where = [l.name for l in self.spec.layers]
        kept = keep[:, [where.index(name) for name in self.graph_layers]].to(prepared.nodes.dtype)
        nodes = prepared.nodes * kept.repeat(1, 1 + len(self.adjacency)).unsqueeze(1)
        first = cast("TypedGraphConv", self.convolutions[0])
        h = nn.functional.gelu(first.combine(nodes))
        for convolution in self.convolutions[1:]:
            h = h + nn.functional.gelu(convolution(h, self.adjacency))
        return self.pool(h).tanh()

    def encode(self, prepared: Prepared, *, drop_layers: bool = False) -> Encoded:
        """Fuse the experts of the layers a sample has into one posterior."""
        keep = prepared.present
        if drop_layers and self.spec.layer_dropout and keep.shape[1] > 1:
            stay = torch.rand(keep.shape, device=keep.device) >= self.spec.layer_dropout
            lost_all = ~(keep & stay).any(dim=1, keepdim=True)
            keep = keep & (stay | lost_all)
        if self.joint is not None:
            mean = self.joint(prepared.z, keep)
            return Encoded(mean, torch.zeros_like(mean), [(mean, keep.any(dim=1))], None)
        experts: list[tuple[Tensor, Tensor, Tensor]] = []
        activity = None
        if prepared.nodes is not None:
            activity = self.activity(prepared, keep)
            where = [l.name for l in self.spec.layers]
            speaks = keep[:, [where.index(name) for name in self.graph_layers]].any(dim=1)
            mean, log_var = self.graph_head(activity).chunk(2, dim=1)
            experts.append((mean, log_var, speaks))
        for i, layer in self._named():
            if f"l{i}" in self.encoders:
                positions = cast("Tensor", getattr(self, f"encoded_{i}"))
                z = prepared.z[layer.name]
                inputs = z if len(positions) == z.shape[1] else z[:, positions]
                mean, log_var = self.encoders[f"l{i}"](inputs).chunk(2, dim=1)
                experts.append((mean, log_var, keep[:, i]))
        precision = torch.ones_like(experts[0][0])  # the prior is an expert, too
        weighted = torch.zeros_like(precision)
        for mean, log_var, speaks in experts:
            certain = speaks.unsqueeze(1) * torch.exp(-log_var.clamp(_MIN_LOG_VAR, _MAX_LOG_VAR))
            precision = precision + certain
            weighted = weighted + certain * mean
        means = [(mean, speaks) for mean, _, speaks in experts]
        return Encoded(weighted / precision, -precision.log(), means, activity)

    def decode(self, latent: Tensor) -> dict[str, Tensor]:
        """Reconstruct every layer, standardised (logits for 0/1 layers)."""
        return {l.name: self.decoders[f"l{i}"](latent) for i, l in self._named()}

    def predict(self, latent: Tensor) -> dict[str, Tensor]:
        """Scores of every target: logits, standardised numbers, or log hazards."""
        return {head.name: self.heads[f"h{i}"](latent) for i, head in enumerate(self.spec.heads)}

    def impute(self, latent: Tensor) -> dict[str, Tensor]:
        """Reconstruct every layer in the units of the data (probabilities for 0/1 layers)."""
        decoded = self.decode(latent)
        result = {}
        for i, layer in self._named():
            out = decoded[layer.name]
            module = cast("Standardize", self.standardize[f"l{i}"])
            result[layer.name] = (
                out.sigmoid() if layer.likelihood == "bernoulli" else module.invert(out)
            )
        return result


def _square(matrix: sp.spmatrix) -> sp.csr_matrix:
    """Pad with empty rows or columns; a relation is a square matrix."""
    square = matrix.tocsr().copy()
    size = max(square.shape)
    square.resize((size, size))
    return square

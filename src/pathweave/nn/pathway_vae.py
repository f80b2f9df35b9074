"""The network of PathwayVAE: a graph encoder and an encoder per layer, one latent, decoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from pathweave.nn.adjacency import TypedAdjacency
from pathweave.nn.dropout import Dropout
from pathweave.nn.edge_gates import ReceiverGates
from pathweave.nn.encoders import joint_encoder, layer_encoder
from pathweave.nn.fusion import AttentionFusion, product_of_experts
from pathweave.nn.graph_conv import TypedGraphConv
from pathweave.nn.heads import Heads
from pathweave.nn.inputs import Encoded, GraphArrays, LayerMoments, Prepared
from pathweave.nn.losses import reconstruction_sum
from pathweave.nn.observation import CountModel, ShareModel, observation_model
from pathweave.nn.pathway_levels import PathwayLevels
from pathweave.nn.pathway_pool import PathwayPool
from pathweave.nn.sparse_product import SparseProduct
from pathweave.nn.standardize import Standardize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.nn.heads import HeadSpec

__all__ = [
    "Encoded", "GraphArrays", "LayerMoments", "LayerSpec", "NetSpec", "PathwayVAENet", "Prepared",
]  # fmt: skip


@dataclass(frozen=True)
class LayerSpec:
    """Shape of one layer: its features, how they are decoded, and which the graph does not hold.

    Layers of counts hold ``log1p(counts / size * library)``.
    Features in `segments` (their sizes) are convolved over. A layer may be another one (`earlier_of`)
    as it was `lag` samples of the same subject ago.
    """

    name: str
    n_features: int
    likelihood: str
    off_graph: tuple[int, ...]
    library: float = 1.0
    segments: tuple[int, ...] = ()
    earlier_of: str = ""
    lag: int = 0


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
    fusion: str = "product"
    gate_edges: bool = False
    encoder: str = "layers"  # or "joint", "recurrent": one for all layers
    n_hidden_layers: int = 1
    kernel_size: int = 7
    pool_size: int = 4
    cell: str = "gru"


class PathwayVAENet(nn.Module):
    """Multimodal variational autoencoder whose first expert reads the data through a pathway graph.

    Every layer's encoder and the graph encoder give a Gaussian over the latent; their product (Wu
    and Goodman 2018, equation 3: precisions add up) is the posterior, or with ``fusion="attention"`` their
    weighted mean, so that a sample without a layer simply has fewer experts. The graph encoder spreads the
    layers over the nodes
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
        if graph is not None and self.graph_layers:
            self.maps = nn.ModuleList(
                SparseProduct(graph.feature_maps[name].T) for name in self.graph_layers
            )
            self.n_nodes = graph.n_nodes
            self.adjacency = TypedAdjacency(
                graph.relations, graph.relation_names, n_nodes=graph.n_nodes
            )
            width = spec.n_channels
            inputs = [len(self.graph_layers)] + [width] * (spec.n_graph_layers - 1)
            self.convolutions = nn.ModuleList(
                TypedGraphConv(n, width, len(graph.relations)) for n in inputs
            )
            # Does nothing: where explanations read what nodes receive.
            self.received = nn.Identity()
            self.pool = PathwayPool(graph.pooled, n_nodes=graph.n_nodes, channels=width)
            self.levels = PathwayLevels(graph.levels, n_pathways=len(graph.pooled))
            self.graph_head = nn.Sequential(
                Dropout(spec.dropout), nn.Linear(self.levels.n_outputs, 2 * latent)
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
        self.observations = nn.ModuleDict()
        for i, layer in self._named():
            model = observation_model(layer.likelihood, layer.n_features, layer.library)
            if model is not None:
                self.observations[f"l{i}"] = model
        self.decoders = nn.ModuleDict(
            {
                f"l{i}": nn.Sequential(
                    nn.Linear(latent, hidden), nn.GELU(), nn.Linear(hidden, self._n_outputs(i, l))
                )
                for i, l in self._named()
            }
        )
        self.heads = Heads(spec.heads, latent, dropout=spec.dropout / 2)

        # Last, so that a network without these options is what it was.
        if spec.fusion == "attention":
            n_experts = len(self.encoders) + bool(self.graph_layers)
            self.attention = AttentionFusion(n_experts, latent)
        self.gates: ReceiverGates | None = None
        if spec.gate_edges and self.graph_layers and len(self.adjacency):
            self.gates = ReceiverGates(len(self.adjacency), self.n_nodes)

    def _named(self) -> list[tuple[int, LayerSpec]]:
        return list(enumerate(self.spec.layers))

    def _observation(self, i: int) -> CountModel | ShareModel | None:
        """Observation model of layer `i`, where it is neither Gaussian nor Bernoulli."""
        found = next((m for name, m in self.observations.items() if name == f"l{i}"), None)
        return cast("CountModel | ShareModel | None", found)

    def _n_outputs(self, i: int, layer: LayerSpec) -> int:
        model = self._observation(i)
        return layer.n_features if model is None else model.n_outputs

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
            model = self._observation(i)
            if model is not None:
                model.fit(like)

    def fit_moments(self, moments: Mapping[str, LayerMoments]) -> None:
        """Learn what `fit_standardization` does from moments of rows that were read in pieces."""
        for i, layer in self._named():
            found = moments[layer.name]
            module = cast("Standardize", self.standardize[f"l{i}"])
            module.fit_moments(*found.inputs, center=layer.likelihood != "bernoulli")
            model = self._observation(i)
            if model is not None:
                model.fit_moments(*found.observed, found.n_rows)

    def prepare(
        self,
        values: dict[str, Tensor],
        measured: dict[str, Tensor],
        library: dict[str, Tensor] | None = None,
        *,
        counts: Mapping[str, Tensor] | None = None,
    ) -> Prepared:
        """Standardise and spread over the graph: the part of the work without parameters.

        Library sizes (n,) of layers of counts are needed for `layer_loss` alone; `counts` (0 where unmeasured) spare
        working them out from the values.
        """
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
            near = first.aggregate_neighbours(torch.stack(spread, dim=2), self.adjacency)
            nodes = near.transpose(1, 2).contiguous()
        sizes = {name: size.unsqueeze(1) for name, size in (library or {}).items()}
        observed = dict(counts or {})
        for i, layer in self._named():
            model, name = self._observation(i), layer.name
            if name in observed:
                continue
            if isinstance(model, ShareModel):
                observed[name] = model.observe(values[name], measured[name], None)
            elif model is not None and name in sizes:
                observed[name] = model.observe(values[name], measured[name], sizes[name])
        gaps = {name: seen for name, seen in measured.items() if not bool(seen.all())}
        return Prepared(z, gaps, present, nodes, observed, sizes)

    def _spread(self, relation: int, z: Tensor, measured: Tensor) -> Tensor:
        """Carry a layer to its nodes: the weighted mean of each node's measured features."""
        product = self.maps[relation]
        total, seen = product(z.T), product(measured.T.to(z.dtype))
        return cast("Tensor", (total / seen.clamp(min=1e-6)).T)

    def activity(self, prepared: Prepared, keep: Tensor) -> Tensor:
        """Pathway activities, shape (n, n_pathways), in (-1, 1); those of nodes without pathways."""
        if prepared.nodes is None:
            msg = "this network has no graph, hence no pathway activities"
            raise ValueError(msg)
        where = [l.name for l in self.spec.layers]
        kept = keep[:, [where.index(name) for name in self.graph_layers]].to(prepared.nodes.dtype)
        kept = kept.repeat(1, 1 + len(self.adjacency))
        first = cast("TypedGraphConv", self.convolutions[0])
        near = self.received(prepared.nodes.transpose(1, 2))
        h = nn.functional.gelu(first.combine(self._gated(near), kept))
        for module in self.convolutions[1:]:
            convolution = cast("TypedGraphConv", module)
            nodes = self._gated(convolution.aggregate_neighbours(h, self.adjacency))
            h = h + nn.functional.gelu(convolution.combine(nodes))
        return cast("Tensor", self.levels(self.pool(h).tanh()))

    def _gated(self, aggregated: Tensor) -> Tensor:
        if self.gates is None:
            return aggregated
        n_channels = aggregated.shape[2] // (1 + len(self.adjacency))
        return cast("Tensor", self.gates(aggregated, n_channels))

    @staticmethod
    def kept_layers(present: Tensor, stay: Tensor) -> Tensor:
        """Layers that are left of those a sample has (n, n_layers): those that stay, or all if none would."""
        lost_all = ~(present & stay).any(dim=1, keepdim=True)
        return present & (stay | lost_all)

    def encode(self, prepared: Prepared, *, drop_layers: bool = False) -> Encoded:
        """Fuse the experts of the layers a sample has into one posterior."""
        keep = prepared.present
        if drop_layers and self.spec.layer_dropout and keep.shape[1] > 1:
            stay = torch.rand(keep.shape, device=keep.device) >= self.spec.layer_dropout
            keep = self.kept_layers(keep, stay)
        # Fused in full, whatever products are computed in.
        kind = next(iter(prepared.z.values())).dtype
        if self.joint is not None:
            mean = self.joint(prepared.z, keep).to(kind)
            return Encoded(mean, torch.zeros_like(mean), [(mean, keep.any(dim=1))], None)
        experts: list[tuple[Tensor, Tensor, Tensor]] = []
        activity = None
        if prepared.nodes is not None:
            activity = self.activity(prepared, keep)
            where = [l.name for l in self.spec.layers]
            speaks = keep[:, [where.index(name) for name in self.graph_layers]].any(dim=1)
            mean, log_var = self.graph_head(activity).to(kind).chunk(2, dim=1)
            experts.append((mean, log_var, speaks))
        for i, layer in self._named():
            if f"l{i}" in self.encoders:
                positions = cast("Tensor", getattr(self, f"encoded_{i}"))
                z = prepared.z[layer.name]
                inputs = z if len(positions) == z.shape[1] else z[:, positions]
                mean, log_var = self.encoders[f"l{i}"](inputs).to(kind).chunk(2, dim=1)
                experts.append((mean, log_var, keep[:, i]))
        fuse = self.attention if self.spec.fusion == "attention" else product_of_experts
        mean, log_var = fuse(experts)
        means = [(mean, speaks) for mean, _, speaks in experts]
        return Encoded(mean, log_var, means, activity)

    def decode(self, latent: Tensor) -> dict[str, Tensor]:
        """Reconstruct every layer, standardised (logits for 0/1 layers)."""
        return {l.name: self.decoders[f"l{i}"](latent) for i, l in self._named()}

    def layer_loss(self, i: int, out: Tensor, prepared: Prepared) -> tuple[Tensor, Tensor]:
        """Negative log likelihood of the measured values of layer `i`, given its decoder's output, and their number."""
        layer, model = self.spec.layers[i], self._observation(i)
        measured = prepared.measured.get(layer.name)
        if model is None:
            return reconstruction_sum(out, prepared.z[layer.name], measured, layer.likelihood)
        observed, library = prepared.observed[layer.name], prepared.library.get(layer.name)
        log_prob = model.log_prob(out, observed, cast("Tensor", library))
        if measured is None:
            return -log_prob.sum(), log_prob.new_tensor(float(log_prob.numel()))
        return -(log_prob * measured).sum(), measured.sum()

    def predict(self, latent: Tensor) -> dict[str, Tensor]:
        """Scores of every target: logits, standardised numbers, or log hazards."""
        return self.heads.scores(latent)

    def impute(self, latent: Tensor) -> dict[str, Tensor]:
        """Reconstruct every layer in the units of the data.

        Probabilities for 0/1 layers; counts are those of a sample with the layer's reference library size.
        """
        decoded = self.decode(latent)
        result = {}
        for i, layer in self._named():
            out = decoded[layer.name]
            module = cast("Standardize", self.standardize[f"l{i}"])
            model = self._observation(i)
            if model is not None:
                result[layer.name] = model.expect(out)
                continue
            result[layer.name] = (
                out.sigmoid() if layer.likelihood == "bernoulli" else module.invert(out)
            )
        return result

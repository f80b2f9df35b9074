"""Fine-tuning: what a fitted model hands to the fit of another cohort."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch

from pathweave._core.checks import listed
from pathweave._core.version import VERSION
from pathweave._core.warnings import DataWarning, LayerOffGraphWarning, warn
from pathweave.models._match import find_layers, nodes_of
from pathweave.models._samples import put_in
from pathweave.models._transplant import transplant
from pathweave.nn import PathwayVAENet, seeded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._data import LayerSchema
    from pathweave.models._fitted import FittedModel
    from pathweave.models._match import LayerMatch
    from pathweave.models._targets import Target
    from pathweave.models._train import Replicate
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec


@dataclass(frozen=True)
class Start:
    """A fitted model as the start of another fit.

    Attributes
    ----------
    old
        The fitted model; it stays as it is.
    mdata
        The new cohort.
    rename
        Name of a layer there to the name of the layer in the old fit.
    keep_units
        Standardise features as the old fit did, where it knows them.
    """

    old: FittedModel
    mdata: MuData
    rename: Mapping[str, str] | None
    keep_units: bool

    @cached_property
    def looked_for(self) -> dict[str, LayerMatch]:
        """For each layer of the new cohort that has the name of one of the old fit, how its features match."""
        found = find_layers(self.old, self.mdata, match="graph", rename=self.rename)
        return {m.found_as: m for m in found if m.found_as}

    @property
    def matches(self) -> dict[str, LayerMatch]:
        """Those of which any feature was found."""
        return {name: m for name, m in self.looked_for.items() if m.found.any()}

    def check(self, schema: Sequence[LayerSchema], samples: Sequence[str]) -> None:
        """Refuse a cohort without anything in common; warn of samples whose labels the old fit has seen."""
        known = [layer.name for layer in schema if layer.name in self.matches]
        if not known:
            msg = (
                f"no layer of mdata ({listed([l.name for l in schema], 30)}) has a feature in common with the layers seen "
                f"in fit ({listed(self.old.layers_)}), so there is nothing to tune. If a layer has another name, "
                "give rename={'layer of mdata': 'layer of fit'}; for other identifiers fit with a graph."
            )
            raise ValueError(msg)
        for layer in schema:
            if layer.name in self.looked_for and layer.name not in known:
                warn(
                    f"layer {layer.name!r}: none of its {len(layer.features)} features was found in the fit that is "
                    "tuned, by name or by the genes they measure, so it starts afresh. model.match(mdata) tells more.",
                    DataWarning,
                )
        twice = set(samples) & set(self.old.training_samples_)
        if twice and self.old.targets_:
            warn(
                f"{len(twice)} training samples were training samples of the fit that is tuned, which had the targets "
                f"{listed(self.old.targets_)}: if these tell of the new targets, the out-of-fold scores in parts_ "
                "are too good. Pretrain without a target to be on the safe side.",
                DataWarning,
            )

    def measured(self, schema: Sequence[LayerSchema]) -> tuple[PathwayGraph, GraphArrays] | None:
        """The same nodes, relations and pathways, with the features of the new cohort on them."""
        graph, arrays = self.old.graph_, self.old.ensemble_.graph
        if graph is None or arrays is None:
            return None
        maps = {}
        for layer in schema:
            matrix = self._on_nodes(layer, arrays)
            if matrix.nnz:
                maps[layer.name] = matrix
            else:
                warn(
                    f"layer {layer.name!r} ({layer.kind}): none of its {len(layer.features)} features is on the "
                    "graph of the fit that is tuned. The layer still counts, through its own encoder.",
                    LayerOffGraphWarning,
                )
        return (graph, replace(arrays, feature_maps=maps)) if maps else None

    def _on_nodes(self, layer: LayerSchema, arrays: GraphArrays) -> sp.csr_matrix:
        match = self.matches.get(layer.name)
        kept = sp.csr_matrix((len(layer.features), arrays.n_nodes), dtype=np.float32)
        named = np.zeros(len(layer.features), dtype=bool)
        if match is not None and match.layer.name in arrays.feature_maps:
            # A feature of the same name lies where it lay.
            pick = sp.diags(match.by_name.astype(np.float32)) @ match.translation
            named = np.asarray(pick.sum(axis=0)).ravel() > 0
            kept = sp.csr_matrix(pick.T @ arrays.feature_maps[match.layer.name])
        if named.all():
            return kept
        others = sp.diags((~named).astype(np.float32)) @ nodes_of(
            self.old, self.mdata, layer.name, layer.kind
        )
        return sp.csr_matrix(kept + others).astype(np.float32)

    def states(
        self, spec: NetSpec, arrays: GraphArrays | None, targets: Sequence[Target], n: int
    ) -> list[dict[str, np.ndarray]]:
        """Parameters for `n` replicates to start from; the first continues the old reference network."""
        old = self.old.ensemble_
        partners = {name: (m.layer.name, m.translation) for name, m in self.matches.items()}
        known = self.old.targets_
        heads = {
            t.name
            for t in targets
            if t.name in known
            and (t.task, t.classes) == (known[t.name].task, known[t.name].classes)
        }
        result = []
        for k in range(n):
            with seeded(k):
                new = PathwayVAENet(spec, arrays)
            donor = old.nets[k if k < len(old.nets) else 0]
            carried = transplant(donor, new, partners, heads, keep_units=self.keep_units)
            result.append(carried)
        return result

    def network(
        self, spec: NetSpec, arrays: GraphArrays | None, values: dict[str, np.ndarray]
    ) -> PathwayVAENet:
        """The pretrained reference network on the new features, not tuned; units as those of the tuned ones."""
        bare = replace(spec, heads=())
        initial = self.states(bare, arrays, (), 1)[0]
        with seeded(0):
            net = PathwayVAENet(bare, arrays)
        net.fit_standardization({name: torch.tensor(x) for name, x in values.items()})
        put_in(net, initial)
        return net.eval()

    def record(self) -> dict[str, Any]:
        """What was tuned: class, release, digest of its parameters, layers, targets, number of samples."""
        digest = hashlib.sha256()
        for state in self.old.ensemble_.states:
            for key in sorted(state.state):
                digest.update(key.encode())
                digest.update(np.ascontiguousarray(state.state[key]).tobytes())
        return {
            "class": type(self.old).__name__,
            "version": VERSION,
            "digest": digest.hexdigest(),
            "layers": list(self.old.layers_),
            "matched": {name: match.layer.name for name, match in self.matches.items()},
            "targets": list(self.old.targets_),
            "n_samples": len(self.old.training_samples_),
            "units": "fit" if self.keep_units else "cohort",
        }


def started(plan: list[Replicate], states: list[dict[str, np.ndarray]]) -> list[Replicate]:
    """Give every replicate of a plan the parameters it starts from."""
    return [replace(r, initial=state) for r, state in zip(plan, states, strict=True)]

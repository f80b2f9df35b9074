"""Weights of a fitted network put into a new one that has other features, layers or targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from pathweave.nn.heads import NumberHeads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from pathweave.nn import PathwayVAENet
    from pathweave.nn.heads import Head

_SHARED = (
    "pool.", "levels.", "graph_head.", "convolutions.", "gates.", "attention.hidden.", "attention.score.",
)  # fmt: skip


def transplant(
    old: PathwayVAENet,
    new: PathwayVAENet,
    partners: Mapping[str, tuple[str, sp.csr_matrix]],
    heads: set[str],
    *,
    keep_units: bool,
) -> dict[str, np.ndarray]:
    """Start a new network from an old one; what has no counterpart stays as it was initialised.

    Parameters
    ----------
    old, new
        The networks; their graphs have the same nodes, relations and pathways, or one has none.
    partners
        Layer of the new network to the layer of the old one and the weights (n_old, n_new) with which new
        features stand for old ones.
    heads
        Targets whose head goes over.
    keep_units
        Whether means and deviations of features go over, too.

    Returns
    -------
    Parameters of the new network; with `keep_units` also ``standardize.*``, NaN for features without a counterpart.
    """
    state = {k: v.clone() for k, v in new.state_dict().items() if not k.startswith("standardize.")}
    donor = old.state_dict()
    renamed = [partners[l.name][0] if l.name in partners else "" for l in new.spec.layers]
    same_experts = renamed == [l.name for l in old.spec.layers]
    for key, tensor in state.items():
        shared = key.startswith(_SHARED) or (same_experts and key == "attention.bias")
        if shared and key in donor and donor[key].shape == tensor.shape:
            tensor.copy_(donor[key])
    _first_convolution(old, new, partners, state, donor)
    places = {layer.name: i for i, layer in enumerate(old.spec.layers)}
    for i, layer in enumerate(new.spec.layers):
        if layer.name not in partners:
            continue
        name, weights = partners[layer.name]
        _layer(old, new, places[name], i, weights, state, donor)
        if keep_units:
            back = _columns(weights).T
            for part in ("mean", "scale"):
                given = donor[f"standardize.l{places[name]}.{part}"]
                state[f"standardize.l{i}.{part}"] = _mixed(back, given)
    for key in new.heads:
        _head(old, f"heads.{key}", cast("Head", new.heads[key]), heads, state)
    return {key: tensor.numpy().copy() for key, tensor in state.items()}


def _head(
    old: PathwayVAENet, key: str, head: Head, names: set[str], state: dict[str, Tensor]
) -> None:
    """Targets that the old network has a head of the same kind for; numbers share one, a row each."""
    for row, name in enumerate(head.names):
        if name not in names:
            continue
        given = old.heads.of(name)
        if type(given) is not type(head):
            continue
        if isinstance(head, NumberHeads):
            at = given.names.index(name)
            state[f"{key}.linear.weight"][row] = given.linear.weight[at].detach()
            state[f"{key}.linear.bias"][row] = given.linear.bias[at].detach()
        elif given.specs[0].cuts == head.specs[0].cuts:
            for part, tensor in given.state_dict().items():
                state[f"{key}.{part}"] = tensor.clone()


def _first_convolution(
    old: PathwayVAENet,
    new: PathwayVAENet,
    partners: Mapping[str, tuple[str, sp.csr_matrix]],
    state: dict[str, Tensor],
    donor: dict[str, Tensor],
) -> None:
    """The graph's first layer has a channel a layer of data."""
    key = "convolutions.0.weight"
    if not new.graph_layers or key not in donor or donor[key].shape[::2] != state[key].shape[::2]:
        return
    fresh = new.get_submodule("convolutions.0").state_dict()["weight"]
    state[key] = fresh.clone()
    for i, layer in enumerate(new.graph_layers):
        name = partners[layer][0] if layer in partners else ""
        if name in old.graph_layers:
            state[key][:, i] = donor[key][:, old.graph_layers.index(name)]


def _layer(
    old: PathwayVAENet,
    new: PathwayVAENet,
    at_old: int,
    at_new: int,
    weights: sp.csr_matrix,
    state: dict[str, Tensor],
    donor: dict[str, Tensor],
) -> None:
    """Encoder and decoder of one layer."""
    ours, theirs = f"encoders.l{at_new}", f"encoders.l{at_old}"
    if f"l{at_new}" in new.encoders and f"l{at_old}" in old.encoders:
        first = _linears(new.encoders[f"l{at_new}"])[0]
        _copy_all(state, donor, ours, theirs)
        rows = cast("Tensor", getattr(old, f"encoded_{at_old}")).numpy()
        columns = cast("Tensor", getattr(new, f"encoded_{at_new}")).numpy()
        block = sp.csr_matrix(weights[rows][:, columns])
        known = torch.as_tensor(np.asarray(abs(block).sum(axis=0)).ravel() > 0)
        key = f"{ours}.{first}.weight"
        made = torch.as_tensor((block.T @ donor[f"{theirs}.{first}.weight"].numpy().T).T)
        fresh = new.state_dict()[key]
        state[key] = torch.where(known, made, fresh)
    ours, theirs = f"decoders.l{at_new}", f"decoders.l{at_old}"
    last = _linears(new.decoders[f"l{at_new}"])[-1]
    _copy_all(state, donor, ours, theirs)
    back = _columns(weights).T
    alike = old.spec.layers[at_old].likelihood == new.spec.layers[at_new].likelihood
    for part in ("weight", "bias"):
        given = donor[f"{theirs}.{last}.{part}"]
        fresh = new.state_dict()[f"{ours}.{last}.{part}"]
        if not alike:  # what it says means something else
            state[f"{ours}.{last}.{part}"] = fresh.clone()
            continue
        # A zero-inflated layer has two outputs a feature, all of one kind before those of the other.
        blocks = given.split(old.spec.layers[at_old].n_features)
        made = torch.cat([_mixed(back, block) for block in blocks])
        state[f"{ours}.{last}.{part}"] = torch.where(made.isnan(), fresh, made)


def _copy_all(state: dict[str, Tensor], donor: dict[str, Tensor], ours: str, theirs: str) -> None:
    """Copy what does not depend on the features; the rest is put right afterwards."""
    for key in [k for k in state if k.startswith(f"{ours}.")]:
        given = donor.get(key.replace(ours, theirs, 1))
        if given is not None and given.shape == state[key].shape:
            state[key] = given.clone()


def _linears(module: nn.Module) -> list[str]:
    return [name for name, part in module.named_children() if isinstance(part, nn.Linear)]


def _columns(weights: sp.csr_matrix) -> sp.csr_matrix:
    """Scale columns to sum to 1 in absolute weight, or leave them empty."""
    total = np.asarray(abs(weights).sum(axis=0)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sp.csr_matrix(weights @ sp.diags(scale))


def _mixed(back: sp.spmatrix, given: Tensor) -> Tensor:
    """Means of old rows for each new one, NaN where a new one has no counterpart."""
    back = sp.csr_matrix(back)
    rows = given.numpy()
    finite = np.where(np.isfinite(rows), rows, 0.0)
    made = np.asarray(back @ finite, dtype=np.float32)
    made[np.diff(back.indptr) == 0] = np.nan
    if np.isinf(rows).any():  # the deviation of a constant feature: it has none to give
        made[np.asarray(back @ np.isinf(rows).astype(np.float32)).ravel() != 0] = np.nan
    return torch.as_tensor(made)

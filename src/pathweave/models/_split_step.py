"""One step on a batch that goes through the network in pieces: the gradients of the whole batch, but for rounding.

What compares samples (a partial likelihood), weighs them against each other or mixes them needs the encodings of the
whole batch, which are small. So the pieces are encoded first; the loss of the whole batch says how it changes
with every encoding; then every piece carries that back into the network (Gao et al. 2021, "Scaling deep
contrastive learning batch size under memory limited setup"). Several pieces in one process are encoded a
second time for that, with the same noise, so that only one is ever held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pathweave.models._objective import Outputs, together
from pathweave.nn import NoiseOfBatch
from pathweave.nn.device import random_state, set_random_state
from pathweave.nn.inputs import Encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from pathweave.models._objective import Objective
    from pathweave.nn import Processes


def backward(
    objective: Objective, index: Tensor, n_pieces: int, processes: Processes
) -> dict[str, float]:
    """Leave the gradients of a batch in the parameters, and say what its loss is made of.

    Parameters
    ----------
    objective
        Loss and network; gradients are there yet of none.
    index
        Samples of the batch, the same in all processes.
    n_pieces
        In how many pieces the share of a process goes through the network.
    processes
        Who shares.
    """
    device, n = index.device, len(index)
    batch = objective.batch(index)
    mine = processes.rows(n)
    pieces = mine.tensor_split(min(n_pieces, len(mine)))
    again = len(pieces) > 1
    before = random_state(device)

    def outputs(rows: Tensor) -> Outputs:
        set_random_state(device, before)
        with NoiseOfBatch(rows, n):
            return objective.outputs(batch.rows(rows.to(device)))

    with torch.set_grad_enabled(not again):
        made = [outputs(rows) for rows in pieces]
    whole = gathered(together(made), n, processes)
    leaves = _leaves(whole.encoded)
    reconstruction = whole.reconstruction.detach().requires_grad_()
    total, parts = objective.loss(batch, leaves, reconstruction)
    total.backward()
    if processes.rank:  # all have the same gradients so far: they count once
        for p in _with_gradient(objective):
            p.zero_()
    after = random_state(device)
    for rows, first in zip(pieces, made, strict=True):
        piece = outputs(rows) if again else first
        tensors, gradients = _of_encodings(piece.encoded, leaves, rows.to(device))
        if reconstruction.grad is not None:
            tensors += [total for total, _ in piece.layers]
            each = reconstruction.grad / len(whole.layers)
            gradients += [each / count.clamp(min=1) for _, count in whole.layers]
        torch.autograd.backward(tensors, gradients)
    set_random_state(device, after)
    processes.add(_with_gradient(objective))
    return parts


def gathered(own: Outputs, n: int, processes: Processes) -> Outputs:
    """What the network made of all n samples, from what each process has; without gradients if there are several."""
    if processes.size == 1:
        return own
    encoded = own.encoded
    blocks = [encoded.mean, encoded.log_var]
    for mean, speaks in encoded.experts:
        blocks += [mean, speaks.to(mean.dtype).unsqueeze(1)]
    widths = [block.shape[1] for block in blocks]
    rows = processes.gather_rows(torch.cat([b.detach() for b in blocks], dim=1), n).split(
        widths, dim=1
    )
    experts = [(rows[i], rows[i + 1][:, 0] > 0) for i in range(2, len(rows), 2)]
    kind = encoded.mean.dtype
    sums = torch.stack([x.detach().to(kind) for layer in own.layers for x in layer])
    processes.add([sums])
    layers = [(total, count) for total, count in sums.reshape(-1, 2)]
    return Outputs(Encoded(rows[0], rows[1], experts, None), layers)


def _leaves(encoded: Encoded) -> Encoded:
    """The same encodings, as where gradients end."""

    def leaf(x: Tensor) -> Tensor:
        return x.detach().clone().requires_grad_()

    experts = [(leaf(mean), speaks) for mean, speaks in encoded.experts]
    return Encoded(leaf(encoded.mean), leaf(encoded.log_var), experts, None)


def _of_encodings(
    piece: Encoded, leaves: Encoded, rows: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Encodings of a piece, and how the loss changes with them."""
    tensors, gradients = [], []
    for own, leaf in zip(_tensors(piece), _tensors(leaves), strict=True):
        if own.requires_grad and leaf.grad is not None:
            tensors.append(own)
            gradients.append(leaf.grad[rows])
    return tensors, gradients


def _tensors(encoded: Encoded) -> Iterable[Tensor]:
    return [encoded.mean, encoded.log_var, *(mean for mean, _ in encoded.experts)]


def _with_gradient(objective: Objective) -> list[Tensor]:
    return [p.grad for p in objective.net.parameters() if p.grad is not None]

"""Encoders of layers: dense, convolved along ordered features, all layers at once, over a subject's samples."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from pathweave.nn.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.nn.pathway_vae import LayerSpec, NetSpec


def layer_encoder(spec: NetSpec, layer: LayerSpec, n_inputs: int) -> nn.Module:
    """Make the encoder of one layer: (n, n_inputs) to mean and log variance (n, 2 n_latent)."""
    steps: list[nn.Module] = []
    if layer.segments:
        convolve = SegmentConv(
            layer.segments, spec.n_channels, kernel_size=spec.kernel_size, pool_size=spec.pool_size
        )
        steps = [Dropout(spec.dropout / 2), convolve]
        n_inputs = convolve.n_outputs
    steps += _dense(n_inputs, spec.n_hidden, spec.dropout / 2)
    steps += [Dropout(spec.dropout), nn.Linear(spec.n_hidden, 2 * spec.n_latent)]
    return nn.Sequential(*steps)


def joint_encoder(spec: NetSpec) -> nn.Module | None:
    """Make the one encoder that reads all layers, or ``None`` where every layer has its own."""
    if spec.encoder == "joint":
        return JointEncoder(spec)
    if spec.encoder == "recurrent":
        return RecurrentEncoder(spec)
    return None


def _dense(n_inputs: int, width: int, dropout: float) -> list[nn.Module]:
    """One hidden layer."""
    return [Dropout(dropout), nn.Linear(n_inputs, width), nn.LayerNorm(width), nn.GELU()]


class SegmentConv(nn.Module):
    """Two convolutions along ordered features that stop at the borders of segments.

    Every segment (a chromosome) lies in a slot of its own, with empty places behind it that are set to
    zero again after every convolution, so that no kernel ever sees two segments at once. Both
    convolutions are followed by GELU and by averages of `pool_size` neighbours. The places of what is left are
    kept apart (no average over all of them): where a signal lies matters.

    Parameters
    ----------
    segments
        Numbers of features of the segments, in their order; they add up to the features.
    channels
        Kernels of each convolution.
    kernel_size
        Neighbours that a kernel sees; odd.
    pool_size
        Neighbours that are averaged after each convolution.

    Notes
    -----
    ``forward(z)``: (n, n_features) to (n, n_outputs), channel by channel.
    """

    def __init__(
        self, segments: Sequence[int], channels: int, *, kernel_size: int, pool_size: int
    ) -> None:
        super().__init__()
        reach = kernel_size // 2
        places: list[int] = []
        valid: list[bool] = []
        start = 0
        for length in segments:
            pooled = -(-length // pool_size)
            slot = -(-(pooled + reach) // pool_size) * pool_size
            places += range(start, start + length)
            valid += [True] * pooled + [False] * (slot - pooled)
            start += slot * pool_size
        self.length, self.pool_size = start, pool_size
        self.first = nn.Conv1d(1, channels, kernel_size, padding=reach)
        self.second = nn.Conv1d(channels, channels, kernel_size, padding=reach)
        self.register_buffer("places", torch.tensor(places), persistent=False)
        self.register_buffer("valid", torch.tensor(valid, dtype=torch.float32), persistent=False)
        inside = torch.zeros(start)
        inside[places] = 1.0
        self.register_buffer("inside", inside, persistent=False)
        kept = torch.tensor(valid).reshape(-1, pool_size).any(dim=1).nonzero()[:, 0]
        self.register_buffer("kept", kept, persistent=False)
        self.n_outputs = channels * len(kept)

    def windows(self, z: Tensor) -> Tensor:
        """Feature maps (n, channels, n_windows): one window for `pool_size` squared neighbours."""
        x = z.new_zeros(len(z), self.length)
        x = x.index_copy(1, cast("Tensor", self.places), z).unsqueeze(1)
        h = nn.functional.gelu(self.first(x)) * cast("Tensor", self.inside)
        h = nn.functional.avg_pool1d(h, self.pool_size)
        h = nn.functional.gelu(self.second(h)) * cast("Tensor", self.valid)
        h = nn.functional.avg_pool1d(h, self.pool_size)
        return h[:, :, cast("Tensor", self.kept)]

    def forward(self, z: Tensor) -> Tensor:
        """Feature maps side by side."""
        return self.windows(z).flatten(1)


class JointEncoder(nn.Module):
    """A multilayer perceptron over all layers side by side, with a flag for every layer that is there.

    Notes
    -----
    ``forward(z, keep)``: standardised values of every layer (0 where unmeasured) and which layers count
    (n, n_layers), to the last hidden layer (n, n_latent).
    """

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        self.names = [layer.name for layer in spec.layers]
        inputs = sum(layer.n_features for layer in spec.layers) + len(spec.layers)
        widths = [inputs] + [spec.n_hidden] * spec.n_hidden_layers + [spec.n_latent]
        steps: list[nn.Module] = []
        for i, (below, width) in enumerate(pairwise(widths)):
            steps += _dense(below, width, spec.dropout if i else spec.dropout / 2)
        self.steps = nn.Sequential(*steps)

    def forward(self, z: dict[str, Tensor], keep: Tensor) -> Tensor:
        """Encode samples."""
        there = keep.to(next(iter(z.values())).dtype)
        blocks = [z[name] * there[:, i : i + 1] for i, name in enumerate(self.names)]
        return cast("Tensor", self.steps(torch.cat([*blocks, there], dim=1)))


class RecurrentEncoder(nn.Module):
    """A GRU or LSTM over a subject's samples, from the oldest to the present one.

    One encoder, shared by all steps, reads the layers of a step side by side with a flag for each; a
    step of which nothing was measured leaves the state as it was. Layers of earlier steps are those
    with a `lag`.

    Notes
    -----
    ``forward(z, keep)``: standardised values of every layer and lag (0 where unmeasured) and which of
    them count (n, n_layers), to the state after the present step (n, n_latent).
    """

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        now = [layer for layer in spec.layers if not layer.lag]
        columns = {layer.name: i for i, layer in enumerate(spec.layers)}
        earlier = {(l.earlier_of, l.lag): l.name for l in spec.layers if l.lag}
        lags = sorted({layer.lag for layer in spec.layers}, reverse=True)
        # For every step, oldest first, and every layer: its name and column, or its width if it has none.
        self.plan: list[list[tuple[str, int, int]]] = []
        for lag in lags:
            names = [earlier.get((l.name, lag), "") if lag else l.name for l in now]
            self.plan.append(
                [(name, columns.get(name, -1), l.n_features) for name, l in zip(names, now, strict=True)]
            )  # fmt: skip
        inputs = sum(layer.n_features for layer in now) + len(now)
        self.step = nn.Sequential(
            *_dense(inputs, spec.n_hidden, spec.dropout / 2), Dropout(spec.dropout)
        )
        kind = nn.LSTMCell if spec.cell == "lstm" else nn.GRUCell
        self.cell: nn.GRUCell | nn.LSTMCell = kind(spec.n_hidden, spec.n_latent)

    def forward(self, z: dict[str, Tensor], keep: Tensor) -> Tensor:
        """Encode samples."""
        like = next(iter(z.values()))
        state = like.new_zeros(len(like), self.cell.hidden_size)
        memory = state
        for layers in self.plan:
            there = torch.stack(
                [keep[:, i] if i >= 0 else torch.zeros_like(keep[:, 0]) for _, i, _ in layers],
                dim=1,
            )
            flags = there.to(like.dtype)
            blocks = [
                z[name] * flags[:, k : k + 1] if name else like.new_zeros(len(like), width)
                for k, (name, _, width) in enumerate(layers)
            ]
            read = self.step(torch.cat([*blocks, flags], dim=1))
            some = there.any(dim=1, keepdim=True)
            if isinstance(self.cell, nn.LSTMCell):
                new, kept = self.cell(read, (state, memory))
                memory = torch.where(some, kept, memory)
            else:
                new = self.cell(read, state)
            state = torch.where(some, new, state)
        return state

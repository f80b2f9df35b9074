"""Encoders: convolutions that stop at borders, one encoder for all layers, one over a subject's samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pathweave.nn import NetSpec, PathwayVAENet, seeded
from pathweave.nn.encoders import JointEncoder, RecurrentEncoder, SegmentConv
from pathweave.nn.pathway_vae import LayerSpec


@pytest.fixture(autouse=True)
def _seed():
    with seeded(0):
        yield


def conv(segments, channels=3, kernel_size=5, pool_size=2):
    return SegmentConv(segments, channels, kernel_size=kernel_size, pool_size=pool_size).eval()


def test_one_segment_is_two_padded_convolutions_with_averages():
    module = conv([24])
    z = torch.randn(4, 24)
    # Places behind the last feature are empty: what the convolutions say there is set to zero.
    h = nn.functional.gelu(module.first(z.unsqueeze(1)))
    h = nn.functional.gelu(module.second(nn.functional.avg_pool1d(h, 2)))
    torch.testing.assert_close(module.windows(z), nn.functional.avg_pool1d(h, 2))
    assert module(z).shape == (4, module.n_outputs) == (4, 3 * 6)


def test_a_shift_of_the_input_is_a_shift_of_the_windows():
    module = conv([64])
    z = torch.zeros(1, 64)
    z[0, 20:28] = torch.randn(8)
    moved = z.roll(4, dims=1)  # one window: two poolings by two
    there, here = module.windows(moved)[0], module.windows(z)[0]
    torch.testing.assert_close(there[:, 3:-2], here[:, 2:-3])
    assert not torch.allclose(there[:, 3:-2], here[:, 3:-2])


def test_a_feature_moves_the_windows_around_it_only():
    module = conv([64])
    z = torch.randn(1, 64, requires_grad=True)
    for window in range(16):
        (gradient,) = torch.autograd.grad(module.windows(z)[0, :, window].sum(), z)
        touched = gradient[0].nonzero()[:, 0]
        # 4 places of the window, 2 x 2 of the second kernel's reach on either side, 2 of the first's
        assert touched.min() >= max(0, 4 * window - 6)
        assert touched.max() <= min(63, 4 * window + 3 + 6)


@pytest.mark.parametrize("sizes", [[5, 1, 9, 30], [1, 1, 1], [4, 4], [7]], ids=str)
@pytest.mark.parametrize("pool_size", [1, 3], ids=lambda p: f"pool{p}")
def test_no_kernel_crosses_a_border(sizes, pool_size):
    module = conv(sizes, pool_size=pool_size)
    z = torch.randn(2, sum(sizes))
    whole = module.windows(z)
    start = column = 0
    for size in sizes:
        alone = conv([size], pool_size=pool_size)
        alone.load_state_dict(module.state_dict())
        own = alone.windows(z[:, start : start + size])
        torch.testing.assert_close(whole[:, :, column : column + own.shape[2]], own)
        start, column = start + size, column + own.shape[2]
    assert column == whole.shape[2]


def layers(n_lags=2):
    now = [LayerSpec("a", 4, "gaussian", ()), LayerSpec("b", 3, "gaussian", ())]
    then = [
        LayerSpec(f"{l.name} @-{k}", l.n_features, "gaussian", (), earlier_of=l.name, lag=k)
        for k in range(1, n_lags + 1)
        for l in now
    ]
    return (*now, *then)


def inputs(spec, n=6):
    z = {l.name: torch.randn(n, l.n_features) for l in spec.layers}
    return z, torch.ones(n, len(spec.layers), dtype=torch.bool)


def test_a_layer_left_out_is_its_zeros_and_its_flag():
    spec = NetSpec(layers(0), (), n_latent=5, n_hidden=8, encoder="joint", n_hidden_layers=2)
    encoder = JointEncoder(spec).eval()
    z, keep = inputs(spec)
    keep[:, 1] = False
    changed = {**z, "b": z["b"] + 9.0}
    torch.testing.assert_close(encoder(changed, keep), encoder(z, keep))
    blank = {**z, "b": torch.zeros_like(z["b"])}
    flagged = keep.clone()
    flagged[:, 1] = True
    assert not torch.allclose(encoder(blank, flagged), encoder(blank, keep))
    assert sum(isinstance(m, nn.Linear) for m in encoder.modules()) == 3


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_steps_are_those_of_torch(cell):
    spec = NetSpec(layers(), (), n_latent=5, n_hidden=8, encoder="recurrent", cell=cell)
    encoder = RecurrentEncoder(spec).eval()
    z, keep = inputs(spec)
    kind = nn.LSTM if cell == "lstm" else nn.GRU
    whole = kind(8, 5, batch_first=True)
    whole.load_state_dict({f"{k}_l0": v for k, v in encoder.cell.state_dict().items()})
    flags = torch.ones(6, 2)
    steps = [
        encoder.step(torch.cat([z[f"a{suffix}"], z[f"b{suffix}"], flags], dim=1))
        for suffix in (" @-2", " @-1", "")
    ]
    expected = whole(torch.stack(steps, dim=1))[0][:, -1]
    torch.testing.assert_close(encoder(z, keep), expected)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_step_that_is_not_there_changes_nothing(cell):
    spec = NetSpec(layers(), (), n_latent=5, n_hidden=8, encoder="recurrent", cell=cell)
    encoder = RecurrentEncoder(spec).eval()
    z, keep = inputs(spec)
    keep[:, [4, 5]] = False  # both layers of the oldest step
    shorter = NetSpec(layers(1), (), n_latent=5, n_hidden=8, encoder="recurrent", cell=cell)
    short = RecurrentEncoder(shorter).eval()
    short.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(encoder(z, keep), short(z, keep[:, :4]))
    keep[:] = False
    assert (encoder(z, keep) == 0).all()


def test_earlier_samples_are_read_in_the_units_of_the_present_ones():
    spec = NetSpec(layers(1), (), n_latent=5, n_hidden=8, encoder="recurrent")
    net = PathwayVAENet(spec)
    rng = np.random.default_rng(0)
    values = {
        l.name: torch.tensor(rng.normal(3.0 if l.lag else 0.0, 2.0, (20, l.n_features))).float()
        for l in spec.layers
    }
    net.fit_standardization(values)
    seen = {name: torch.ones_like(x, dtype=torch.bool) for name, x in values.items()}
    z = net.prepare(values, seen).z
    torch.testing.assert_close(z["a"].mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    expected = (values["a @-1"] - values["a"].mean(dim=0)) / values["a"].std(dim=0, correction=0)
    torch.testing.assert_close(z["a @-1"], expected, atol=1e-5, rtol=1e-5)

"""The same model however it is computed: batches in pieces, bfloat16 products, deterministic algorithms, devices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import pathweave as pw
from pathweave import nn, settings
from pathweave.models import Replicate, TrainSpec, fit_replicates
from pathweave.models._hardware import Hardware
from pathweave.models._objective import Objective
from pathweave.models._samples import ReplicateSamples
from pathweave.models._split_step import backward
from pathweave.models._steps import Steps
from pathweave.models._train import train_replicate
from pathweave.nn.heads import HeadSpec
from pathweave.nn.pathway_vae import GraphArrays, LayerSpec, NetSpec

N = 50
LOSSES = ["loss", "target_loss", "reconstruction", "kl"]
HEADS = {
    "class": HeadSpec("class", "class", 3, (1.0, 2.0, 0.5)),
    "ordinal": HeadSpec("ordinal", "class", 3, ordinal=True),
    "a": HeadSpec("a", "number", 1),
    "b": HeadSpec("b", "number", 1),
    "cox": HeadSpec("cox", "survival", 1),
    "discrete": HeadSpec("discrete", "survival", 1, cuts=(0.5, 1.0, 2.0)),
}


def data():
    """Layers of every likelihood, with gaps and a sample without a layer; outcomes of every kind, with gaps."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, N)
    x = rng.normal(size=(N, 12)) + kind[:, None]
    x[rng.random(x.shape) < 0.1] = np.nan
    x[7] = np.nan
    size = rng.integers(200, 400, N).astype(float)
    counts = rng.poisson(size[:, None] * rng.dirichlet(np.ones(6), 3)[kind])
    values = {
        "gaussian": x,
        "bernoulli": (rng.random((N, 5)) < 0.2 + 0.2 * kind[:, None]).astype(float),
        "negative_binomial": np.log1p(counts / size[:, None] * 300),
        "zero_inflated_negative_binomial": np.log1p(counts / size[:, None] * 300),
        "beta": rng.beta(1 + kind[:, None], 2, (N, 4)),
    }
    time = rng.exponential(1 + kind)
    outcomes = {
        "class": np.where(np.arange(N) % 9 == 0, np.nan, kind)[:, None],
        "ordinal": kind[:, None].astype(float),
        "a": np.where(np.arange(N) % 4 == 0, np.nan, rng.normal(size=N) + kind)[:, None],
        "b": rng.normal(size=N)[:, None],
        "cox": np.stack([time, rng.random(N) < 0.6], axis=1).astype(float),
        "discrete": np.stack([time, rng.random(N) < 0.6], axis=1).astype(float),
    }
    sizes = {name: size for name in values if "negative" in name}
    return {k: v.astype(np.float32) for k, v in values.items()}, outcomes, sizes


VALUES, OUTCOMES, SIZES = data()


def graph() -> GraphArrays:
    """A ring of twelve genes, the first layer's features, in three pathways and a level above."""
    ring = sp.csr_matrix(np.roll(np.eye(12), 1, axis=1))
    members = tuple(np.arange(12).reshape(3, 4))
    return GraphArrays(
        {"gaussian": sp.identity(12, format="csr")}, (ring, ring.T.tocsr()), ("to", "from"), members,
        tuple(f"n{i}" for i in range(12)), ("p0", "p1", "p2", "above"), ((np.array([0, 1]),),),
    )  # fmt: skip


def net_spec(layers=("gaussian",), heads=(), **options) -> NetSpec:
    made = []
    for name in layers:
        p = VALUES[name].shape[1]
        made.append(LayerSpec(name, p, name, tuple(range(p)), library=300.0))
    sizes = {"n_latent": 4, "n_hidden": 8, "n_channels": 4}
    return NetSpec(tuple(made), tuple(HEADS[h] for h in heads), **{**sizes, **options})


CASES = {
    "classes and numbers": (net_spec(("gaussian", "beta"), ("class", "ordinal", "a", "b")), False),
    "partial likelihood": (net_spec(("gaussian", "bernoulli"), ("cox", "a")), False),
    "discrete time": (net_spec(("gaussian",), ("discrete",)), False),
    "likelihoods": (net_spec(tuple(VALUES)), False),
    "graph": (net_spec(("gaussian", "beta"), ("class",), n_graph_layers=2, gate_edges=True), True),
    "attention": (net_spec(("gaussian", "beta"), ("class",), fusion="attention"), True),
    "joint": (net_spec(("gaussian", "beta"), ("class",), encoder="joint", variational=False), False),
    "gru": (net_spec(("gaussian",), ("a",), encoder="recurrent", variational=False), False),
    "lstm": (net_spec(("beta",), ("a",), encoder="recurrent", cell="lstm", variational=False), False),
    "convolution": (
        replace(
            net_spec(heads=("class",)),
            layers=(LayerSpec("gaussian", 12, "gaussian", tuple(range(12)), segments=(7, 5)),),
        ),
        False,
    ),
}  # fmt: skip
TRAINING = TrainSpec(max_epochs=6, batch_size=20, gate_penalty=0.1)
REPLICATE = Replicate("one", np.arange(40), np.arange(40, N), seed=3)


def given(name: str):
    spec, with_graph = CASES[name]
    values = {layer.name: VALUES[layer.name] for layer in spec.layers}
    outcomes = {head.name: OUTCOMES[head.name] for head in spec.heads}
    library = {layer: SIZES[layer] for layer in values if layer in SIZES}
    return spec, values, outcomes, graph() if with_graph else None, library


def trained(name: str, **hardware):
    spec, values, outcomes, arrays, library = given(name)
    return train_replicate(
        spec, TRAINING, values, outcomes, arrays, REPLICATE,
        hardware=Hardware(**hardware), library=library,
    )  # fmt: skip


def curves(state) -> np.ndarray:
    return np.array([[row[name] for name in LOSSES] for row in state.history])


@pytest.fixture(scope="module")
def usual():
    return {name: trained(name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_a_batch_in_pieces_has_the_gradients_of_the_whole(name):
    spec, values, outcomes, arrays, library = given(name)
    found = []
    for n_pieces in (0, 3):
        with nn.single_thread(), nn.seeded(5):
            net = nn.PathwayVAENet(spec, arrays)
            samples = ReplicateSamples(
                net, REPLICATE, values, outcomes, library, torch.device("cpu")
            )
            objective = Objective(net, TRAINING, samples)
            net.train()
            index = torch.randperm(40)[:23]
            if n_pieces:
                parts = backward(objective, index, n_pieces, nn.Processes())
            else:
                loss, parts, _ = objective(index)
                loss.backward()
            gradients = {k: p.grad for k, p in net.named_parameters()}
            found.append((parts, gradients, torch.get_rng_state()))
    (parts, whole, state), (parts_pieces, pieces, state_pieces) = found
    assert torch.equal(state, state_pieces)
    assert parts_pieces == pytest.approx(parts, abs=1e-5)
    assert any(g is not None and g.abs().sum() > 0 for g in whole.values())
    for key, gradient in whole.items():
        if gradient is None:
            assert pieces[key] is None, key
        else:
            torch.testing.assert_close(pieces[key], gradient, rtol=1e-4, atol=2e-6, msg=key)


@pytest.mark.parametrize("name", CASES)
def test_accumulation_gives_the_same_model(name, usual):
    pieces = trained(name, accumulate=3)
    np.testing.assert_allclose(curves(pieces), curves(usual[name]), atol=1e-4)
    for target, scores in usual[name].scores.items():
        np.testing.assert_allclose(pieces.scores[target], scores, atol=1e-3)


def test_several_pieces_look_at_the_samples_as_one(monkeypatch):
    """Evaluation in pieces: losses, encodings and means of all samples."""
    spec, values, outcomes, arrays, library = given("likelihoods")
    net = nn.PathwayVAENet(spec, arrays)
    samples = ReplicateSamples(net, REPLICATE, values, outcomes, library, torch.device("cpu"))
    objective = Objective(net, TRAINING, samples)
    whole, pieces = (Steps(objective, Hardware(accumulate=k)) for k in (1, 5))
    index = torch.arange(35)
    sizes = []
    encode = net.encode
    monkeypatch.setattr(
        net, "encode", lambda x, **k: sizes.append(len(x.present)) or encode(x, **k)
    )
    parts, encoded = whole.evaluate(index)
    other, other_encoded = pieces.evaluate(index)
    assert other == pytest.approx(parts, rel=1e-5)
    torch.testing.assert_close(other_encoded.mean, encoded.mean)
    torch.testing.assert_close(pieces.anchors(), whole.anchors())
    assert max(sizes[1:-1]) <= 4  # batches of 20, in five pieces


@pytest.mark.parametrize("name", CASES)
def test_bfloat16_is_close_and_parameters_stay_float32(name, usual):
    half = trained(name, precision="bf16")
    one, other = curves(usual[name]), curves(half)
    assert np.isfinite(other).all()
    assert (other[:, :3] != one[:, :3]).any()  # it was computed otherwise
    np.testing.assert_allclose(other, one, rtol=0.05, atol=0.05)
    assert {a.dtype for a in half.state.values()} == {a.dtype for a in usual[name].state.values()}


def test_losses_are_computed_in_float32():
    spec, values, outcomes, arrays, library = given("graph")
    net = nn.PathwayVAENet(spec, arrays)
    samples = ReplicateSamples(net, REPLICATE, values, outcomes, library, torch.device("cpu"))
    made = Objective(net.train(), TRAINING, samples, "bf16").outputs(
        Objective(net, TRAINING, samples).batch(torch.arange(20))
    )
    tensors = [made.encoded.mean, made.encoded.log_var, *(mean for mean, _ in made.encoded.experts)]
    assert {t.dtype for t in [*tensors, *(total for total, _ in made.layers)]} == {torch.float32}


def test_products_of_a_graph_stay_float32_in_bfloat16():
    adjacency = nn.TypedAdjacency([sp.csr_matrix(np.ones((3, 3)))], ["all"])
    x = torch.full((3, 2), 1.0078125, dtype=torch.bfloat16, requires_grad=True)
    out = nn.spmm(x, *adjacency.relation(0))
    out.sum().backward()
    assert out.dtype == torch.float32
    assert x.grad.dtype == torch.bfloat16
    assert out[0, 0].item() == 3 * 1.0078125  # which bfloat16 has no number for


def test_deterministic_fits_are_the_same_and_everything_is_put_back(usual):
    name = "graph"
    strict = trained(name, deterministic=True)
    for key, array in usual[name].state.items():
        np.testing.assert_array_equal(strict.state[key], array)
    assert not torch.are_deterministic_algorithms_enabled()


def test_settings_reach_the_fit(monkeypatch):
    seen = []

    def note(*args, hardware, **_):
        seen.append(hardware)
        return train_replicate(*args, hardware=hardware)

    monkeypatch.setattr("pathweave.models._replicates.train_replicate", note)
    spec, values, outcomes, _, _ = given("discrete time")
    short = replace(TRAINING, max_epochs=1)
    with settings.override(precision="bf16", accumulate=2, deterministic=True, device="cpu"):
        fit_replicates(spec, short, values, outcomes, None, [REPLICATE])
    assert seen == [Hardware("cpu", "bf16", 2, deterministic=True)]


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("precision", "fp8", "settings.precision='fp8' is not known; choose one of 'float32', 'bf16'"),
        ("checkpoint_seconds", "60", "settings.checkpoint_seconds=.60. must be a number of 0 or more"),
        ("checkpoint_seconds", -1, "settings.checkpoint_seconds=-1 must be"),
        ("accumulate", 0, "settings.accumulate=0 must be a whole number of 1 or more"),
        ("accumulate", 2.0, "settings.accumulate=2.0 must be"),
        ("deterministic", "yes", "settings.deterministic='yes' must be True or False"),
        ("processes", "all", "settings.processes='all' is not known; choose one of 'auto'"),
        ("device", "tpu0", "device='tpu0' is not known"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_named(name, value, match):
    mdata = pw.datasets.simulate(30, seed=0)
    with settings.override(**{name: value}), pytest.raises(ValueError, match=match):
        pw.models.MultimodalVAE(2, max_epochs=1).fit(mdata)


def test_an_apple_gpu_gets_no_counts(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr("pathweave.nn.device._apple_can", lambda: True)
    counts, numbers = CASES["likelihoods"][0], CASES["discrete time"][0]
    assert Hardware.of("auto", numbers).device == "mps"
    assert Hardware.of("auto", counts).device == "cpu"
    with pytest.raises(
        ValueError, match="layer 'negative_binomial'\\) need float64, which Apple GPUs"
    ):
        Hardware.of("mps", counts)


def test_samples_move_to_a_device():
    spec, values, outcomes, arrays, library = given("graph")
    net = nn.PathwayVAENet(spec, arrays)
    samples = ReplicateSamples(net, REPLICATE, values, outcomes, library, torch.device("cpu"))
    samples.to(torch.device("meta"))
    inputs = samples.inputs(samples.train)
    held = [*inputs.z.values(), inputs.nodes, samples.weight, *samples.outcomes.values()]
    assert {x.device.type for x in held} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("name", CASES)
def test_a_gpu_gives_what_the_cpu_gives(name, usual):
    """Noise differs between devices: what is learned is alike, not equal."""
    for options in ({}, {"precision": "bf16"}, {"accumulate": 2}, {"deterministic": True}):
        there = trained(name, device="cuda:0", **options)
        np.testing.assert_allclose(curves(there)[:, 2], curves(usual[name])[:, 2], rtol=0.2)
    again = trained(name, device="cuda:0", deterministic=True)
    for key, array in there.state.items():
        np.testing.assert_array_equal(again.state[key], array)

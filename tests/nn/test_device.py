"""Devices by name, and what a block borrows: determinism, noise of a batch."""

from __future__ import annotations

import os

import pytest
import torch
from torch.nn import functional as F

from pathweave import nn


@pytest.mark.parametrize(
    ("device", "match"),
    [
        ("gpu", "device='gpu' is not known; use 'auto', 'cpu', 'cuda', 'cuda:<i>' or 'mps'"),
        ("meta", "device='meta' is not known"),
        ("cuda", "torch sees no GPU here"),
        ("mps", "torch sees no Apple GPU here"),
    ],
)
def test_devices_that_are_not_there_are_named(device, match, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=match):
        nn.resolve_device(device)
    assert nn.resolve_device().type == "cpu"


def test_auto_takes_cuda_then_apple(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr("pathweave.nn.device._apple_can", lambda: False)
    assert nn.resolve_device().type == "cpu"
    monkeypatch.setattr("pathweave.nn.device._apple_can", lambda: True)
    assert nn.resolve_device().type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert nn.resolve_device() == torch.device("cuda:0")
    assert nn.resolve_device("cuda", local_rank=1) == torch.device("cuda:1")
    assert nn.resolve_device("cuda:0", local_rank=1) == torch.device("cuda:0")
    with pytest.raises(ValueError, match="device='cuda:2': torch sees 2 GPU"):
        nn.resolve_device("cuda:2")


def flags():
    cudnn = torch.backends.cudnn
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )  # fmt: skip


@pytest.fixture
def _user_wants_speed():
    """What a program may have set before, other than the defaults."""
    products = torch.backends.cuda.matmul
    products.allow_tf32, torch.backends.cudnn.benchmark = True, True
    yield
    products.allow_tf32, torch.backends.cudnn.benchmark = False, False


@pytest.mark.usefixtures("_user_wants_speed")
def test_deterministic_is_borrowed(monkeypatch):
    before = flags()

    def broken():
        with nn.deterministic():
            assert flags() == (True, False, True, False, False, False, ":4096:8")
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        broken()
    assert flags() == before
    with nn.deterministic(on=False):
        assert flags() == before
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with nn.deterministic():
        assert flags()[-1] == ":16:8"
    assert flags()[-1] == ":16:8"


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda x: F.dropout(x, 0.4), id="dropout"),
        pytest.param(torch.nn.Dropout(0.3), id="module"),
        pytest.param(lambda x: F.dropout(x.T.contiguous().T, 0.4), id="transposed"),
        pytest.param(torch.randn_like, id="randn_like"),
        pytest.param(torch.rand_like, id="rand_like"),
        pytest.param(lambda x: torch.rand(x.shape), id="rand"),
        pytest.param(lambda x: torch.randn(len(x), x.shape[1]), id="randn"),
        pytest.param(lambda x: F.dropout(x.unsqueeze(2).expand(-1, -1, 3), 0.2), id="three"),
    ],
)
def test_parts_of_a_batch_get_their_noise_of_the_whole(draw):
    x = torch.arange(1.0, 41.0).reshape(10, 4)
    with nn.seeded(1):
        whole, then = draw(x), torch.rand(3)
    parts = []
    for rows in torch.arange(10).tensor_split(3):
        with nn.seeded(1):
            with nn.NoiseOfBatch(rows, 10):
                parts.append(draw(x[rows]))
            assert torch.equal(torch.rand(3), then)
    assert torch.equal(torch.cat(parts), whole)


def test_noise_that_is_not_of_the_samples_is_refused():
    rows = torch.arange(2)
    with nn.seeded(0), nn.NoiseOfBatch(rows, 4):
        with pytest.raises(RuntimeError, match=r"noise of shape \(3, 2\) is not of the 2 samples"):
            torch.rand(3, 2)
        with pytest.raises(NotImplementedError, match="bernoulli draws noise"):
            torch.bernoulli(torch.ones(2))
        assert F.dropout(torch.ones(2, 2), 0.5, training=False).sum() == 4


def test_threads_are_put_back_after_an_error():
    def fail():
        with nn.single_thread():
            assert torch.get_num_threads() == 1
            torch.zeros(2) @ torch.zeros(3)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="inconsistent"):
            fail()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

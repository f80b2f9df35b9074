"""Kernel ridge regression against scikit-learn, and leaving one out against doing so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import KernelCenterer

from pathweave.nn.kernel_ridge import center_kernel, fit_kernel_ridge, gaussian_kernel_of_products


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 50)) + 0.5
    y = x[:, :4] @ rng.normal(size=(4, 40)) + rng.normal(size=(30, 40))
    return x, y, rng.normal(size=(7, 50))


@pytest.mark.parametrize("n_outputs", [3, 40])  # fewer and more than samples
def test_one_penalty_is_ridge_regression_and_its_left_out_error_is_that_of_refits(data, n_outputs):
    x, y, new = data[0], data[1][:, :n_outputs], data[2]
    kernel = torch.tensor(x @ x.T)
    centred = center_kernel(kernel, kernel)
    mean = y.mean(axis=0)
    model = fit_kernel_ridge(centred, torch.tensor(y - mean), penalties=(0.1,))
    alpha = 0.1 * float(torch.linalg.eigvalsh(centred).clamp(min=0).mean())
    reference = Ridge(alpha).fit(x, y)
    ours = center_kernel(kernel, torch.tensor(new @ x.T)) @ model.coefficients + torch.tensor(mean)
    np.testing.assert_allclose(ours, reference.predict(new), rtol=1e-8)
    for i in (0, 11, 29):
        rest = np.arange(30) != i
        refit = Ridge(alpha).fit(x[rest], y[rest]).predict(x[[i]])[0]
        np.testing.assert_allclose(model.left_out[i].numpy() + mean, refit, rtol=1e-7)


def test_the_penalty_has_the_least_error_left_out(data):
    x, y, _ = data
    kernel = torch.tensor(x @ x.T)
    kernel, y = center_kernel(kernel, kernel), torch.tensor(y - y.mean(axis=0))
    errors = {
        p: float((fit_kernel_ridge(kernel, y, penalties=(p,)).left_out - y).square().mean())
        for p in (1e-3, 1e-1, 10.0)
    }
    chosen = fit_kernel_ridge(kernel, y, penalties=tuple(errors))
    assert chosen.penalty == min(errors, key=errors.get)
    assert len(set(errors.values())) == 3


def test_kernels_agree_with_scikit_learn(data):
    x, _, new = data
    inner, between = torch.tensor(x @ x.T), torch.tensor(new @ x.T)
    own = torch.tensor((new**2).sum(axis=1, keepdims=True))
    distances = ((x[:, None] - x) ** 2).sum(axis=2)[np.triu_indices(30, 1)]
    median = float(torch.tensor(distances).median())
    ours = gaussian_kernel_of_products(inner, torch.cat([between, own], dim=1), 0.7)
    np.testing.assert_allclose(ours, rbf_kernel(new, x, gamma=0.7 / median), rtol=1e-9)
    centred = KernelCenterer().fit(inner.numpy()).transform(between.numpy())
    np.testing.assert_allclose(center_kernel(inner, between), centred, rtol=1e-9, atol=1e-9)


def test_constant_inputs_predict_the_mean():
    kernel = torch.zeros(6, 6, dtype=torch.float64)
    model = fit_kernel_ridge(kernel, torch.arange(6.0, dtype=torch.float64).unsqueeze(1) - 2.5)
    assert bool(torch.isfinite(model.coefficients).all())
    assert float((kernel @ model.coefficients).abs().max()) == 0.0

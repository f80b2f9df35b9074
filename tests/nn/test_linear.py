"""Linear paths against scikit-learn, torchsurv and the conditions of an optimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from pathweave.nn.linear import cox_path, default_penalties, logistic_path, ridge_path

PENALTIES = [100.0, 5.0, 0.5]


def _data(n, p, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + 0.3  # off centre, so that intercepts matter
    scores = x[:, :3] @ rng.normal(size=(3, n_classes)) + rng.gumbel(size=(n, n_classes))
    return x, scores.argmax(axis=1), rng


@pytest.mark.parametrize("p", [8, 90])  # solved over features, over samples
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_path_agrees_with_scikit_learn(p, n_classes, weighted):
    x, y, rng = _data(60, p, n_classes)
    weight = rng.uniform(0.2, 2.0, size=60) if weighted else None
    path = logistic_path(
        torch.tensor(x),
        torch.tensor(y),
        n_classes=n_classes,
        penalties=PENALTIES,
        sample_weight=None if weight is None else torch.tensor(weight),
    )
    new = rng.normal(size=(20, p))
    for i, penalty in enumerate(PENALTIES):
        model = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10000).fit(x, y, weight)
        ours = path.predict(torch.tensor(new), i).softmax(dim=1).numpy()
        np.testing.assert_allclose(ours, model.predict_proba(new), rtol=1e-4)
        by_weight = torch.tensor(new) @ path.weight_at(i) + path.bias_at(i)
        np.testing.assert_allclose(by_weight.softmax(dim=1).numpy(), ours, rtol=1e-9)


@pytest.mark.parametrize("p", [8, 90])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_path_agrees_with_scikit_learn(p, weighted):
    x, _, rng = _data(60, p, 2)
    y = x[:, :2] + rng.normal(size=(60, 2))
    weight = rng.uniform(0.2, 2.0, size=60) if weighted else None
    path = ridge_path(
        torch.tensor(x),
        torch.tensor(y),
        penalties=PENALTIES,
        sample_weight=None if weight is None else torch.tensor(weight),
    )
    for i, penalty in enumerate(PENALTIES):
        model = Ridge(alpha=penalty).fit(x, y, weight)
        np.testing.assert_allclose(path.weight_at(i).numpy().T, model.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            path.predict(torch.tensor(x), i).numpy(), model.predict(x), rtol=1e-6
        )


@pytest.mark.parametrize("p", [8, 90])
@pytest.mark.parametrize("ties", [False, True])
def test_cox_path_is_at_the_optimum(p, ties):
    from torchsurv.loss.cox import neg_partial_log_likelihood

    x, _, rng = _data(60, p, 2)
    time = rng.exponential(size=60) * np.exp(-x[:, 0])
    time = torch.tensor(np.ceil(4 * time) if ties else time)
    event = torch.tensor(rng.random(60) < 0.6)
    path = cox_path(torch.tensor(x), time, event, penalties=PENALTIES)
    assert torch.equal(path.bias, torch.zeros_like(path.bias))
    for i, penalty in enumerate(PENALTIES):
        weight = path.weight_at(i).clone().requires_grad_(True)
        with pytest.warns(UserWarning, match="Ties") if ties else _no_warning():
            loss = neg_partial_log_likelihood(
                torch.tensor(x) @ weight, event, time, ties_method="breslow", reduction="sum"
            )
        (gradient,) = torch.autograd.grad(loss, weight)
        pull = penalty * weight.detach()
        assert float((gradient + pull).norm()) < 1e-4 * float(pull.norm())


def _no_warning():
    from contextlib import nullcontext

    return nullcontext()


def test_cox_weights_count_samples():
    x, _, rng = _data(30, 5, 2)
    time, event = torch.tensor(rng.exponential(size=30)), torch.tensor(rng.random(30) < 0.7)
    twice = torch.cat([torch.arange(30), torch.arange(10)])
    weight = torch.ones(30)
    weight[:10] = 2
    x = torch.tensor(x)
    repeated = cox_path(x[twice], time[twice], event[twice], penalties=[2.0])
    weighted = cox_path(x, time, event, penalties=[2.0], sample_weight=weight)
    torch.testing.assert_close(weighted.weight, repeated.weight, rtol=1e-5, atol=1e-8)


def test_absent_classes_get_little_but_finite_probability():
    x, y, _ = _data(40, 6, 3)
    y = np.where(y == 1, 2, y)
    path = logistic_path(torch.tensor(x), torch.tensor(y), n_classes=4, penalties=[1.0])
    p = path.predict(torch.tensor(x), 0).softmax(dim=1)
    assert p.shape == (40, 4)
    assert 0 < float(p[:, [1, 3]].min()) <= float(p[:, [1, 3]].max()) < 0.05
    two = logistic_path(torch.tensor(x), torch.tensor(y) // 2, n_classes=2, penalties=[1.0])
    alone = two.predict(torch.tensor(x), 0).softmax(dim=1)
    torch.testing.assert_close(p[:, 2] / p[:, 0], alone[:, 1] / alone[:, 0])


def test_one_class_and_no_event_give_constant_models():
    x, _, _ = _data(20, 6, 2)
    x = torch.tensor(x)
    only = logistic_path(x, torch.ones(20, dtype=torch.long), n_classes=3, penalties=[1.0])
    assert bool((only.predict(x, 0).argmax(dim=1) == 1).all())
    calm = cox_path(x, torch.rand(20), torch.zeros(20), penalties=[1.0, 0.1])
    assert not calm.weight.any()


def test_constant_and_repeated_features_do_no_harm():
    x, y, _ = _data(30, 4, 2)
    wide = np.hstack([x, x[:, :2], np.zeros((30, 40))])
    path = logistic_path(torch.tensor(wide), torch.tensor(y), n_classes=2, penalties=[1.0])
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10000).fit(wide, y)
    np.testing.assert_allclose(
        path.predict(torch.tensor(wide), 0).softmax(1).numpy(), model.predict_proba(wide), rtol=1e-4
    )


def test_separable_classes_stay_finite_at_a_tiny_penalty():
    x, y, _ = _data(30, 100, 3)
    path = logistic_path(torch.tensor(x), torch.tensor(y), n_classes=3, penalties=[1e-6])
    scores = path.predict(torch.tensor(x), 0)
    assert bool(scores.isfinite().all())
    np.testing.assert_array_equal(scores.argmax(dim=1).numpy(), y)


def test_all_penalties_at_once_and_one_by_one_agree():
    x, y, _ = _data(30, 50, 3)
    x, y = torch.tensor(x), torch.tensor(y)
    path = logistic_path(x, y, n_classes=3, penalties=[0.5, 100.0, 5.0])
    assert path.penalties.tolist() == [100.0, 5.0, 0.5]
    assert path.weight.shape == (3, 50, 3)
    torch.testing.assert_close(path.predict(x)[1], path.predict(x, 1))
    alone = logistic_path(x, y, n_classes=3, penalties=[0.5])
    torch.testing.assert_close(path.predict(x, 2), alone.predict(x, 0), rtol=1e-4, atol=1e-5)


def test_default_penalties_descend():
    for task in ("class", "number", "survival"):
        steps = default_penalties(task, n_features=500)
        assert bool((steps.diff() < 0).all())
        assert bool((steps > 0).all())


def test_bad_input_is_named():
    x = torch.tensor([[0.0], [float("nan")]])
    with pytest.raises(ValueError, match="x holds NaN"):
        ridge_path(x, torch.zeros(2), penalties=[1.0])
    with pytest.raises(ValueError, match="penalties"):
        ridge_path(torch.zeros(2, 1), torch.zeros(2), penalties=[0.0])

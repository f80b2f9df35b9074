"""Elastic nets with coefficients of zero or more, for many outcomes of one design at once."""

from __future__ import annotations

import numpy as np

_TOLERANCE = 3e-5
_MAX_STEPS = 2000
_LEAVE = 0.1  # share of the outcomes that must be done before they are left out: smaller matrices are made then


def non_negative_elastic_net(
    gram: np.ndarray, product: np.ndarray, *, ridge: float, lasso: float
) -> np.ndarray:
    r"""Minimise ``c' G c / 2 - p' c + lasso sum(c) + ridge c' c / 2`` over ``c >= 0`` for every column p.

    Accelerated projected gradient steps (Beck and Teboulle 2009, FISTA), which begin anew where they would lead uphill
    (O'Donoghue and Candes 2015, section 3.2). Steps are as long as each variable allows: G has no negative entry, so
    with its row sums d the largest eigenvalue of :math:`D^{-1/2} G D^{-1/2}` is at most 1. Outcomes that have arrived
    are left out of later steps.

    Parameters
    ----------
    gram
        G (n, n), symmetric, none of it negative.
    product
        p, one column an outcome (n, n_outcomes).
    ridge, lasso
        Penalties.

    Returns
    -------
    (n, n_outcomes), each coefficient nearer to its place than a later step would move it by 3e-5.
    """
    gram, wanted = gram.astype(np.float32), product.astype(np.float32)
    step = 1.0 / (np.maximum(gram.sum(axis=1, keepdims=True), 1e-12) * np.float32(1.001) + ridge)
    found = np.zeros_like(wanted)
    open_ = np.arange(wanted.shape[1])
    current = ahead = np.zeros_like(wanted)
    momentum = np.ones(wanted.shape[1], dtype=np.float32)
    for _ in range(_MAX_STEPS):
        new = gram @ ahead
        new += ridge * ahead
        new -= wanted
        new += lasso
        new *= -step
        new += ahead
        np.maximum(new, 0.0, out=new)
        moved = new - current
        uphill = np.einsum("ij,ij->j", (ahead - new) / step, moved) > 0
        after = np.where(uphill, 1.0, (1 + np.sqrt(1 + 4 * momentum**2)) / 2).astype(np.float32)
        ahead = new + np.where(uphill, 0.0, (momentum - 1) / after).astype(np.float32) * moved
        current, momentum = new, after
        done = np.abs(moved).max(axis=0, initial=0.0) < _TOLERANCE
        if done.mean() > _LEAVE or done.all():
            found[:, open_[done]] = current[:, done]
            open_, momentum = open_[~done], momentum[~done]
            current, ahead, wanted = current[:, ~done], ahead[:, ~done], wanted[:, ~done]
            if not len(open_):
                break
    found[:, open_] = current
    return found.astype(np.float64)

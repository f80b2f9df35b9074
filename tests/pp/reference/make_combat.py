"""Make combat.npz with inmoose 0.9.1 (``pip install inmoose==0.9.1`` in an environment of its own; GPL).

``python make_combat.py``, beside the file it writes. Scanpy's ComBat, which the tests call themselves, has
neither reference batches, nor corrections of the mean alone, nor categories.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def main() -> None:
    from inmoose.pycombat import pycombat_norm

    rng = np.random.default_rng(0)
    n, p = 90, 12
    batch = np.repeat(["a", "b", "c"], [20, 30, 40])
    sex, stage = rng.integers(0, 2, n), rng.integers(0, 3, n)
    x = (
        5
        + rng.normal(size=(n, p))
        + np.outer(sex, rng.normal(size=p))
        + rng.normal(size=(3, p))[stage]
    )
    for i, label in enumerate("abc"):
        rows = batch == label
        x[rows] = x[rows] * (1 + 0.5 * i) + rng.normal(i, 1, p)
    x = x.round(3)
    # As text: inmoose takes integers for numbers.
    covariates = pd.DataFrame({"sex": sex.astype(str), "stage": stage.astype(str)})
    cases = {
        "full": {},
        "mean_only": {"mean_only": True},
        "reference": {"mean_only": True, "ref_batch": "b"},
        "nonparametric": {"mean_only": True, "par_prior": False},
        "full_reference": {"ref_batch": "b"},
    }
    results = {
        name: np.asarray(pycombat_norm(x.T, list(batch), covar_mod=covariates, **options)).T
        for name, options in cases.items()
    }
    np.savez_compressed(
        Path(__file__).with_name("combat.npz"), x=x, batch=batch, sex=sex, stage=stage, **results
    )


if __name__ == "__main__":
    main()

"""Numbers that `explain.attribute` is given, checked before anything is read."""

from __future__ import annotations

import numpy as np


def check_numbers(
    method: str, n_baselines: int, n_steps: int, max_samples: int, batch_size: int
) -> None:
    """Raise on the first number of `attribute` that cannot be meant."""
    least = 2 if method in ("integrated_gradients", "conductance") else 1
    given = {
        "n_steps": n_steps, "n_baselines": n_baselines, "max_samples": max_samples, "batch_size": batch_size,
    }  # fmt: skip
    for name, value in given.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
            msg = f"{name}={value!r} must be a whole number."
            raise TypeError(msg)
    if n_steps < least or max_samples < 1:
        msg = f"n_steps={n_steps!r} must be {least} or more and max_samples={max_samples!r} 1 or more."
        raise ValueError(msg)
    if n_baselines < 1 or batch_size < 1:
        msg = f"n_baselines={n_baselines!r} and batch_size={batch_size!r} must be 1 or more."
        raise ValueError(msg)

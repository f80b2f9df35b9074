"""What survival estimators are given, checked."""

from __future__ import annotations

from typing import Any

import numpy as np


def read_training(estimator: Any, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check features (n, p), and times and events (n, 2), of training samples."""
    from sklearn.utils.validation import validate_data

    X = validate_data(estimator, X, dtype=np.float64, ensure_min_samples=2)
    y = np.asarray(y, dtype=np.float64)
    if y.shape != (len(X), 2):
        msg = f"y has shape {y.shape}; {len(X)} samples need times and events, ({len(X)}, 2)."
        raise ValueError(msg)
    if not np.isfinite(y).all():
        msg = "y holds NaN or infinite values; leave out the samples without a time and event."
        raise ValueError(msg)
    strange = np.setdiff1d(y[:, 1], (0.0, 1.0))
    if len(strange):
        msg = f"y[:, 1] must hold 1 (event) and 0 (censored); found {strange[:5].tolist()}."
        raise ValueError(msg)
    if not y[:, 1].any():
        msg = f"y holds no event among {len(y)} samples; nothing can be learned from censored times alone."
        raise ValueError(msg)
    # In C order, whatever came: torch takes no negative strides.
    return np.ascontiguousarray(X), np.ascontiguousarray(y)


def read_new(estimator: Any, X: Any) -> np.ndarray:
    """Check features of new samples, as many as were fitted."""
    from sklearn.utils.validation import check_is_fitted, validate_data

    check_is_fitted(estimator)
    return validate_data(estimator, X, dtype=np.float64, reset=False)


def one_risk_each(predicted: Any, n: int, name: str) -> np.ndarray:
    """Refuse what is no risk for each of `n` samples: a regressor predicts time and event."""
    risks = np.asarray(predicted, dtype=np.float64)
    if risks.size != n:
        msg = (
            f"{name} predicts shape {risks.shape} for {n} samples; survival needs a survival estimator, whose predict "
            "gives one risk a sample."
        )
        raise TypeError(msg)
    return risks.ravel()

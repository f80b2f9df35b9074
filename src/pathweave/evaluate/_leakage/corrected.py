"""Batches that are more alike than chance would have them: they were corrected over all samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave.evaluate._association import filled
from pathweave.evaluate._leakage.read import codes
from pathweave.evaluate._leakage.report import Checked, Finding, checked, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Layer, Study

_MIN_SAMPLES = 10
_MIN_FEATURES = 5
_N_SHUFFLES = 99
_LITTLE = 0.3


def check_batch_correction(study: Study) -> Checked:
    """Compare the batches' means with those of shuffled batches."""
    if not study.batches:
        return not_run("no batch")
    findings, small = [], []
    advice = (
        "Learn the correction on the training part and apply it to the test part; never correct with the label as "
        "a covariate before splitting."
    )
    for layer in study.layers:
        part = layer.some(study.seed)
        seen = {column: _too_alike(study, part, column) for column in study.batches}
        if not any(seen.values()):
            small.append(layer.name)
        for column, between in seen.items():
            if between is None or between[0] >= min(_LITTLE, between[1] / 2):
                continue
            ratio, usual = between
            what = (
                f"The means of the batches of {column!r} are more alike than chance allows (variance between batches "
                f"{ratio:.2g} of what is expected without any difference; shuffled batches give {usual:.2g} at least): "
                "batches were corrected over all samples."
            )
            findings.append(
                Finding("warning", layer.name, what, ratio, len(layer.features), advice)
            )
    return checked(findings, small, len(study.layers))


def _too_alike(study: Study, layer: Layer, column: str) -> tuple[float, float] | None:
    """Variance between batches, and the least of it among shuffled ones; each 1 on average by chance."""
    code = codes(study.obs[column])[layer.rows]
    sizes = np.bincount(code[code >= 0], minlength=1)
    large = np.isin(code, np.flatnonzero(sizes >= 3))
    x, code = filled(layer.x[large]), code[large]
    x = x[:, np.ptp(x, axis=0) > 0] if len(x) else x
    if len(x) < _MIN_SAMPLES or len(np.unique(code)) < 2 or x.shape[1] < _MIN_FEATURES:
        return None
    # Batches may have been balanced for the classes by design, which alone makes them alike.
    labels = study.outcomes[0].labels if study.outcomes else None
    labels = np.zeros(len(study.names)) if labels is None else np.nan_to_num(labels, nan=-1)
    stratum = labels[layer.rows][large]
    x = x - x.mean(axis=0)
    code = np.unique(code, return_inverse=True)[1]
    rng = np.random.default_rng(study.seed)
    shuffled = [_between(x, _shuffled_within(code, stratum, rng)) for _ in range(_N_SHUFFLES)]
    return _between(x, code), min(shuffled)


def _shuffled_within(code: np.ndarray, stratum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    result = np.empty_like(code)
    result[np.argsort(stratum, kind="stable")] = code[np.lexsort((rng.random(len(code)), stratum))]
    return result


def _between(x: np.ndarray, code: np.ndarray) -> float:
    """Variance between batches over that within (F), averaged over features."""
    n, k = len(x), int(code.max()) + 1
    member = (code[None, :] == np.arange(k)[:, None]).astype(np.float64)
    between = ((member @ x) ** 2 / member.sum(axis=1, keepdims=True)).sum(axis=0)
    within = np.maximum((x**2).sum(axis=0) - between, 1e-300)
    return float(np.mean(between / (k - 1) / (within / (n - k))))

"""Write survival_metrics.json: seeded cases, and what scikit-survival says of them.

scikit-survival is GPL, so it is no dependency of the tests: they read the file. To write it again, in an
environment of its own:

    pip install scikit-survival==0.28.0
    python tests/evaluate/reference/make_survival_metrics.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

# name: samples of the training and the test part, mean time to censoring (events: 1), step of the times
# (0: no ties), step of the risks, n_times
CASES = {
    "untied": (60, 40, 2.0, 0.0, 0.0, 6),
    "tied times": (60, 40, 2.0, 0.25, 0.0, 5),
    "tied times and risks": (50, 50, 1.5, 0.5, 0.5, 4),
    "heavy censoring": (120, 90, 0.25, 0.0, 0.0, 5),
    "heavy censoring, ties": (120, 90, 0.3, 0.1, 0.25, 4),
    "no censoring": (30, 25, np.inf, 0.0, 0.0, 3),
    "two times": (40, 12, 1.0, 0.2, 0.0, 2),
}


def case(seed, n_train, n, censored, step, risk_step, n_times):
    """Draw one data set, rounded so that the file is short and yet exact."""
    rng = np.random.default_rng(seed)
    n_all = n_train + n
    risk = rng.normal(size=n_all).round(3)
    if risk_step:
        risk = (np.round(risk / risk_step) * risk_step).round(3)
    failed = rng.exponential(np.exp(-risk))
    lost = rng.exponential(censored, size=n_all) if np.isfinite(censored) else np.full(n_all, 1e9)
    time = np.minimum(failed, lost)
    time = (np.ceil(time / step) * step if step else time + 1e-4).round(4)
    event = (failed <= lost).astype(int)
    if not step:
        time = (time + np.arange(n_all) * 1e-7).round(7)  # no two alike
    # scikit-survival refuses test samples that are followed longer than the training part.
    time[0] = np.round(time.max() + 1, 4)
    train, test = slice(0, n_train), slice(n_train, None)
    events = time[test][event[test] == 1]
    last = min(time[train].max(), time[test].max())
    times = np.unique(np.quantile(events[events < last], np.linspace(0.15, 0.9, n_times)).round(4))
    survival = np.sort(rng.random((n, len(times))).round(3), axis=1)[:, ::-1]
    return time, event, risk, train, test, times, survival


def main():
    """Ask scikit-survival."""
    from sksurv import __version__
    from sksurv.linear_model.coxph import BreslowEstimator
    from sksurv.metrics import (
        concordance_index_ipcw,
        cumulative_dynamic_auc,
        integrated_brier_score,
    )
    from sksurv.util import Surv

    cases = []
    for seed, (name, shape) in enumerate(CASES.items()):
        time, event, risk, train, test, times, survival = case(seed, *shape)
        known = Surv.from_arrays(event[train].astype(bool), time[train])
        new = Surv.from_arrays(event[test].astype(bool), time[test])
        taus = [float(np.quantile(time[train], q).round(4)) for q in (0.75, 0.9)]
        taus.append(float(time[train].max()))
        auc, mean = cumulative_dynamic_auc(known, new, risk[test], times)
        baseline = BreslowEstimator().fit(risk[train], event[train].astype(bool), time[train])
        curves = baseline.get_survival_function(risk[test][:8])
        cases.append(
            {
                "name": name,
                "train_time": time[train].tolist(),
                "train_event": event[train].tolist(),
                "train_risk": risk[train].tolist(),
                "time": time[test].tolist(),
                "event": event[test].tolist(),
                "risk": risk[test].tolist(),
                "times": times.tolist(),
                "survival": survival.tolist(),
                "concordance_index_ipcw": [
                    [tau, float(concordance_index_ipcw(known, new, risk[test], tau)[0])]
                    for tau in taus
                ],
                "auc_at": auc.tolist(),
                "auc_mean": float(mean),
                "integrated_brier": float(integrated_brier_score(known, new, survival, times)),
                "breslow": [curve(times).tolist() for curve in curves],
            }
        )
    record = {"made_by": f"scikit-survival {__version__}", "cases": cases}
    path = Path(__file__).with_name("survival_metrics.json")
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

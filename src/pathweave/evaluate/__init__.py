"""Evaluation that is hard to fool: nested cross-validation beside baselines and nulls, with a verdict in words.

`cross_validate` judges models on samples they have not seen; `validate` on a second cohort; `learning_curve`
and `missing_layers` ask what more samples would bring and what a missing layer costs; `check_leakage` looks for
signs that any evaluation of the data would be fooled. `critical_difference` and `signed_rank` compare methods
over data sets. `folds` deals samples into stratified folds, `score` gives everything that suits a task, and
each metric stands on its own as well.
"""

from __future__ import annotations

from pathweave._core.metrics import concordance_index
from pathweave._core.survival import breslow
from pathweave.evaluate._class_metrics import (
    accuracy,
    auprc,
    auroc,
    balanced_accuracy,
    brier,
    calibration_error,
    log_loss,
    macro_f1,
)
from pathweave.evaluate._cross_validate import cross_validate
from pathweave.evaluate._curves import Curve, learning_curve, missing_layers
from pathweave.evaluate._folds import folds
from pathweave.evaluate._fusion import Fused
from pathweave.evaluate._leakage import LeakageReport, check_leakage
from pathweave.evaluate._metrics import pearson, r2, score
from pathweave.evaluate._ranks import CriticalDifference, critical_difference, signed_rank
from pathweave.evaluate._report import Report
from pathweave.evaluate._survival_metrics import (
    auc_at,
    concordance_index_ipcw,
    integrated_brier,
)
from pathweave.evaluate._validate import validate

__all__ = [
    "CriticalDifference", "Curve", "Fused", "LeakageReport", "Report", "accuracy", "auc_at", "auprc", "auroc",
    "balanced_accuracy", "breslow", "brier", "calibration_error", "check_leakage", "concordance_index",
    "concordance_index_ipcw", "critical_difference", "cross_validate", "folds", "integrated_brier",
    "learning_curve", "log_loss", "macro_f1", "missing_layers", "pearson", "r2", "score", "signed_rank",
    "validate",
]  # fmt: skip

"""Evaluation: folds that hold every class, and scores of predictions.

`folds` deals samples into stratified folds; `score` gives everything that suits a task, and each metric
stands on its own as well.
"""

from __future__ import annotations

from pathweave._core.metrics import concordance_index
from pathweave.evaluate._folds import folds
from pathweave.evaluate._metrics import (
    accuracy,
    auroc,
    balanced_accuracy,
    brier,
    log_loss,
    macro_f1,
    pearson,
    r2,
    score,
)

__all__ = [
    "accuracy",
    "auroc",
    "balanced_accuracy",
    "brier",
    "concordance_index",
    "folds",
    "log_loss",
    "macro_f1",
    "pearson",
    "r2",
    "score",
]

"""Flexynesis: DirectPred, or the supervised variational autoencoder, tuned as the package tunes.

    <python of its environment> run_flexynesis.py <folder> <method> [--model DirectPred --draws 10]

`HyperparameterTuning` with its own search space, one validation fifth of the training part, early stopping after 10
epochs and 500 epochs at most: its command line's defaults but for the number of draws, 10 instead of 100. The
best model is the one that was trained on the other four fifths, as in the package. Layers are standardised by the
training part, missing values become its mean. Its filters of features (variance, correlation, Laplacian score down to 500
a layer) are left out: the layers it was tried on are smaller.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from importlib.metadata import version
from typing import Any

from folder import Part, Scaled, answer, one_thread

one_thread()

import numpy as np
import torch
from flexynesis import main as tuning
from flexynesis.data import MultiOmicDataset
from flexynesis.models.direct_pred import DirectPred
from flexynesis.models.supervised_vae import supervised_vae
from lightning import seed_everything

MODELS = {"DirectPred": DirectPred, "supervised_vae": supervised_vae}
SPACES = {name: list(space) for name, space in tuning.search_spaces.items()}


def fit(train: Part, test: Part, *, seed: int, model: str, draws: int) -> dict[str, Any]:
    """Probabilities of the test samples."""
    if train.task != "class":
        msg = f"this script asks Flexynesis for classes, not for a {train.task}."
        raise ValueError(msg)
    present = np.unique(train.y)
    scale = Scaled(train)
    told = dataset(train, scale(train), np.searchsorted(present, train.y))
    asked = dataset(test, scale(test), np.zeros(len(test.names), int))
    # Every tuning appends the batch size to the package's own space.
    tuning.search_spaces[model] = list(SPACES[model])
    seed_everything(seed, verbose=False)  # numpy too, from which scikit-optimize draws
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        tuner = tuning.HyperparameterTuning(
            told, MODELS[model], model, ["target"], n_iter=draws, early_stop_patience=10,
            device_type="cpu", num_workers=0,
        )  # fmt: skip
        best, chosen = tuner.perform_tuning(hpo_patience=20)
        found = best.predict(asked)["target"]
    proba = np.zeros((len(test.names), train.n_classes))
    proba[:, present] = found
    return {"proba": proba, "chosen": {k: float(v) for k, v in chosen.items()}}


def dataset(part: Part, layers: dict[str, np.ndarray], codes: np.ndarray) -> MultiOmicDataset:
    """The package's own container."""
    return MultiOmicDataset(
        {k: torch.from_numpy(x).float() for k, x in layers.items()},
        {"target": torch.from_numpy(codes).double()}, {"target": "categorical"}, part.features, part.names,
        {"target": {}},
    )  # fmt: skip


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    options = {"model": "DirectPred", "draws": 10}
    answer(fit, options, {name: version(name) for name in ("flexynesis", "torch")})

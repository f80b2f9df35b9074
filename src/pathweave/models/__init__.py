"""Estimators: hyperparameters in the constructor, what was learned in attributes that end in ``_``."""

from __future__ import annotations

import pandas as pd

from pathweave.models._estimator import Estimator
from pathweave.models._family import FAMILY
from pathweave.models._replicates import fit_replicates
from pathweave.models._save import load
from pathweave.models._train import FittedState, Replicate, TrainSpec
from pathweave.models._tune import Tuning
from pathweave.models.conv_net import ConvNet
from pathweave.models.feed_forward import FeedForward
from pathweave.models.multimodal_vae import MultimodalVAE
from pathweave.models.pathway_gnn import PathwayGNN
from pathweave.models.pathway_vae import PathwayVAE
from pathweave.models.recurrent import Recurrent
from pathweave.models.tuned import Tuned

__all__ = [
    "ConvNet",
    "Estimator",
    "FeedForward",
    "FittedState",
    "MultimodalVAE",
    "PathwayGNN",
    "PathwayVAE",
    "Recurrent",
    "Replicate",
    "TrainSpec",
    "Tuned",
    "Tuning",
    "available",
    "fit_replicates",
    "load",
]


def available() -> pd.DataFrame:
    """List the models that can be fitted.

    Returns
    -------
    One row a model: name, what it is, whether it uses the graph, when it makes sense.

    Examples
    --------
    >>> import pathweave as pw
    >>> pw.models.available()["name"].tolist()
    ['PathwayVAE', 'MultimodalVAE', 'PathwayGNN', 'FeedForward', 'ConvNet', 'Recurrent']
    """
    return pd.DataFrame(
        [
            {
                "name": model.__name__,
                "summary": (model.__doc__ or "").splitlines()[0],
                "uses_graph": model.uses_graph,
                "when": model.when,
            }
            for model in FAMILY
        ]
    )

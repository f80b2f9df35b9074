"""`tl.tune`: hyperparameters searched inside the training samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave.models import Estimator, PathwayVAE, Tuning
from pathweave.models._tune import search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from mudata import MuData

    from pathweave.graph import PathwayGraph


def tune(
    mdata: MuData,
    graph: PathwayGraph | None = None,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    samples: Any = None,
    groups: str | None = None,
    model: Estimator | None = None,
    space: Mapping[str, Any] | None = None,
    n_trials: int = 20,
    folder: str | PathLike[str] | None = None,
    seed: int = 0,
) -> Tuning:
    """Search hyperparameters inside the training samples; the container stays as it is.

    Each trial fits a model on the training samples and is judged by the loss of its prediction on those of
    them it had not seen (the stack out of fold; several targets count alike, each in units of the loss
    of the model's own values; without a target the validation loss). The model's own values are the first
    trial. Then ten trials are drawn at random and the others by optuna's tree-structured Parzen estimator.
    The best loss is the least of many and so flatters: what tuning is worth, `pathweave.models.Tuned` inside
    `pathweave.evaluate.cross_validate` tells.

    Parameters
    ----------
    mdata
        Samples; they need not have every layer.
    graph
        Pathway graph, e.g. `pathweave.graph.reactome`.
    target
        Column(s) of ``mdata.obs`` to predict: classes or numbers.
    survival
        Columns (time, event) of ``mdata.obs``.
    layers
        Modalities to use; all by default.
    samples
        Training samples: boolean mask or names; all by default. The others have no say.
    groups
        Column of ``mdata.obs``, such as the patient, whose samples the folds inside the fit keep together.
    model
        Unfitted model: its class, and the values of what is not searched; `PathwayVAE` by default.
    space
        From hyperparameters to a list of values, or to bounds ``(low, high)`` or ``(low, high, "log")``; whole
        numbers where the model's own value is one. ``None`` searches those of
        ``n_latent=(8, 64, "log")``, ``n_hidden=(16, 128, "log")``, ``n_graph_layers=[1, 2]``,
        ``dropout=(0.1, 0.7)``, ``layer_dropout=(0.0, 0.5)``, ``encode_on_graph=[True, False]``,
        ``learning_rate=(5e-4, 1e-2, "log")``, ``weight_decay=(1e-3, 0.3, "log")`` and
        ``reconstruction_weight=(0.03, 1.0, "log")`` that the model has, without those of the graph or
        the target where there is none. Seed and folds are never searched.
    n_trials
        Models to fit, the first included.
    folder
        Keep every finished trial here; the same call again goes on where it broke off, also with more
        trials, and draws what it would have drawn. A folder with trials of other data, outcomes, model,
        graph, space, seed or release is refused.
    seed
        Seed of the search; that of the fits is the model's.

    Returns
    -------
    A `pathweave.models.Tuning`: ``table`` with a row a trial, ``best`` (unfitted), ``best_params``. Trials that
    a drawn value made impossible are in the table with the reason, and warned of.

    Raises
    ------
    ImportError
        Without optuna: ``pip install 'pathweave[tune]'``.
    TypeError, ValueError
        A space that does not fit the model; a folder of another search.

    References
    ----------
    Bergstra et al., NeurIPS 2011, section 4 (tree-structured Parzen estimator); Akiba et al., KDD 2019
    (optuna). On the optimism of the best: Cawley and Talbot, JMLR 11 (2010).

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> small = pw.models.MultimodalVAE(8, max_epochs=3, n_folds=3)
    >>> space = {"n_latent": [4, 8], "dropout": (0.1, 0.7)}
    >>> found = pw.tl.tune(mdata, target="class", model=small, space=space, n_trials=3)
    >>> found.table["number"].tolist()
    [0, 1, 2]
    >>> model = found.best.fit(mdata, target="class")
    """
    return search(
        PathwayVAE() if model is None else model, mdata, graph,
        target=target, survival=survival, layers=layers, samples=samples, groups=groups,
        space=space, n_trials=n_trials, folder=folder, seed=seed,
    )  # fmt: skip

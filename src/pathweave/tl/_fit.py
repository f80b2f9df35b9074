"""`tl.fit`: a model in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave.models import Estimator, PathwayVAE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from mudata import MuData

    from pathweave.graph import PathwayGraph


def fit(
    mdata: MuData,
    graph: PathwayGraph | None = None,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    samples: Any = None,
    groups: str | None = None,
    model: Estimator | None = None,
    resume: str | PathLike[str] | None = None,
    log: str | PathLike[str] | None = None,
) -> Estimator:
    """Fit a model; the container stays as it is.

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
        Training samples: boolean mask or names; all by default.
    groups
        Column of ``mdata.obs`` (patient, donor) whose samples the model's own folds keep together.
    model
        Unfitted model of any kind with the hyperparameters wanted; `PathwayVAE` with its defaults otherwise.
    resume
        Folder for checkpoints; the same call again goes on from there to the same model, after whatever ended this
        one. Delete it when the model is saved.
    log
        Where losses are written after every epoch: a name that ends in ``.csv``, or a folder for TensorBoard.

    Returns
    -------
    The fitted model.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> small = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3)
    >>> model = pw.tl.fit(mdata, pw.graph.reactome(), target="class", model=small)
    >>> model.parts_["part"].tolist()[-3:]
    ['kernel', 'network', 'stack']
    """
    chosen = PathwayVAE() if model is None else model
    return chosen.fit(
        mdata,
        graph,
        target=target,
        survival=survival,
        layers=layers,
        samples=samples,
        groups=groups,
        resume=resume,
        log=log,
    )

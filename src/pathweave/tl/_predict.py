"""`tl.predict`: predictions beside the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave._core import keys
from pathweave._core.checks import listed
from pathweave.tl._write import copied, write_table

if TYPE_CHECKING:
    from mudata import MuData

    from pathweave.models import Estimator


def predict(
    mdata: MuData, model: Estimator, *, return_std: bool = False, copy: bool = False
) -> MuData | None:
    """Predict every target of a fitted model.

    Parameters
    ----------
    mdata
        Samples to predict, also those that lack layers.
    model
        Fitted model with at least one target.
    return_std
        Write standard deviations, too: of a number around its prediction, of a log hazard and of the predicted class's
        probability over the ensemble (see `PathwayVAE.predict`).
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets for every target ``mdata.obs["pathweave_<target>"]`` (categorical for
    classes, float64 for numbers, ``"pathweave_risk"`` for the log hazard of survival) and, for classes,
    ``mdata.obsm["pathweave_<target>_proba"]``, float32 (n_obs, n_classes), rows sum to
    one; `pathweave.get.predictions` names the columns. With `return_std` also
    ``mdata.obs["pathweave_<target>_std"]``, float64.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.predict(mdata, model)
    >>> mdata.obsm["pathweave_class_proba"].shape[0]
    60
    """
    labels, deviations = model.predict(mdata, return_std=True)
    targets = list(labels.columns)
    taken = [f"{name}_std" for name in targets if f"{name}_std" in targets]
    if return_std and taken:
        msg = f"return_std=True would write over the prediction of target(s) {listed(taken)}; rename the column."
        raise ValueError(msg)
    probabilities = {
        name: model.predict_proba(mdata, name)
        for name, t in model.targets_.items()
        if t.task == "class"
    }
    out = copied(mdata) if copy else mdata
    for name in targets:
        out.obs[keys.prediction(name)] = labels[name]
        if return_std:
            out.obs[keys.deviation(name)] = deviations[name]
        if name in probabilities:
            write_table(out, keys.probabilities(name), probabilities[name])
    return out if copy else None

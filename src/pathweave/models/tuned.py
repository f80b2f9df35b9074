"""Tuned: a model that chooses its own hyperparameters in `fit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pathweave.models._estimator import Estimator
from pathweave.models._tune import Tuning, check_model, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

    import numpy as np
    from mudata import MuData

    from pathweave.graph import PathwayGraph


class Tuned(Estimator):
    """A model whose hyperparameters are searched in `fit`, inside its training samples.

    Fits `n_trials` models, each judged out of fold, then is the best of them: so that an evaluation of it by
    `pathweave.evaluate.cross_validate` is nested, and no test sample has a say in the tuning.

    Parameters
    ----------
    model
        Unfitted model; its own values are the first trial.
    space
        What is searched, as in `pathweave.tl.tune`; the default space with ``None``.
    n_trials
        How many models are fitted to choose among.
    seed
        Seed of the search; it is added to the model's own.
    n_jobs
        Worker processes on a CPU; the model's own by default. The numbers do not depend on it.

    Attributes
    ----------
    tuning_
        The search: a `Tuning`.
    model_
        The best model, fitted; this is what `save` writes.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> small = pw.models.MultimodalVAE(8, max_epochs=3, n_folds=3)
    >>> model = pw.models.Tuned(small, {"n_latent": [4, 8]}, n_trials=2)
    >>> model.fit(mdata, target="class").tuning_.table["n_latent"].tolist()[0]
    8
    """

    def __init__(
        self,
        model: Estimator,
        space: Mapping[str, Any] | None = None,
        *,
        n_trials: int = 20,
        seed: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        check_model(model)
        self.model = model
        self.space = space
        self.n_trials = n_trials
        self.seed = seed
        self.n_jobs = n_jobs
        # Of a class with another model these would be others.
        vars(self).update(uses_graph=model.uses_graph, needs_graph=model.needs_graph)

    def fit(
        self,
        mdata: MuData,
        graph: PathwayGraph | None = None,
        *,
        target: str | Sequence[str] | None = None,
        survival: tuple[str, str] | None = None,
        layers: Sequence[str] | str | None = None,
        samples: Any = None,
        groups: str | None = None,
        resume: str | PathLike[str] | None = None,
        log: str | PathLike[str] | None = None,
    ) -> Self:
        """Search hyperparameters on the training samples, and fit the best model on them.

        Parameters
        ----------
        mdata
            Samples; they need not have every layer, and values may be NaN.
        graph
            Pathway graph, for models that use one.
        target
            Column(s) of ``mdata.obs`` to predict: classes or numbers.
        survival
            Columns (time, event) of ``mdata.obs``.
        layers
            Modalities to use; all by default.
        samples
            Training samples: boolean mask or names; all by default. Nothing is learned from the others.
        groups
            Column of ``mdata.obs``, such as the patient, whose samples the folds inside the fit keep together.
        resume
            Folder for finished trials and for checkpoints of the best model's fit; the same call again goes on there.
        log
            Where the losses of the best model's fit are written, as in `PathwayVAE.fit`.

        Returns
        -------
        The model itself.
        """
        params = self.model.get_params()
        params["seed"] += self.seed
        if self.n_jobs is not None:
            params["n_jobs"] = self.n_jobs
        self.tuning_: Tuning = search(
            type(self.model)(**params), mdata, graph,
            target=target, survival=survival, layers=layers, samples=samples, groups=groups,
            space=self.space, n_trials=self.n_trials, seed=self.seed,
            folder=None if resume is None else Path(resume) / "trials",
        )  # fmt: skip
        self.model_: Estimator = self.tuning_.best.fit(
            mdata, graph, target=target, survival=survival, layers=layers, samples=samples, groups=groups,
            resume=None if resume is None else Path(resume) / "best", log=log,
        )  # fmt: skip
        # What was learned is the best model's; what a model does with it is the same for all.
        vars(self).update({k: v for k, v in vars(self.model_).items() if k.endswith("_")})
        self.n_latent = self.model_.n_latent
        return self

    @property
    def obs_columns(self) -> tuple[str, ...]:
        """Columns of ``mdata.obs`` that the model reads beside its outcome, in `fit` and later."""
        return self.model.obs_columns

    @property
    def var_columns(self) -> tuple[str, ...]:
        """Columns of a modality's ``var`` that `fit` reads."""
        return self.model.var_columns

    @property
    def subject(self) -> str | None:
        """Column of ``mdata.obs`` whose samples the model reads together, if it does."""
        return getattr(self.model, "subject", None)

    def _read_raw(self, mdata: MuData) -> dict[str, np.ndarray]:
        """As the best model reads samples: `Recurrent` looks for those before them."""
        self._need_fit()
        return self.model_._read_raw(mdata)

    def _raw_chunks(self, mdata: MuData) -> Iterator[dict[str, np.ndarray]]:
        self._need_fit()
        return self.model_._raw_chunks(mdata)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the best model to a folder; `pathweave.models.load` gives it back without the search.

        Parameters
        ----------
        path
            Folder; written whole or not at all.
        overwrite
            Replace an earlier model there.
        """
        self._need_fit()
        self.model_.save(path, overwrite=overwrite)

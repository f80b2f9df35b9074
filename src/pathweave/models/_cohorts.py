"""A fitted model and another cohort: what of it the model knows, and how it goes on learning there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pathweave._core.checks import check_choice, check_mudata, select_layers
from pathweave.models._fit_networks import Kept
from pathweave.models._fitted import FittedModel
from pathweave.models._match import find_layers, match_table, their_names
from pathweave.models._transfer import Start
from pathweave.models._translate import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import pandas as pd
    from mudata import MuData


class AcrossCohorts(FittedModel, ABC):
    """What a fitted model does with a cohort of other features or another platform."""

    transferable: ClassVar[bool] = False

    n_folds: int
    seed: int

    def match(
        self, mdata: MuData, *, match: str = "auto", rename: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """Count which features of the fit a cohort has, and by what they were found.

        Parameters
        ----------
        mdata
            A cohort, perhaps of another platform.
        match
            ``"names"``: features of the same name. ``"graph"``: where a name is not there, features of the same genes or
            compounds stand for it: nodes of the graph, and the identifiers of features that are off it or of
            a model without a graph (there they are taken from ``var_names`` or a column of ``var``
            such as ``symbol``, see `pathweave.graph.feature_map`). ``"auto"``: names, and the graph for layers in which
            no name matches; what `embed` and `predict` do.
        rename
            Layers that have another name there: ``{"layer of mdata": "layer of fit"}``.

        Returns
        -------
        One row a layer of the fit: kind, found_as (its modality there), how (``names``, ``graph``,
        ``names and graph``, ``nothing``, ``missing layer``), n_features, n_by_name, n_by_graph, n_lost (features of the
        fit that count as unmeasured) and n_unused (features there that stand for none).

        Examples
        --------
        >>> import pathweave as pw
        >>> mdata = pw.datasets.simulate(40, seed=1)
        >>> model = pw.models.PathwayVAE(4, max_epochs=2).fit(mdata, pw.graph.reactome())
        >>> model.match(mdata)["how"].tolist()
        ['names', 'names', 'names', 'names']
        """
        self._need_fit()
        return match_table(find_layers(self, mdata, match=match, rename=rename))

    def translate(
        self,
        mdata: MuData,
        *,
        match: str = "graph",
        units: str = "same",
        rename: Mapping[str, str] | None = None,
    ) -> MuData:
        """Rewrite a cohort of another platform in the layers and features of the fit.

        Each feature of the fit becomes the mean of the features there that measure exactly its genes (compounds) or,
        if there are none, of those that share some with it. The result goes into `embed`, `predict`, `impute`
        or anything else that takes a MuData.

        Parameters
        ----------
        mdata
            The cohort.
        match, rename
            As in `match`.
        units
            ``"same"``: values stay as they are; right where both cohorts have the same units. ``"cohort"``: each
            feature is standardised over the samples of `mdata` and put in the units of the fit (0/1
            layers and counts stay as they are). No label is used, but what comes out for a sample then depends on
            its company, and a shift between the cohorts as a whole is lost, be it of the platform or of biology.

        Returns
        -------
        MuData with layers named as in the fit, NaN where nothing was found, ``var["found_by"]`` (``name``,
        ``graph`` or empty), and the samples that have any of the layers.

        Raises
        ------
        ValueError
            Nothing was found at all, or a layer in `rename` is not there.

        Examples
        --------
        >>> import pathweave as pw
        >>> mdata = pw.datasets.simulate(40, seed=1)
        >>> model = pw.models.PathwayVAE(4, max_epochs=2).fit(mdata, pw.graph.reactome())
        >>> model.translate(mdata, units="cohort").shape == mdata.shape
        True
        """
        self._need_fit()
        return translated(self, mdata, match=match, units=units, rename=rename)

    def fine_tune(  # noqa: PLR0913  # as `fit`, and how to start
        self,
        mdata: MuData,
        *,
        target: str | Sequence[str] | None = None,
        survival: tuple[str, str] | None = None,
        layers: Sequence[str] | str | None = None,
        samples: Any = None,
        groups: str | None = None,
        rename: Mapping[str, str] | None = None,
        units: str = "cohort",
        learning_rate: float | None = None,
        n_folds: int | None = None,
        seed: int | None = None,
        class_weight: str | dict[str, float] | None = None,
        resume: str | PathLike[str] | None = None,
        log: str | PathLike[str] | None = None,
    ) -> Self:
        """Fit another cohort from where this model stands; this model stays as it is.

        Encoders, graph network and decoders start from this model's weights, targets that both have (with the
        same classes) from its heads; what has no counterpart starts afresh. Features are matched by name
        and, where a name is not there, through the graph (`match`), so that the cohort may come from another
        platform, lack layers or bring new ones. The nodes, relations and pathways of the graph stay. Linear
        parts are fitted on the new cohort alone; one more reads the latent and the pathway activities of
        this model. All are weighed by what they predict out of fold among the new training samples.

        Parameters
        ----------
        mdata
            The new cohort.
        target, survival, layers, samples, groups
            As in `fit`.
        rename
            Layers that have another name there: ``{"layer of mdata": "layer of fit"}``. The result keeps the names
            of `mdata`.
        units
            How features are standardised for the networks. ``"cohort"``: by the new training samples.
            ``"fit"``: by the samples that this model was fitted on, where it knows the feature; right only
            where both cohorts have the same units.
        learning_rate
            Of the networks; this model's by default (a fifth and a half of it did no better in a first look).
        n_folds, seed
            As in the constructor; this model's by default.
        class_weight
            As in the constructor. By default this model's, unless it is a dict that names classes of other targets.
        resume, log
            As in `fit`: a folder for checkpoints, and where losses are written.

        Returns
        -------
        A new fitted model of the same class; ``fine_tuned_from_`` says from what: class, version, digest of the
        parameters, layers, matched (layers of `mdata` that are layers of the old fit), targets, n_samples, units.

        Raises
        ------
        TypeError
            A model whose encoder is bound to its features (`FeedForward`, `ConvNet`, `Recurrent`, `Tuned`).
        ValueError
            If no layer has a feature in common with this model, or the data cannot be learned from.

        References
        ----------
        Yosinski et al. (2014), How transferable are features in deep neural networks? NeurIPS 27.

        Examples
        --------
        >>> import pathweave as pw
        >>> many, few = pw.datasets.simulate(80, seed=1), pw.datasets.simulate(40, seed=2)
        >>> pretrained = pw.models.MultimodalVAE(4, max_epochs=3, n_folds=3).fit(many)
        >>> tuned = pretrained.fine_tune(few, target="class")
        >>> tuned.predict_proba(few).shape, tuned.fine_tuned_from_["n_samples"]
        ((40, 2), 80)
        """
        self._need_fit()
        if not self.transferable:
            msg = (
                f"{type(self).__name__} cannot be fine-tuned: its encoder is bound to the features of its fit. Use "
                "PathwayVAE, MultimodalVAE or PathwayGNN."
            )
            raise TypeError(msg)
        check_mudata(mdata)
        check_choice("units", units, ("cohort", "fit"))
        changed: dict[str, Any] = {
            "learning_rate": self.get_params()["learning_rate"]
            if learning_rate is None
            else learning_rate,
            "n_folds": self.n_folds if n_folds is None else n_folds,
            "seed": self.seed if seed is None else seed,
        }
        own_weight = self.get_params().get("class_weight")
        if class_weight is not None or (isinstance(own_weight, dict) and not self._learns(target)):
            changed["class_weight"] = class_weight
        likelihood = self.get_params().get("likelihood")
        if isinstance(likelihood, dict):  # there a layer may be missing or renamed
            own = [name for name, layer in self.layers_.items() if not layer.lag]
            theirs = their_names(rename, list(mdata.mod), own)
            used = select_layers(mdata, layers)
            changed["likelihood"] = {
                theirs[name]: how for name, how in likelihood.items() if theirs.get(name) in used
            }
        model = type(self)(**{**self.get_params(), **changed})
        start = Start(self, mdata, rename, units == "fit")
        return model._learn(
            mdata, None, target=target, survival=survival, layers=layers, samples=samples, groups=groups,
            kept=Kept(resume, log), start=start,
        )  # fmt: skip

    def _learns(self, target: str | Sequence[str] | None) -> bool:
        """Whether targets are those of this fit."""
        named = [] if target is None else [target] if isinstance(target, str) else list(target)
        return set(named) == {name for name, t in self.targets_.items() if t.task != "survival"}

    @abstractmethod
    def _learn(self, *args: Any, **how: Any) -> Self:
        """Fit, afresh or from where another model stands."""

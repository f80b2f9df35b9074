"""The same fit once more on the same samples, such as with other labels: all that it needs beside the data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pathweave._core.checks import listed
from pathweave._core.warnings import LabelWarning
from pathweave.models._fit_networks import Kept
from pathweave.models._targets import read_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._data import LayerSchema
    from pathweave.models._estimator import Estimator
    from pathweave.models._targets import Target
    from pathweave.nn.pathway_vae import GraphArrays


@dataclass(frozen=True)
class Again:
    """How a model was fitted, read off it.

    Attributes
    ----------
    kind, params
        Class and hyperparameters.
    graph
        The graph's measured part and its arrays. They are taken over, not made anew: a model keeps its graph with
        memberships rolled up, from which the arrays would differ.
    features
        Features of each layer, which must be those of the data.
    layers
        Modalities of these.
    targets, samples, groups
        What was learned, from whom, and the column whose groups folds keep together.
    """

    kind: type[Estimator]
    params: dict[str, Any]
    graph: tuple[PathwayGraph, GraphArrays] | None
    features: dict[str, tuple[str, ...]]
    layers: tuple[str, ...]
    targets: tuple[Target, ...]
    samples: tuple[str, ...]
    groups: str | None

    @classmethod
    def of(cls, model: Estimator) -> Again:
        """Read off a fitted model how it was fitted."""
        graph, arrays = model.graph_, model.ensemble_.graph
        return cls(
            type(model),
            model.get_params(),
            None if graph is None or arrays is None else (graph, arrays),
            {name: tuple(layer.features) for name, layer in model.layers_.items()},
            tuple(name for name, layer in model.layers_.items() if not layer.lag),
            tuple(model.targets_.values()),
            model.training_samples_,
            model.fit_groups_,
        )

    def fit(self, mdata: MuData, **changed: Any) -> Estimator:
        """Fit a new model of the same settings.

        Parameters
        ----------
        mdata
            The data of the fit; other samples in them are not learned from.
        changed
            Hyperparameters that are to differ (``n_jobs``).

        Raises
        ------
        ValueError
            If the data have other features than those of the fit.
        """
        model = self.kind(**{**self.params, **changed})
        return model._learn(
            mdata, None, **self._outcome, layers=list(self.layers), samples=list(self.samples), groups=self.groups,
            kept=Kept(), again=self,
        )  # fmt: skip

    def check_outcome(self, obs: pd.DataFrame) -> None:
        """Raise unless the outcomes of the training samples are of the kind and classes of the fit."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabelWarning)  # the fit told
            found = read_targets(obs.loc[list(self.samples)], **self._outcome)
        for new, old in zip(found, self.targets, strict=True):
            if new != old:
                msg = (
                    f"mdata.obs[{old.columns[0]!r}] is not the outcome of the fit: it was a {old.task} "
                    f"({listed(old.classes) or 'no classes'}) and is a {new.task} ({listed(new.classes) or 'no classes'}); "
                    "give the data of the fit."
                )
                raise ValueError(msg)

    @property
    def _outcome(self) -> dict[str, Any]:
        """Arguments of `fit` that name it."""
        survival = [t.columns for t in self.targets if t.task == "survival"]
        target = [t.columns[0] for t in self.targets if t.task != "survival"]
        return {"target": target or None, "survival": survival[0] if survival else None}

    def measured(self, schema: Sequence[LayerSchema]) -> tuple[PathwayGraph, GraphArrays] | None:
        """Give the graph, or raise unless the data have the features of the fit."""
        found = {layer.name: tuple(layer.features) for layer in schema}
        different = [n for n in {*found, *self.features} if found.get(n) != self.features.get(n)]
        if different:
            msg = (
                f"the model is to be fitted again, and mdata has not the features of its fit (layer "
                f"{sorted(different)[0]!r}); give the data of the fit."
            )
            raise ValueError(msg)
        return self.graph

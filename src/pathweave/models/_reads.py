"""How a fitted model reads samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pathweave.models._match import open_matched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mudata import MuData

    from pathweave.graph import PathwayGraph
    from pathweave.models._data import LayerSchema
    from pathweave.models._ensemble import FittedEnsemble


class ReadsSamples:
    """A model that knows its layers reads any samples in their features."""

    layers_: dict[str, LayerSchema]
    ensemble_: FittedEnsemble
    graph_: PathwayGraph | None

    def _read(self, mdata: MuData) -> dict[str, np.ndarray]:
        """Values as every part of the model takes them."""
        return {n: self.layers_[n].inputs(raw) for n, raw in self._read_raw(mdata).items()}

    def _read_raw(self, mdata: MuData) -> dict[str, np.ndarray]:
        """Values in the units of the data."""
        self._need_fit()
        found = open_matched(self, mdata)
        return found.read(np.arange(found.n))

    def _raw_chunks(self, mdata: MuData) -> Iterator[dict[str, np.ndarray]]:
        """Values in the units of the data: all samples at once, or in pieces where they are many or on disk."""
        self._need_fit()
        n_features = max(len(layer.features) for layer in self.layers_.values())
        yield from open_matched(self, mdata).chunks(n_features)

    def _chunks(self, mdata: MuData) -> Iterator[dict[str, np.ndarray]]:
        """The same as every part of the model takes them."""
        for raw in self._raw_chunks(mdata):
            yield {name: self.layers_[name].inputs(x) for name, x in raw.items()}

    def _need_fit(self) -> None:
        if not hasattr(self, "ensemble_"):
            msg = f"this {type(self).__name__} is not fitted yet; call fit(mdata, graph) first."
            raise ValueError(msg)

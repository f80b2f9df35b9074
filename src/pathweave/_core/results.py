"""Frozen tables that travel between rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pathweave._core.checks import check_choice, listed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Truth:
    """What `datasets.simulate` planted.

    Attributes
    ----------
    pathways
        Ids of the active pathways (``reactome:R-HSA-...``).
    genes
        Node ids of the genes that carry the signal (``hgnc:...``).
    compounds
        Node ids of the metabolites that carry it (``chebi:...``).
    effects
        For each pathway the coefficients of its activity on every outcome.
    parameters
        Arguments of the simulation.
    """

    pathways: tuple[str, ...]
    genes: tuple[str, ...]
    compounds: tuple[str, ...] = ()
    effects: dict[str, dict[str, float]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SampleAttributions:
    """Attributions sample by sample.

    Attributes
    ----------
    rows
        Group and sample of every row.
    columns
        For each level what a column is: layer, feature, node, symbol, pathway.
    values
        For each level float32 (n_rows, n_columns), signed, in the units of what was explained.
    """

    rows: pd.DataFrame
    columns: dict[str, pd.DataFrame]
    values: dict[str, np.ndarray]

    def table(
        self, level: str = "gene", *, group: str | None = None, layer: str | None = None
    ) -> pd.DataFrame:
        """Read one level as a table of samples x features, genes, pathways or layers.

        Parameters
        ----------
        level
            ``"feature"``, ``"gene"``, ``"pathway"`` or ``"layer"``.
        group
            Only samples of this group; needed where samples are explained in several groups (the latent).
        layer
            Only what came through this layer (features and genes); genes are summed over layers otherwise.
        """
        import pandas as pd

        check_choice("level", level, list(self.values))
        labels, columns = self.rows["group"].astype(str), self.columns[level]
        if group is not None:
            check_choice("group", str(group), list(dict.fromkeys(labels)))
        rows = self.rows if group is None else self.rows[labels == str(group)]
        if rows["sample"].duplicated().any():
            msg = f"samples are explained in several groups; name one: group= one of {listed(dict.fromkeys(labels), 20)}."
            raise ValueError(msg)
        values = self.values[level][rows.index]
        names = self._genes() if level == "gene" else columns[level].to_numpy()
        if layer is not None:
            if "layer" not in columns or level == "layer":
                msg = f"layer={layer!r}: attributions per {level} are not kept by layer; leave layer out."
                raise ValueError(msg)
            check_choice("layer", layer, list(dict.fromkeys(columns["layer"])))
            inside = (columns["layer"] == layer).to_numpy()
            values, columns, names = values[:, inside], columns[inside], names[inside]
        index = pd.Index(rows["sample"].to_numpy(), name="sample")
        if level == "gene":
            table = pd.DataFrame(values, index=index, columns=names)
            return table.T.groupby(level=0, sort=False).sum().T if layer is None else table
        if level == "feature" and layer is None:
            return pd.DataFrame(values, index=index, columns=pd.MultiIndex.from_frame(columns))
        return pd.DataFrame(values, index=index, columns=names)

    def _genes(self) -> np.ndarray:
        """Symbol of every column, the node's id where nodes share it: in all layers alike."""
        columns = self.columns["gene"]
        symbol = columns.drop_duplicates("node").set_index("node")["symbol"]
        symbol = symbol.where(~symbol.duplicated(keep=False), symbol.index.to_series())
        return columns["node"].map(symbol).to_numpy()

    def to_record(self) -> dict[str, Any]:
        """Lay out as plain tables and arrays that a file can hold."""
        parts: dict[str, Any] = {"rows": self.rows}
        for level, values in self.values.items():
            parts |= {f"columns_{level}": self.columns[level], f"values_{level}": values}
        return parts

    @classmethod
    def from_record(cls, record: Any) -> SampleAttributions:
        """Read what `to_record` laid out."""
        levels = [key.removeprefix("values_") for key in record if key.startswith("values_")]
        return cls(
            record["rows"].reset_index(drop=True),
            {level: record[f"columns_{level}"] for level in levels},
            {level: record[f"values_{level}"] for level in levels},
        )


@dataclass(frozen=True)
class Attributions:
    """Attributions of one output, one table a level.

    Attributes
    ----------
    feature, gene, pathway, layer
        Long tables; the columns are described in `pathweave.explain.attribute`.
    params
        Method, explained output, grouping, completeness gap and the model's identity.
    gene_layer
        Genes with their layers side by side.
    samples
        Attributions sample by sample, where they were asked for.
    """

    feature: pd.DataFrame
    gene: pd.DataFrame
    pathway: pd.DataFrame
    layer: pd.DataFrame
    params: dict[str, Any]
    gene_layer: pd.DataFrame
    samples: SampleAttributions | None = None


@dataclass(frozen=True)
class EdgeAttributions:
    """Attributions of the edges of a graph.

    Attributes
    ----------
    table
        One row a group and edge; the columns are described in `pathweave.explain.edges`.
    params
        What was explained, in which samples, and how much of it travels along edges.
    """

    table: pd.DataFrame
    params: dict[str, Any]


@dataclass(frozen=True)
class Faithfulness:
    """What checks of attributions found.

    Attributes
    ----------
    table
        One row a check: check, value, low and high (what it is compared with), passed (missing where there is
        no bar to pass), words.
    curves
        Curves of deletion and insertion: curve, order ("attribution" or "random"), fraction, value, low, high.
    params
        What was checked, and how.
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    params: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether every check with a bar passed."""
        return bool(self.table["passed"].dropna().all())

    @property
    def verdict(self) -> str:
        """What the checks say, in words."""
        failed = self.table[self.table["passed"].eq(other=False)]
        head = "The attributions passed all checks." if self.passed else (
            f"{len(failed)} of {int(self.table['passed'].notna().sum())} checks failed: "
            "do not build on these attributions before you know why."
        )  # fmt: skip
        return "\n".join([head, *(f"- {words}" for words in self.table["words"])])

    def __str__(self) -> str:
        """Return the verdict."""
        return self.verdict


@dataclass(frozen=True)
class PathwayTests:
    """Evidence for pathways and genes, one row a group and pathway or gene.

    Attributes
    ----------
    pathway, gene
        Tables, the best first in every group; the columns are described in `pathweave.get.pathway_tests`.
    params
        What was tested and how; by group how much pathways explain, beside shuffled labels and random pathways.
    verdict
        The result in words, a line a group.
    draws
        Ranks of the best pathways and genes under every bootstrap draw (`pathweave.get.stability`).
    """

    pathway: pd.DataFrame
    gene: pd.DataFrame
    params: dict[str, Any]
    verdict: str
    draws: pd.DataFrame | None = None

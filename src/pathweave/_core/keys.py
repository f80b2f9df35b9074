"""Every slot name that pathweave writes into a container, once."""

from __future__ import annotations

from typing import Final

UNS: Final = "pathweave"
"""``mdata.uns`` and ``mod.uns`` entry that holds everything pathweave records."""

KIND: Final = "kind"
"""``mod.uns["pathweave"]["kind"]``: what a layer measures (see `LAYER_KINDS`)."""

NORMALIZED: Final = "normalize"
"""``mod.uns["pathweave"]["normalize"]``: JSON of what `pp.normalize` did to the layer."""

RAW_LAYER: Final = "raw"
"""``mod.layers["raw"]``: values as they were before `pp.normalize`."""

TRUTH: Final = "truth"
"""``mdata.uns["pathweave"]["truth"]``: JSON of what `datasets.simulate` planted."""

EMBEDDING: Final = "X_pathweave"
"""``mdata.obsm``: joint embedding, float32 (n_obs, n_latent)."""

ACTIVITY: Final = "X_pathway_activity"
"""``mdata.obsm``: pathway activities, float32 (n_obs, n_pathways)."""

PREDICTION_PREFIX: Final = "pathweave_"
"""``mdata.obs["pathweave_<target>"]`` holds a prediction."""

PROBA_SUFFIX: Final = "_proba"
"""``mdata.obsm["pathweave_<target>_proba"]``: class probabilities, float32 (n_obs, n_classes)."""

STD_SUFFIX: Final = "_std"
"""``mdata.obs["pathweave_<target>_std"]``: standard deviation of a prediction, float64."""

RISK: Final = "pathweave_risk"
"""``mdata.obs``: predicted log relative hazard of a survival target."""

IMPUTED_PREFIX: Final = "pathweave_imputed_"
"""``mdata.obsm["pathweave_imputed_<layer>"]``: the layer for all samples, float32 (n_obs, n_features)."""

ATTRIBUTIONS: Final = "attributions"
"""``mdata.uns["pathweave"]["attributions"]``: dict of DataFrames feature, gene, pathway, layer + params."""

EDGES: Final = "edges"
"""``mdata.uns["pathweave"]["edges"]``: DataFrame table of the attributions of edges + params."""

PATHWAY_TESTS: Final = "pathway_tests"
"""``mdata.uns["pathweave"]["pathway_tests"]``: dict of DataFrames pathway, gene + params, verdict."""

PERTURBATIONS: Final = "perturbations"
"""``mdata.uns["pathweave"]["perturbations"]``: dict of DataFrames (see `PERTURBATION_LEVELS`) + params, verdict."""

PERTURBATION_SCREEN: Final = "perturbation_screen"
"""``mdata.uns["pathweave"]["perturbation_screen"]``: DataFrame table + params, verdict."""

PERTURBATION_LEVELS: Final = ("outputs", "latent", "pathway", "layer", "changes", "samples")

DRAWS: Final = "draws"
"""Entry of the tests of pathways: DataFrame of ranks under bootstrap draws."""

COLUMNS: Final = "columns"
"""``mdata.uns["pathweave"]["columns"]``: JSON, for each slot of ``obsm`` the names of its columns."""

HISTORY: Final = "history"
"""``mdata.uns["pathweave"]["history"]``: DataFrame of the training curves of the model used."""

LAYER_KINDS: Final = (
    "transcriptome",
    "methylation",
    "proteome",
    "metabolome",
    "mirna",
    "cnv",
    "mutation",
    "other",
)

ATTRIBUTION_LEVELS: Final = ("feature", "gene", "pathway", "layer", "gene_layer")

SAMPLES: Final = "samples"
"""Entry of the attributions: tables and arrays of attributions sample by sample."""

FAITHFULNESS: Final = "faithfulness"
"""``mdata.uns["pathweave"]["faithfulness"]``: dict of DataFrames table and curves + params."""


def prediction(target: str) -> str:
    """Column of a target's prediction; a slash would be a folder inside an h5mu file."""
    return PREDICTION_PREFIX + target.replace("/", "_")


def probabilities(target: str) -> str:
    """Slot of a target's class probabilities."""
    return prediction(target) + PROBA_SUFFIX


def deviation(target: str) -> str:
    """Column of the standard deviation of a target's prediction."""
    return prediction(target) + STD_SUFFIX


def imputed(layer: str) -> str:
    """Slot of an imputed layer."""
    return IMPUTED_PREFIX + layer.replace("/", "_")

"""What a run found, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave import get

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData

    from pathweave.models import Estimator

_CLEAR_GAIN = 0.01
_MAX_GROUPS = 12
_MAX_PATHWAY = 150  # larger ones say nothing: 'Signal Transduction'


def report(
    mdata: MuData,
    model: Estimator,
    coverage: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    others: list[str],
    tests: str,
) -> str:
    """Say what came in, how well it predicts, and what made the predictions.

    Parameters
    ----------
    mdata
        MuData with attributions.
    model
        Fitted model.
    coverage
        Table of `pathweave.graph.coverage`.
    scores
        Held-out scores: target, metric, value; empty without held-out samples.
    others
        What `drivers` said of further targets.
    tests
        What tests of pathways said.

    Returns
    -------
    Plain text of a few paragraphs.
    """
    paragraphs = [
        _data(mdata, model, coverage),
        _prediction(model, scores),
        _layers(mdata),
        drivers(mdata),
        *others,
        tests,
        _caution(mdata, model, scores),
    ]
    return "\n\n".join(text for text in paragraphs if text) + "\n"


def _data(mdata: MuData, model: Estimator, coverage: pd.DataFrame) -> str:
    lines = [f"DATA. {mdata.n_obs} samples, {len(model.training_samples_)} of them to learn from."]
    for layer, row in coverage.iterrows():
        if layer not in model.layers_:
            continue
        found = int(row["n_mapped"])
        text = f"  {layer} ({row['kind']}): {mdata.mod[layer].n_obs} samples, {int(row['n_features'])} features, "
        text += f"{found} found on the pathway graph ({100 * row['fraction']:.0f} %)"
        if found == 0 and row["reasons"]:
            text += f"; used all the same, without pathways ({row['reasons']})"
        lines.append(text)
    complete = int(
        sum(all(s in mod.obs_names for mod in mdata.mod.values()) for s in mdata.obs_names)
    )
    lines.append(
        f"  {complete} samples have every layer; samples that lack one were used all the same."
    )
    return "\n".join(lines)


def _prediction(model: Estimator, scores: pd.DataFrame) -> str:
    if not model.targets_:
        return "PREDICTION. No target was given: the model learned an embedding only."
    lines = ["PREDICTION."]
    for name, table in model.parts_.groupby("target", sort=False):
        rows = table.set_index("part")
        linear = rows[rows.index.str.startswith("linear")]["score"].max()
        stack, network, metric = (
            rows.loc["stack", "score"],
            rows.loc["network"],
            rows["metric"].iloc[0],
        )
        label = "survival" if model.targets_[str(name)].task == "survival" else f"{name!r}"
        lines.append(
            f"  {label}: {metric} {stack:.3f} on training samples that each part had not seen; the best "
            f"linear model alone {linear:.3f}, the networks alone {network['score']:.3f} "
            f"(their weight {network['weight']:.2f})."
        )
        gain = stack - linear
        verdict = (
            "The networks add something here."
            if gain > _CLEAR_GAIN
            else "The networks add little or nothing here: a linear model does as well."
        )
        lines.append(f"  {verdict}")
        held = scores[scores["target"] == name] if len(scores) else scores
        if len(held):
            found = ", ".join(f"{row.metric} {row.value:.3f}" for row in held.itertuples())
            lines.append(f"  On the held-out samples: {found}.")
    return "\n".join(lines)


def _layers(mdata: MuData) -> str:
    table = get.attributions(mdata, level="layer")
    share = table.groupby("layer")["share"].mean().sort_values(ascending=False)
    told = ", ".join(f"{layer} {100 * value:.0f} %" for layer, value in share.items())
    return f"LAYERS. Share of what moved the {_what(mdata)}: {told}."


def drivers(mdata: MuData) -> str:
    """Name the pathways and genes that weighed most in every group."""
    if _what(mdata) == "embedding":
        return ""
    genes, pathways = (
        get.attributions(mdata, level="gene"),
        get.attributions(mdata, level="pathway"),
    )
    lines = []
    for group in list(dict.fromkeys(genes["group"]))[:_MAX_GROUPS]:
        top = pathways[
            (pathways["group"] == group) & pathways["n_measured"].between(5, _MAX_PATHWAY)
        ]
        top = top.drop_duplicates(["n_measured", "importance"]).nsmallest(3, "rank")
        told = [
            f"{name} ({n} measured)" for name, n in zip(top["name"], top["n_measured"], strict=True)
        ]
        best = genes[genes["group"] == group].nsmallest(8, "rank")
        marked = [f"{s}{_sign(d)}" for s, d in zip(best["symbol"], best["direction"], strict=True)]
        lines += [f"  {group}: " + "; ".join(told), "      genes: " + ", ".join(marked)]
    if not lines:
        return ""
    of = get.attributions(mdata, level="layer").attrs["params"]["of"]
    head = f"PATHWAYS AND GENES behind {of} (+: high values speak for it or raise it, -: low values do)."
    return "\n".join([head, *lines])


def _sign(direction: float) -> str:
    if direction > 0.3:
        return "+"
    return "-" if direction < -0.3 else ""


def _what(mdata: MuData) -> str:
    task = get.attributions(mdata, level="layer").attrs["params"]["task"]
    return "embedding" if task == "latent" else "prediction"


def _caution(mdata: MuData, model: Estimator, scores: pd.DataFrame) -> str:
    params = get.attributions(mdata, level="layer").attrs["params"]
    lines = ["WITH CARE."]
    if len(model.training_samples_) < 150:
        lines.append(
            f"  {len(model.training_samples_)} samples are few: expect scores to change by several hundredths."
        )
    if not len(scores) and model.targets_:
        lines.append(
            "  Nothing was held out; give --split, or better a second cohort, before you trust a score."
        )
    lines.append(
        f"  Attributions add up to the model's output within {100 * params['completeness_gap_relative']:.1f} %. "
        "They tell what the model used, and tests what goes with the outcome; neither tells what causes the disease."
    )
    return "\n".join(lines)

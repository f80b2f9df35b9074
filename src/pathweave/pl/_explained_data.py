"""What a model was fitted on and explained in, as names and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave import get

if TYPE_CHECKING:
    from mudata import MuData

_CLASSES = 20
_Row = tuple[str, list[tuple[str, str]]]


def about_data(mdata: MuData, model: Any) -> list[tuple[str, str]]:
    """Samples, outcome, model and question."""
    params = get.attributions(mdata, level="layer").attrs["params"]
    trained = set(model.training_samples_)
    inside = sum(str(name) in trained for name in mdata.obs_names)
    names = [name for name, layer in model.layers_.items() if not layer.lag and name in mdata.mod]
    has = np.array([mdata.obs_names.isin(mdata.mod[name].obs_names) for name in names])
    complete = int(has.all(axis=0).sum()) if len(has) else 0
    rows = [
        ("Samples", f"{mdata.n_obs}, of which {inside} were in the fit ({len(trained)} in all); {complete} have every layer"),
    ]  # fmt: skip
    rows += [("Outcome", _outcome(mdata.obs, target)) for target in model.targets_.values()]
    if not model.targets_:
        rows.append(("Outcome", "none: the model learned an embedding"))
    graph = model.graph_
    rows += [
        ("Model", repr(model)),
        (
            "Graph",
            "none" if graph is None
            else f"{len(graph.nodes)} measured nodes, {len(graph.edges)} edges, {len(graph.pathways)} pathways",
        ),
        ("Explained", f"{params['of']} ({params['unit']}) in {params['n_samples']} samples"),
        ("Method", _method(params)),
    ]  # fmt: skip
    return rows


def _method(params: dict[str, Any]) -> str:
    text = str(params["method"]).replace("_", " ")
    if params.get("baseline"):
        text += f", from {params['baseline']}"
    gap = params.get("completeness_gap_relative")
    if gap is not None:
        text += f"; attributions add up to the difference from it within {100 * gap:.2g} %"
    return text


def _outcome(obs: pd.DataFrame, target: Any) -> str:
    columns = ", ".join(map(str, target.columns))
    missing = [name for name in target.columns if name not in obs]
    if missing:
        return f"{columns}; not known of these samples"
    known = obs[list(target.columns)].dropna()
    if target.task == "survival":
        time, event = (pd.to_numeric(known[c], errors="coerce") for c in target.columns)
        return f"survival ({columns}): {int((event > 0).sum())} events among {len(known)} samples, median time {time.median():.3g}"  # fmt: skip
    if target.task == "number":
        values = pd.to_numeric(known.iloc[:, 0], errors="coerce")
        return f"{columns}: a number, {values.min():.3g} to {values.max():.3g}, mean {values.mean():.3g}, in {len(known)} samples"  # fmt: skip
    counts = known.iloc[:, 0].astype(str).value_counts()
    told = [f"{name} ({int(counts.get(str(name), 0))})" for name in target.classes[:_CLASSES]]
    more = len(target.classes) - len(told)
    return f"{columns}: " + ", ".join(told) + (f" and {more} more" if more > 0 else "")


def about_layers(mdata: MuData, model: Any) -> tuple[list[_Row], list[str | tuple[str, str]]]:
    """Rows and header of a table of the layers: samples, features, features on the graph."""
    maps = getattr(getattr(model.ensemble_, "graph", None), "feature_maps", None) or {}
    rows: list[_Row] = []
    for name, layer in model.layers_.items():
        n = len(layer.features)
        samples = mdata.mod[name].n_obs if name in mdata.mod else 0
        on_graph = int((np.asarray((maps[name] != 0).sum(axis=1)).ravel() > 0).sum()) if name in maps else 0  # fmt: skip
        share = f"{100 * on_graph / n:.0f} %" if n else ""
        rows.append((name, [(str(samples), ""), (str(n), ""), (str(on_graph), share)]))
    return rows, [
        "layer",
        "samples",
        "features",
        ("on the graph", "features with a gene or compound"),
    ]

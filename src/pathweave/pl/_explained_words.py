"""What of an explanation is believable, and what is not, in words that follow from the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave import get
from pathweave.pl._report_words import metric_name
from pathweave.pl._reports import told_score

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData

WEIGHS, OFTEN, STABLE = 1.64, 0.8, 0.6
_NAMED = 8
_GRAPH = {
    "": "the best baseline", "rewired_graph": "with a rewired graph", "random_pathways": "with random pathways",
    "no_graph": "without a graph",
}  # fmt: skip


def evidence(mdata: MuData) -> dict[str, Any]:
    """What was written of an explained model: tests, stability, faithfulness; None where it was not computed."""
    return {
        "tests": _read(get.pathway_tests, mdata),
        "genes": _read(get.pathway_tests, mdata, level="gene"),
        "draws": _read(get.stability, mdata),
        "gene_draws": _read(get.stability, mdata, level="gene"),
        "faithfulness": _read(get.faithfulness, mdata),
    }


def _read(reader: Any, mdata: MuData, **how: str) -> Any:
    try:
        return reader(mdata, **how)
    except KeyError:  # nothing was written: the page says so
        return None


def believable(mdata: MuData, found: dict[str, Any], evaluation: Any) -> list[str]:
    """What the numbers support."""
    texts = []
    if evaluation is not None:
        texts.append(_prediction(evaluation))
    checks = found["faithfulness"]
    if checks is not None and checks.passed:
        n = int(checks.table["passed"].notna().sum())
        texts.append(f"The attributions tell what this model does: {n} of {n} checks passed.")
    if found["tests"] is not None:
        for group in found["tests"].attrs["params"]["groups"]:
            texts += [_pathways(found, group), _genes(mdata, found, group)]
    return [text for text in texts if text]


def _prediction(report: Any) -> str:
    table = report.summary()
    best = {kind: table.index[table["kind"] == kind] for kind in ("model", "baseline")}
    told = [
        f"{name} {told_score(report, str(name), report.primary)}"
        for names in best.values()
        for name in names[:1]
    ]
    beside = " (95 % interval), the best baseline " if len(told) > 1 else " (95 % interval)"
    score = beside.join(told[:2])
    return f"{metric_name(report.primary)} in samples that a fit had not seen: {score}."


def _pathways(found: dict[str, Any], group: str) -> str:
    """Pathways that pass every bar."""
    table = found["tests"]
    alpha = table.attrs["params"]["alpha"]
    mine = table[table["group"].astype(str) == group]
    beyond = mine[mine["q"] < alpha]
    if beyond.empty:
        return ""
    kept = beyond[(beyond["among_top"] >= OFTEN) & (beyond["attributed"].fillna(WEIGHS) >= WEIGHS)]
    text = f"{group}: {len(beyond)} pathways go with it more than other genes do (q < {alpha:g}): {_some(beyond['name'])}."
    if len(kept):
        text += (
            f" Best supported, since the model weighs their members, too, and they are among the first in four of five "
            f"bootstrap draws: {_some(kept['name'])}."
        )
    return text


def _genes(mdata: MuData, found: dict[str, Any], group: str) -> str:
    """Genes that go with the group, stay in front, and weigh in the model."""
    genes, draws = found["genes"], found["gene_draws"]
    if draws is None:
        return ""
    alpha = genes.attrs["params"]["alpha"]
    hits = set(genes.loc[(genes["group"].astype(str) == group) & (genes["q"] < alpha), "node"])
    mine = draws[draws["group"].astype(str) == group]
    n_top = draws.attrs["groups"][group]["n_top"]
    often = (mine.filter(like="draw_") <= n_top).mean(axis=1) >= OFTEN
    kept = mine[often & mine["unit"].isin(hits)]
    if kept.empty:
        return ""
    text = (
        f"{group}: genes that go with it (q < {alpha:g}) and are among the first {n_top} in at least four of five bootstrap "
        f"draws: {_some(kept['name'], 20)}."
    )
    used = _weighing(get.attributions(mdata, level="gene"), group)
    both = kept.loc[kept["unit"].isin(used), "name"]
    if len(used):
        text += f" Of these the model has among its strongest 5 %: {_some(both, 20) or 'none'}."
    return text


def _weighing(table: pd.DataFrame, group: str) -> set[str]:
    mine = table[table["group"].astype(str) == group]
    return set(mine.loc[mine["rank"] <= max(1, int(0.05 * len(mine))), "node"].astype(str))


def doubtful(
    mdata: MuData, model: Any, found: dict[str, Any], evaluation: Any, leakage: Any
) -> list[str]:
    """What the numbers do not support, or cannot tell."""
    texts = _mixed(mdata, model, found)
    if evaluation is None:
        texts.append(
            "No evaluation was given: nothing here shows that the model predicts unseen samples better than a simple one does "
            "(pathweave.evaluate.cross_validate)."
        )
    else:
        texts += _of_scores(evaluation)
    texts += _of_checks(found["faithfulness"])
    texts += _of_tests(found)
    texts += _off_graph(mdata, model)
    if len(model.training_samples_) < 150:
        texts.append(
            f"{len(model.training_samples_)} samples are few: expect other ranks from others."
        )
    inside = set(model.training_samples_) & set(map(str, mdata.obs_names))
    if len(inside) == mdata.n_obs:
        texts.append("All samples explained were used in the fit; what it learned of their noise is explained, too.")  # fmt: skip
    if leakage is None:
        texts.append("Nobody looked for leaks: features made of the outcome would come out on top (pathweave.evaluate.check_leakage).")  # fmt: skip
    texts += [
        "A gene that goes with others (neighbours on a chromosome, targets of one factor) shares its weight with them or takes "
        "theirs: any of them may be the one that matters.",
        "The share of a layer grows with the number of its features; it is not its worth. Leave the layer out in an "
        "evaluation to learn that.",
        "Age, stage, site or purity may stand behind what goes with the outcome; only strata= takes a known one out of the tests.",
        "None of this says what causes the outcome.",
    ]
    return texts


def _mixed(mdata: MuData, model: Any, found: dict[str, Any]) -> list[str]:
    """Warn where what was written is of several questions, or of another model."""
    params = get.attributions(mdata, level="layer").attrs["params"]
    tests = None if found["tests"] is None else found["tests"].attrs["params"]
    checks = None if found["faithfulness"] is None else found["faithfulness"].params
    texts = [
        f"WARNING: the attributions are of {params['of']}, the {name} of {other['of']}."
        for name, other in (("tests are", tests), ("checks are", checks))
        if other is not None and other.get("of") != params["of"]
    ]
    digest = getattr(model, "graph_digest_", None)
    if params.get("graph_digest") != digest or params.get("model") != type(model).__name__:
        texts.append("WARNING: the attributions are of another model or graph than the model given.")  # fmt: skip
    return texts


def _of_scores(report: Any) -> list[str]:
    """Where the model is not clearly better than a baseline, or than itself without a real graph."""
    texts = []
    for row in report.findings().itertuples():
        if row.null not in _GRAPH or not row.low <= 0:
            continue
        against = f"the best baseline ({row.against})" if not row.null else _GRAPH[row.null]
        means = (
            "A simpler model may be explained in its stead." if not row.null
            else "Read pathways as a way to look at genes, not as what makes the prediction."
        )  # fmt: skip
        texts.append(
            f"{row.method} is not clearly better than {against}: difference {row.difference:+.3f} [{row.low:.3f}, "
            f"{row.high:.3f}]. {means}"
        )
    if not set(map(str, report.methods["null"])) & (set(_GRAPH) - {""}):
        texts.append(
            "No null of the graph was tried: what the pathways add to the prediction is not known."
        )
    return texts


def _of_checks(checks: Any) -> list[str]:
    if checks is None:
        return ["The attributions were not checked: run pathweave.tl.check(mdata, model)."]
    failed = checks.table[checks.table["passed"].eq(other=False)]
    return [f"A check of the attributions failed: {words}" for words in failed["words"]]


def _of_tests(found: dict[str, Any]) -> list[str]:
    table = found["tests"]
    if table is None:
        return [
            "No pathway was tested against chance: run pathweave.tl.test_pathways(mdata, model). The ranks of pathways by "
            "attribution are no test."
        ]
    alpha = table.attrs["params"]["alpha"]
    none: dict[str, str] = {}
    alike: dict[str, str] = {}
    chance: dict[str, str] = {}
    for group, told in table.attrs["params"]["groups"].items():
        mine = table[table["group"].astype(str) == group]
        at_all = int((mine["q_association"] < alpha).sum())
        if not at_all:
            none[group] = ""
        elif not (mine["q"] < alpha).any():
            alike[group] = f"{at_all} of {len(mine)}"
        if told["p_random_pathways"] >= alpha:
            chance[group] = f"p = {told['p_random_pathways']:.2g}"
    texts = [
        _together(none, "no pathway is told from shuffled labels."),
        _together(
            alike,
            "so many pathways go with it, none more than other genes do: no single pathway can be named as what sets it apart.",
        ),
        _together(
            chance,
            "random sets of the same sizes explain how genes rank as well as the real pathways do.",
        ),
        *_of_draws(found["draws"]),
    ]
    return [text for text in texts if text]


def _together(groups: dict[str, str], words: str) -> str:
    """One sentence for all groups that it is true of."""
    named = [f"{group} ({detail})" if detail else group for group, detail in groups.items()]
    return f"{', '.join(named)}: {words}" if named else ""


def _of_draws(draws: Any) -> list[str]:
    if draws is None:
        return []
    moved: dict[str, str] = {}
    loose: dict[str, str] = {}
    for group, told in draws.attrs["groups"].items():
        mine = draws[(draws["group"].astype(str) == group) & (draws["rank"] <= told["n_top"])]
        often = (mine.filter(like="draw_") <= told["n_top"]).mean(axis=1)
        rare, tau = int((often < 0.5).sum()), f"Kendall tau {told['tau']:.2f}"
        if rare:
            moved[group] = f"{rare} of {len(mine)}, {tau}"
        elif told["tau"] < STABLE:
            loose[group] = tau
    return [
        _together(
            moved,
            "so many of the first pathways are not among the first in half of the bootstrap draws; do not read much into their "
            "order.",
        ),
        _together(
            loose,
            "the ranks of pathways agree little between bootstrap draws; do not read much into their order.",
        ),
    ]


def _off_graph(mdata: MuData, model: Any) -> list[str]:
    """Layers of which genes and pathways tell nothing."""
    if model.graph_ is None:
        return ["The model was fitted without a graph: features speak for themselves, not for genes or pathways."]  # fmt: skip
    maps = getattr(getattr(model.ensemble_, "graph", None), "feature_maps", None) or {}
    off = [name for name in model.layers_ if name not in maps or not (maps[name] != 0).sum()]
    if not off:
        return []
    share = get.attributions(mdata, level="layer").groupby("layer", observed=True)["share"].mean()
    return [
        f"{', '.join(off)}: no feature is on the graph, so genes and pathways tell nothing of "
        f"{100 * share.reindex(off).sum():.0f} % of what the model uses (pathweave.graph.coverage says why)."
    ]


def _some(names: pd.Series, most: int = _NAMED) -> str:
    kept = [str(name) for name in names]
    more = len(kept) - most
    return ", ".join(kept[:most]) + (f" and {more} more" if more > 0 else "")


def in_words(p: float) -> str:
    """Spell a p-value or a rate."""
    if np.isnan(p):
        return "-"
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"

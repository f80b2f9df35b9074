"""Whether p of attributions against models fitted to shuffled labels are fair, and whether planted genes come low.

Run from the project's root: ``python benchmarks/attribution_nulls.py`` (about a minute a data set on one core). It writes
``attribution_nulls.csv`` beside it: a row a data set, group and level.

``nothing``: ``pw.datasets.simulate(80, effect=0)``, a number as outcome. ``planted``: ``simulate(150)``, effect 1 (moderate),
two classes. A small model (`PathwayVAE`, 6 dimensions, 5 epochs, 3 folds), 300 features a layer at most, 20 refits, integrated
gradients of at most 50 samples a group. ``p_below_05`` and ``p_used_below_05`` are shares of units, ``n_q`` and ``n_q_used``
counts at q < .05; those of planted genes (nodes of the active pathways that carry the signal) and pathways and of the
rest stand beside each other. ``auroc_p`` and ``auroc_strength`` tell planted from others by p, and by importance (of pathways
the score). ``uniform`` is the Kolmogorov-Smirnov distance of p from the uniform distribution. What was planted is in no
way used by the model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

import pathweave as pw

OUT = Path(__file__).resolve().with_suffix(".csv")
WHAT = {
    "nothing": ({"n_obs": 80, "effect": 0.0}, "outcome", range(841, 850)),
    "planted": ({"n_obs": 150, "effect": 1.0}, "class", range(831, 835)),
}
LEVELS = ("gene", "pathway", "feature", "gene_layer", "layer")


def attributed(what: str, seed: int) -> tuple[dict[str, pd.DataFrame], dict[str, object]]:
    """Tables of one data set, with what was planted; and how much importance there is in all."""
    settings, target, _ = WHAT[what]
    mdata = pw.datasets.simulate(n_features=300, n_pathways_active=3, seed=seed, **settings)
    pw.pp.normalize(mdata)
    model = pw.models.PathwayVAE(6, max_epochs=5, n_folds=3)
    model.fit(mdata, pw.graph.reactome(), target=target)
    found = pw.explain.attribute(mdata, model, n_steps=8, max_samples=50, n_null=20, seed=seed)
    truth = pw.get.truth(mdata)
    tables = {level: getattr(found, level).assign(planted=False) for level in LEVELS}
    if what == "planted":
        for level in ("gene", "gene_layer"):
            tables[level]["planted"] = tables[level]["node"].isin({*truth.genes, *truth.compounds})
        tables["pathway"]["planted"] = tables["pathway"]["pathway"].isin(truth.pathways)
    return tables, found.params["null"]["groups"]


def summary(table: pd.DataFrame, level: str) -> dict[str, float]:
    """One row: shares and counts of small p and q."""
    table = table[table["p_used"].notna()]
    row: dict[str, float] = {
        "n_units": len(table),
        "p_median": table["p"].median(),
        "p_used_median": table["p_used"].median(),
        "uniform": kstest(table["p"].dropna(), "uniform").statistic,
        "n_q": int((table["q"] < 0.05).sum()),
        "n_q_used": int((table["q_used"] < 0.05).sum()),
    }
    both = table["planted"].any() and not table["planted"].all()
    for name, part in (("planted", table[table["planted"]]), ("rest", table[~table["planted"]])):
        for column in ("p", "p_used"):
            share = (part[column] < 0.05).mean() if len(part) else np.nan
            row[f"{column}_below_05_{name}"] = share
            row[f"n_{column.replace('p', 'q', 1)}_{name}"] = int(
                (part["q" + column[1:]] < 0.05).sum()
            )
    strength = "score" if level == "pathway" else "importance"
    row["auroc_p"] = roc_auc_score(table["planted"], -table["p"]) if both else np.nan
    row["auroc_strength"] = roc_auc_score(table["planted"], table[strength]) if both else np.nan
    return row


def main() -> None:
    """Run what was asked for, and write after every data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=list(WHAT), choices=[*WHAT, []])
    rows: list[dict[str, object]] = []
    jobs = [(what, seed) for what in parser.parse_args().what for seed in WHAT[what][2]]
    pw.settings.progress = False
    for what, seed in tqdm(jobs):
        tables, totals = attributed(what, seed)
        for level, table in tables.items():
            for group, part in table.groupby("group", observed=True):
                total = totals[str(group)]
                rows.append(
                    {"what": what, "seed": seed, "group": group, "level": level, "p_model": total["p"]}
                    | summary(part, level)
                )  # fmt: skip
        pd.DataFrame(rows).round(4).to_csv(OUT, index=False)


if __name__ == "__main__":
    main()

"""The main job from a MuData to a folder of tables, figures and a report."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave import evaluate, get, graph, io, pp
from pathweave._core import keys
from pathweave._core.checks import check_mudata, check_obs_column, listed, select_layers
from pathweave._core.interruption import whole_fits_only
from pathweave.models import PathwayVAE
from pathweave.tl._attribute import attribute
from pathweave.tl._embed import embed
from pathweave.tl._impute import impute
from pathweave.tl._predict import predict
from pathweave.tl._report import report
from pathweave.tl._run_tests import tested

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from mudata import MuData

_TRAIN = frozenset({"train", "training", "1", "1.0", "true", "yes"})
_TEST = frozenset(
    {"test", "testing", "validation", "held-out", "heldout", "0", "0.0", "false", "no"}
)
_MAX_GROUPS = 12  # with figures of their own
_REPORT = "report.txt"
_OUT_OF_FOLD_RISK = "pathweave_risk_out_of_fold"


@dataclass(frozen=True)
class RunOptions:
    """What `pathweave run` was asked to do."""

    out: Path
    layers: list[str] | None = None
    target: str | None = None
    time: str | None = None
    event: str | None = None
    split: str | None = None
    kegg: Path | None = None
    seed: int = 0
    overwrite: bool = False
    resume: Path | None = None

    @property
    def survival(self) -> tuple[str, str] | None:
        """Columns of the survival target."""
        return None if self.time is None or self.event is None else (self.time, self.event)

    def check(self) -> None:
        """Refuse what cannot work before any data are read."""
        if (self.time is None) != (self.event is None):
            msg = "--time and --event belong together: give both, or neither."
            raise ValueError(msg)
        if self.kegg is not None and not self.kegg.exists():
            msg = f"--kegg {self.kegg}: there is no such folder."
            raise FileNotFoundError(msg)
        if self.out.exists() and not self.out.is_dir():
            msg = f"--out {self.out} is a file; name a folder."
            raise FileExistsError(msg)
        if self.out.is_dir() and any(self.out.iterdir()):
            if not (self.out / _REPORT).is_file():
                msg = f"--out {self.out} holds files that are not pathweave's; name another folder."
                raise FileExistsError(msg)
            if not self.overwrite:
                msg = f"--out {self.out} holds an earlier result; add --overwrite or name another folder."
                raise FileExistsError(msg)


def run_all(
    mdata: MuData, options: RunOptions, *, plots: ModuleType, say: Callable[[str], None]
) -> str:
    """Do everything, and put the folder in its place when all of it is there."""
    options.check()
    check_mudata(mdata)
    chosen = select_layers(mdata, options.layers)
    train = _training_samples(mdata, options.split)
    with io.quiet_mudata():
        mdata = mdata.copy()
    say(f"1/6 normalize: {listed(chosen, 12)}")
    pp.normalize(mdata, layers=chosen)
    say("2/6 graph: Reactome" + ("" if options.kegg is None else f" and KEGG from {options.kegg}"))
    pathways = graph.reactome()
    if options.kegg is not None:
        pathways = pathways | graph.kegg(options.kegg)
    coverage = graph.coverage(mdata, pathways).loc[chosen]
    say(f"3/6 fit on {int(train.sum())} samples")
    with whole_fits_only():  # who stops the command wants no report of half a fit
        model = PathwayVAE(seed=options.seed).fit(
            mdata, pathways, target=options.target, survival=options.survival, layers=chosen, samples=train,
            resume=options.resume,
        )  # fmt: skip
    say("4/6 embed, predict, impute")
    embed(mdata, model)
    impute(mdata, model)
    if model.targets_:
        predict(mdata, model)
    if options.survival:
        mdata.obs[_OUT_OF_FOLD_RISK] = (
            model.out_of_fold_["risk"].reindex(mdata.obs_names).to_numpy()
        )
    say("5/6 explain")
    others = {name: _tables(mdata, model, name) for name in list(model.targets_)[1:]}
    attribute(mdata, model)
    tests = tested(mdata, model, train)
    scores = _held_out(mdata, model, ~train)
    say("6/6 write tables and figures")
    further = [words for words, _ in others.values()]
    text = report(mdata, model, coverage, scores, others=further, tests=tests.text)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{options.out.name}-", dir=options.out.parent))
    try:
        _write_tables(work, mdata, model, coverage, scores)
        for name, (_, tables) in others.items():
            for level, table in tables.items():
                table.to_csv(work / f"attributions_{_file_name(name)}_{level}.csv", index=False)
        for i, (name, tables) in enumerate(tests.tables.items()):
            ending = f"_{_file_name(name)}" if i else ""
            for level, table in tables.items():
                table.to_csv(work / f"tests{ending}_{level}.csv", index=False)
        _draw(work / "figures", mdata, model, options, plots, train)
        model.save(work / "model")
        io.write_h5mu(mdata, work / "pathweave.h5mu")
        (work / _REPORT).write_text(text, encoding="utf-8")
        work.chmod(0o755)
        if options.out.exists():
            shutil.rmtree(options.out)
        work.rename(options.out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return text


def _training_samples(mdata: MuData, split: str | None) -> np.ndarray:
    if split is None:
        return np.ones(mdata.n_obs, dtype=bool)
    check_obs_column(mdata.obs, "--split", split)
    labels = mdata.obs[split].astype(str).str.strip().str.lower()
    strange = sorted(set(labels) - _TRAIN - _TEST)
    if strange or not labels.isin(_TRAIN).any():
        msg = (
            f"--split {split}: found {listed(sorted(set(labels)))}; training samples are marked "
            "train (or 1, true), the others test (or 0, false)."
        )
        raise ValueError(msg)
    return labels.isin(_TRAIN).to_numpy()


def _tables(mdata: MuData, model: PathwayVAE, target: str) -> tuple[str, dict[str, pd.DataFrame]]:
    """Explain a further target, and say its pathways and genes."""
    from pathweave.tl._report import drivers

    attribute(mdata, model, of=target)
    tables = {level: get.attributions(mdata, level=level) for level in keys.ATTRIBUTION_LEVELS}
    return drivers(mdata), tables


def _held_out(mdata: MuData, model: PathwayVAE, test: np.ndarray) -> pd.DataFrame:
    """Scores of the samples that were held out, one row a target and metric."""
    rows: list[dict[str, Any]] = []
    if test.any():
        predictions = (
            model.predict(mdata) if model.targets_ else pd.DataFrame(index=mdata.obs_names)
        )
        for name, target in model.targets_.items():
            truth = target.encode(mdata.obs)
            known = test & ~np.isnan(truth).any(axis=1)
            if known.sum() < 2:
                continue
            proba = None
            if target.task == "class":
                proba = model.predict_proba(mdata, name)[known]
                actual: Any = np.array(target.classes)[truth[known, 0].astype(int)]
            else:
                actual = truth[known] if target.task == "survival" else truth[known, 0]
            predicted = predictions.loc[known, name].to_numpy()
            found = evaluate.score(actual, predicted, proba, task=target.task)
            rows += [
                {"target": name, "metric": k, "value": v, "n": int(known.sum())}
                for k, v in found.items()
            ]
    return pd.DataFrame(rows, columns=["target", "metric", "value", "n"])


def _write_tables(
    folder: Path, mdata: MuData, model: PathwayVAE, coverage: pd.DataFrame, scores: pd.DataFrame
) -> None:
    coverage.to_csv(folder / "coverage.csv")
    get.embedding(mdata).to_csv(folder / "embedding.csv")
    model.history_.to_csv(folder / "history.csv", index=False)
    for level in keys.ATTRIBUTION_LEVELS:
        get.attributions(mdata, level=level).to_csv(
            folder / f"attributions_{level}.csv", index=False
        )
    if model.targets_:
        get.predictions(mdata).to_csv(folder / "predictions.csv")
        model.parts_.to_csv(folder / "parts.csv", index=False)
    if len(scores):
        scores.to_csv(folder / "scores.csv", index=False)


def _draw(
    folder: Path,
    mdata: MuData,
    model: PathwayVAE,
    options: RunOptions,
    plots: ModuleType,
    train: np.ndarray,
) -> None:
    """Draw every figure that the results allow."""
    import matplotlib.pyplot as plt

    folder.mkdir()
    figures: dict[str, Callable[[], Any]] = {
        "embedding": lambda: plots.embedding(mdata, color=options.target or options.time),
        "history": lambda: plots.history(model),
        "layers": lambda: plots.attributions(mdata, level="layer"),
    }
    if options.survival:
        figures["embedding_risk"] = lambda: plots.embedding(mdata, color=keys.RISK)
        held = (~train).any()
        risk = keys.RISK if held else _OUT_OF_FOLD_RISK
        samples = ~train if held else train
        figures["survival"] = lambda: plots.survival(
            mdata, time=options.time, event=options.event, risk=risk, samples=samples
        )
    for target in model.targets_:
        figures[f"parts_{_file_name(target)}"] = partial(plots.parts, model, target=target)
    on_graph = len(get.attributions(mdata, level="gene")) > 0
    if on_graph:
        figures["pathways"] = lambda: plots.pathways(mdata)
    if keys.PATHWAY_TESTS in mdata.uns[keys.UNS]:
        figures["tests"] = lambda: plots.pathway_tests(mdata)
        figures["volcano"] = lambda: plots.volcano(mdata)
    groups = list(dict.fromkeys(get.attributions(mdata, level="layer")["group"]))[:_MAX_GROUPS]
    for group in groups:
        ending = f"_{_file_name(group)}" if len(groups) > 1 else ""
        for level in ("gene", "feature") if on_graph else ("feature",):
            figures[f"{level}s{ending}"] = partial(
                plots.attributions, mdata, level=level, group=group
            )
    for name, draw in figures.items():
        figure = draw().get_figure()
        figure.savefig(folder / f"{name}.png", dpi=150, bbox_inches="tight")
        plt.close(figure)


def _file_name(name: object) -> str:
    """Write a name so that every file system takes it."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", str(name))

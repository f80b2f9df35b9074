"""One HTML file for a colleague: an explained model, or an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathweave._core.files import whole
from pathweave._core.version import VERSION
from pathweave.pl import _html
from pathweave.pl._evaluation_page import evaluation_sections
from pathweave.pl._explained_page import explained_sections, heading_of
from pathweave.pl._reports import check_report

if TYPE_CHECKING:
    from os import PathLike

    from mudata import MuData


def report(
    found: MuData | Any,
    path: str | PathLike[str],
    *,
    model: Any = None,
    evaluation: Any = None,
    title: str | None = None,
    leakage: Any = None,
) -> Path:
    """Write an explained model, or an evaluation, to one HTML file that needs no other file and no network.

    Parameters
    ----------
    found
        MuData that `pathweave.tl.attribute` has written to, and best also `pathweave.tl.test_pathways` and
        `pathweave.tl.check`; or what `pathweave.evaluate.cross_validate` or `validate` returned.
    path
        File to write, such as ``"report.html"``; it is replaced if it is there.
    model
        The model that was explained; needed with a MuData.
    evaluation
        What `pathweave.evaluate.cross_validate` or `validate` returned for such a model, shown beside its
        explanations: without it the page can say what the model uses, not whether it is any good.
    title
        Heading; by default what is explained, or the outcome that was predicted.
    leakage
        What a check for leakage found, shown as its text.

    Returns
    -------
    The path. Of an explained model the file holds, in words, tables and figures: what is and is not believable; the
    data; scores beside the baselines; what each layer gives, and how it flows through genes into pathways; tests of
    pathways with their verdicts; genes by layer; one pathway drawn; whether the attributions are faithful to the model;
    and how stable the ranks are. What was not computed is named with the call that does it. Of an evaluation: the verdict,
    how it was done, all scores with intervals, paired comparisons, the plots that suit the outcome, costs, and what
    the evaluation cannot show. Figures are inside as SVG (PNG where that would be large), each with a text for those who
    do not see it. The same input gives the same bytes.

    Raises
    ------
    TypeError
        If `found` is neither, or `model` is missing or of no use.
    KeyError
        If the MuData has no attributions.
    FileNotFoundError
        If the folder is not there.

    Examples
    --------
    >>> import matplotlib, tempfile, pathlib, pathweave as pw
    >>> matplotlib.use("agg")
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> found = pw.evaluate.cross_validate(
    ...     mdata, target="class", models=[], baselines=["knn", "majority"], n_folds=3, n_jobs=1
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pw.pl.report(found, pathlib.Path(folder) / "report.html").name
    'report.html'

    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="class")
    >>> pw.tl.attribute(mdata, model, n_steps=8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.html"
    ...     pw.pl.report(mdata, path, model=model, evaluation=found).name
    'model.html'
    """
    explained = hasattr(found, "mod") and hasattr(found, "obsm")
    if explained:
        _check_explained(model, evaluation)
    else:
        _check_evaluation(found, model, evaluation)
    target = Path(path)
    if target.is_dir():
        msg = f"path={str(path)!r} is a folder; name a file in it, such as 'report.html'."
        raise IsADirectoryError(msg)
    with whole(target) as work:
        if explained:
            heading = title or heading_of(found)
            parts = explained_sections(found, model, evaluation, leakage)
            version = VERSION
        else:
            heading = title or f"Evaluation: {', '.join(map(str, found.targets))}"
            parts = evaluation_sections(found, leakage)
            version = str(found.params.get("version", ""))
        foot = f"Written by pathweave {version}".strip() + "."
        work.write_text(_html.page(heading, parts, foot), encoding="utf-8")
    return target


def _check_explained(model: Any, evaluation: Any) -> None:
    if not all(hasattr(model, part) for part in ("layers_", "targets_", "training_samples_")):
        given = "nothing" if model is None else type(model).__name__
        msg = f"model must be the fitted model that was explained, found {given}; call report(mdata, path, model=model)."
        raise TypeError(msg)
    if evaluation is not None:
        check_report(evaluation, "report")


def _check_evaluation(found: Any, model: Any, evaluation: Any) -> None:
    if model is not None or evaluation is not None:
        msg = (
            "model= and evaluation= go with an explained MuData, as in report(mdata, path, model=model, evaluation=report); "
            f"found is {type(found).__name__}."
        )
        raise TypeError(msg)
    check_report(found, "report")

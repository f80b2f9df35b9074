"""Look for signs that an evaluation of some data would be fooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathweave.evaluate._leakage.batches import check_batches, check_layers_missing
from pathweave.evaluate._leakage.corrected import check_batch_correction
from pathweave.evaluate._leakage.determined import check_copies
from pathweave.evaluate._leakage.duplicates import check_duplicates
from pathweave.evaluate._leakage.obs_columns import check_obs_features
from pathweave.evaluate._leakage.patients import check_patients
from pathweave.evaluate._leakage.prepared import check_imputation, check_scaling
from pathweave.evaluate._leakage.preselected import check_selection
from pathweave.evaluate._leakage.read import Study, read_study
from pathweave.evaluate._leakage.recorded import check_records
from pathweave.evaluate._leakage.report import LeakageReport, make_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData


def check_leakage(
    mdata: MuData,
    *,
    target: str | Sequence[str] | None = None,
    survival: tuple[str, str] | None = None,
    layers: Sequence[str] | str | None = None,
    splits: Any = None,
    groups: str | None = None,
    batch: str | Sequence[str] | None = None,
    obs_features: Sequence[str] | str | None = None,
    seed: int = 0,
) -> LeakageReport:
    """Look for signs that an evaluation of these data would be fooled.

    What an evaluation cannot see from inside: copies of samples and samples of one patient in different
    folds, features that hold the answer, batches that go with the labels, and preparation that was done on
    all samples before they came here. Nothing is changed. No sign is no proof: imputation from
    neighbours, or features chosen by fold change alone, leave nothing that is seen here.

    Parameters
    ----------
    mdata
        Samples; they may lack layers.
    target
        Column or columns of ``mdata.obs`` to predict: classes or numbers.
    survival
        Columns (time, event) of ``mdata.obs`` to predict.
    layers
        Modalities to look at; all by default.
    splits
        The splits that will be used: the fold of each sample, or a list of (train, test) positions among the
        samples with a known outcome, as in `cross_validate`. Copies and patients torn apart by them are errors.
    groups
        Column of obs that names patients, donors, cell lines: what will be kept together.
    batch
        Column or columns of obs that name batches; columns named like one (batch, plate, site, centre ...) are
        taken if not given, and the finding says so. ``[]`` for none.
    obs_features
        Columns of obs that a model is to use beside the layers.
    seed
        Seed of the shuffled labels and of the features drawn from large layers.

    Returns
    -------
    A `LeakageReport`: ``report.findings``, ``report.ok``, and in words ``print(report)``. Errors make a
    score meaningless, warnings can, notes are good to know.

    Raises
    ------
    KeyError
        A column or layer that is not there.
    ValueError
        Splits that do not fit the samples, outcomes that cannot be learned.

    References
    ----------
    Kapoor and Narayanan, Patterns 4 (2023), for the kinds of leakage; Ambroise and McLachlan, PNAS 99 (2002),
    for features chosen before cross-validation; Nygaard et al., Biostatistics 17 (2016), for batch correction
    that keeps group differences.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> pw.evaluate.check_leakage(mdata, target="class").ok
    True
    >>> rna = mdata.mod["rna"]
    >>> rna.X[:, 0] = mdata.obs.loc[rna.obs_names, "class"].cat.codes
    >>> pw.evaluate.check_leakage(mdata, target="class").findings["severity"].tolist()
    ['error']
    """
    study = read_study(
        mdata, target=target, survival=survival, layers=layers, splits=splits, groups=groups,
        batch=batch, seed=seed,
    )  # fmt: skip
    results = {
        "duplicates": check_duplicates(study),
        "patients": check_patients(study),
        "target copies": check_copies(study),
        "obs features": check_obs_features(study, obs_features),
        "batches": check_batches(study),
        "missing layers": check_layers_missing(study),
        "batch correction": check_batch_correction(study),
        "scaling": check_scaling(study),
        "imputation": check_imputation(study),
        "feature selection": check_selection(study),
        "records": check_records(
            mdata, [layer.name for layer in study.layers], study.columns,
            predicted={o.prediction for o in study.outcomes},
        ),
    }  # fmt: skip
    return make_report(results, _subject(study))


def _subject(study: Study) -> str:
    layers = ", ".join(layer.name for layer in study.layers)
    outcomes = "; ".join(
        f"{o.target.task} {o.name} of {int(o.known.sum())}" for o in study.outcomes
    )
    split = f", {len(study.splits)} split(s)" if study.splits else ""
    return f"{len(study.names)} samples, layers {layers}; {outcomes or 'no target'}{split}"

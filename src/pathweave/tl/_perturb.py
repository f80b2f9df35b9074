"""`tl.perturb` and `tl.perturb_screen`: change genes, metabolites or pathways in silico."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pathweave import explain
from pathweave._core import keys
from pathweave.tl._write import copied, write_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mudata import MuData

    from pathweave.models import Estimator


def perturb(
    mdata: MuData,
    model: Estimator,
    changes: Mapping[str, Any],
    *,
    layers: Sequence[str] | str | None = None,
    groupby: str | None = None,
    n_boot: int = 200,
    n_null: int = 50,
    batch_size: int = 256,
    seed: int = 0,
    copy: bool = False,
) -> MuData | None:
    """Change genes, metabolites or pathways, and ask a fitted model again; see `pathweave.explain.perturb`.

    It asks the model, not the cell: what moves shows which values the model relies on, no cause. The layers of `mdata`
    stay as they are.

    Parameters
    ----------
    mdata
        Samples to change.
    model
        Fitted model.
    changes
        From names (symbols, identifiers, pathway ids, features) to ``"knockout"`` (0 where a layer begins there, else its
        lowest training value; methylation and mutations only where named), ``"lowest"``, ``"highest"``, ``"mean"``, a
        factor, ``("set", value)``, ``("scale", factor)``, ``("shift", difference)``, ``("clamp", low, high)``, or a
        dict of these by layer.
    layers
        Layers to change; all that measure it by default.
    groupby
        Column of ``mdata.obs``: shifts by group of samples.
    n_boot
        Bootstrap draws of samples for the intervals.
    n_null
        Sets of random features, changed as much, to compare with.
    batch_size
        Samples that are computed at once.
    seed
        Seed of all draws.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.uns["pathweave"]["perturbations"]``: DataFrames ``outputs``, ``latent``,
    ``pathway``, ``layer``, ``changes`` and ``samples``, ``params`` (JSON) and ``verdict``; read them with
    `pathweave.get.perturbations`.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="outcome")
    >>> genes = mdata["rna"].var_names[:2]
    >>> pw.tl.perturb(mdata, model, {genes[0]: "lowest", genes[1]: ("shift", 1.0)}, n_null=0)
    >>> pw.get.perturbations(mdata)["unit"].tolist()
    ['units of the target']
    """
    found = explain.perturb(
        mdata, model, changes, layers=layers, groupby=groupby, n_boot=n_boot, n_null=n_null, batch_size=batch_size,
        seed=seed,
    )  # fmt: skip
    out = copied(mdata) if copy else mdata
    record: dict[str, Any] = {level: getattr(found, level) for level in keys.PERTURBATION_LEVELS}
    texts = {"params": json.dumps(found.params), "verdict": found.verdict}
    write_record(out, keys.PERTURBATIONS, {**record, **texts})
    return out if copy else None


def perturb_screen(
    mdata: MuData,
    model: Estimator,
    change: Any = "knockout",
    *,
    units: str | Sequence[str] = "gene",
    of: str | None = None,
    layers: Sequence[str] | str | None = None,
    max_samples: int = 100,
    n_boot: int = 200,
    n_null: int = 200,
    batch_size: int = 512,
    seed: int = 0,
    copy: bool = False,
) -> MuData | None:
    """Change every gene, one at a time, and rank them; see `pathweave.explain.perturb_screen`.

    Parameters
    ----------
    mdata
        Samples to change.
    model
        Fitted model.
    change
        What is done to each, as in `perturb`.
    units
        ``"gene"``, ``"pathway"``, ``"feature"``, or names of some.
    of
        A target of the model, or ``"latent"``; the first target by default.
    layers
        Layers to change; all by default.
    max_samples
        At most so many samples, drawn at random.
    n_boot
        Bootstrap draws of samples for the intervals.
    n_null
        Sets of random features for each combination of layers; 0 for none.
    batch_size
        Changed samples that are computed at once.
    seed
        Seed of all draws.
    copy
        Return a copy instead of writing into `mdata`.

    Returns
    -------
    ``None``, or the copy. Sets ``mdata.uns["pathweave"]["perturbation_screen"]``: DataFrame ``table``, ``params`` (JSON)
    and ``verdict``; read it with ``pathweave.get.perturbations(mdata, level="screen")``.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.MultimodalVAE(8, max_epochs=3, n_folds=3).fit(mdata, target="outcome")
    >>> genes = list(mdata["rna"].var_names[:5])
    >>> pw.tl.perturb_screen(mdata, model, "lowest", units=genes, n_null=20)
    >>> len(pw.get.perturbations(mdata, level="screen"))
    5
    """
    found = explain.perturb_screen(
        mdata, model, change, units=units, of=of, layers=layers, max_samples=max_samples, n_boot=n_boot, n_null=n_null,
        batch_size=batch_size, seed=seed,
    )  # fmt: skip
    out = copied(mdata) if copy else mdata
    texts = {"params": json.dumps(found.params), "verdict": found.verdict}
    write_record(out, keys.PERTURBATION_SCREEN, {"table": found.table, **texts})
    return out if copy else None

"""Reader of in-silico perturbations and screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave._core import keys
from pathweave._core.checks import check_choice, check_mudata, listed
from pathweave.get._record import first, parsed, record

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData


def perturbations(
    mdata: MuData, *, level: str = "outputs", group: str | None = None
) -> pd.DataFrame:
    """Read what a perturbation, or a screen of them, shifts.

    Parameters
    ----------
    mdata
        Data that `tl.perturb` or `tl.perturb_screen` has written to.
    level
        ``"outputs"`` (predictions), ``"latent"``, ``"pathway"`` (activities), ``"layer"`` (decoded features),
        ``"changes"`` (what was changed), ``"samples"`` (outputs sample by sample), or ``"screen"``.
    group
        Only the rows of this group of samples, or of a screen this class; all if not given.

    Returns
    -------
    Long table; the columns are described in `pathweave.explain.perturb` and `pathweave.explain.perturb_screen`. Its
    ``attrs`` hold ``params`` and ``verdict``.

    Examples
    --------
    >>> import pandas as pd, pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> table = pd.DataFrame({"group": ["all"], "output": ["risk"], "shift": [0.2]})
    >>> mdata.uns["pathweave"] = {
    ...     "perturbations": {"outputs": table, "params": "{}", "verdict": ""}
    ... }
    >>> pw.get.perturbations(mdata)["shift"].tolist()
    [0.2]
    """
    check_mudata(mdata)
    check_choice("level", level, (*keys.PERTURBATION_LEVELS, "screen"))
    screen = level == "screen"
    stored = record(mdata).get(keys.PERTURBATION_SCREEN if screen else keys.PERTURBATIONS) or {}
    entry = "table" if screen else level
    if entry not in stored:
        call = "perturb_screen(mdata, model)" if screen else "perturb(mdata, model, {...})"
        what = "no screen of perturbations" if screen else "no perturbation"
        raise KeyError(first(what, f"pathweave.tl.{call}"))
    table = stored[entry].reset_index(drop=True)
    if group is not None:
        if "group" not in table:
            msg = f"group={group!r}: level={level!r} has no groups; leave group out."
            raise ValueError(msg)
        labels = table["group"].astype(str)
        if str(group) not in set(labels):
            msg = (
                f"group={group!r} was not perturbed; there are {listed(dict.fromkeys(labels), 30)}."
            )
            raise KeyError(msg)
        table = table[labels == str(group)].reset_index(drop=True)
    table.attrs["params"] = parsed(stored["params"], "the parameters of the perturbation")
    table.attrs["verdict"] = str(stored["verdict"])
    return table

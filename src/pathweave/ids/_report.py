"""The fate of a list of names, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave._core.checks import listed

if TYPE_CHECKING:
    import pandas as pd


def report(mapping: pd.DataFrame, *, n_examples: int = 5) -> str:
    """Say what `map` found and what it lost, counted and with examples.

    Parameters
    ----------
    mapping
        What `pathweave.ids.map` returned.
    n_examples
        Names shown for each reason.

    Returns
    -------
    A text of several lines: names found by each way, names that stand for several ids, and names
    lost for each reason, the most frequent first. The lost names themselves are the rows of
    `mapping` without an id.

    Examples
    --------
    >>> import pathweave as pw
    >>> print(pw.ids.report(pw.ids.map(["TP53", "MARCH1", "nonsense"])))
    3 names: 2 found (66.7 %), 1 lost.
    Found: 1 approved ('TP53'); 1 previous ('MARCH1').
    Lost: 1 unknown symbol ('nonsense').
    """
    lacking = {"name", "id", "how"} - set(getattr(mapping, "columns", ()))
    if lacking:
        msg = f"mapping lacks the columns {listed(sorted(lacking))}; give what ids.map returned."
        raise ValueError(msg)
    if n_examples < 1:
        msg = f"n_examples={n_examples!r} must be at least 1."
        raise ValueError(msg)
    found = mapping["id"].notna()
    names = mapping["name"].nunique()
    if not names:
        return "0 names."
    hits = mapping.loc[found, "name"]
    lines = [
        f"{names:,} names: {hits.nunique():,} found ({100 * hits.nunique() / names:.1f} %), "
        f"{names - hits.nunique():,} lost."
    ]
    several = hits[hits.duplicated(keep=False)].unique()
    for what, rows in (("Found", mapping[found]), ("Lost", mapping[~found])):
        if len(rows):
            lines.append(f"{what}: {_by_reason(rows, n_examples)}.")
    if len(several):
        lines.append(
            f"{len(several):,} of them stand for several ids, with weights "
            f"({listed(several, n_examples)})."
        )
    return "\n".join(lines)


def _by_reason(rows: pd.DataFrame, n_examples: int) -> str:
    rows = rows.drop_duplicates("name")
    parts = [
        f"{n:,} {why} ({listed(rows.loc[rows['how'] == why, 'name'], n_examples)})"
        for why, n in rows["how"].value_counts().items()
    ]
    return "; ".join(parts)

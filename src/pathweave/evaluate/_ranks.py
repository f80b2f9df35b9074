"""Methods over many data sets: signed ranks of pairs, average ranks with Nemenyi's critical difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from pathweave._core.checks import check_unique, listed
from pathweave.evaluate._compare import holm


@dataclass(frozen=True)
class CriticalDifference:
    """Average ranks of methods over data sets, and how far apart they must be.

    Attributes
    ----------
    ranks
        Average rank of each method, best (1) first.
    cd
        Nemenyi's critical difference: ranks that are closer are not told apart.
    chi2, p_friedman
        Friedman's test that all methods are alike, corrected for ties.
    f, p_iman_davenport
        Iman and Davenport's form of it, which is less conservative.
    cliques
        Largest groups of methods that are not told apart.
    n
        Data sets.
    """

    ranks: pd.Series
    cd: float
    chi2: float
    p_friedman: float
    f: float
    p_iman_davenport: float
    cliques: list[tuple[str, ...]] = field(default_factory=list)
    n: int = 0


def signed_rank(table: pd.DataFrame, *, lower_is_better: bool = False) -> pd.DataFrame:
    """Wilcoxon's signed-rank test of every pair of methods over data sets.

    Parameters
    ----------
    table
        Mean scores, data sets as rows and methods as columns. A data set where one of a pair is NaN is left out for
        this pair.
    lower_is_better
        Whether less is better.

    Returns
    -------
    A row a pair: method, reference, difference (median, above 0 where the method is better), wins and losses of
    the method, statistic (the smaller sum of ranks; zeros are split), p (two-sided), p_holm (Holm's correction over the pairs), n
    (data sets).

    References
    ----------
    Demsar, Journal of Machine Learning Research 7 (2006), section 3.1.3.

    Examples
    --------
    >>> import pandas as pd
    >>> from pathweave.evaluate import signed_rank
    >>> table = pd.DataFrame({"a": [0.7, 0.8, 0.9, 0.6], "b": [0.6, 0.75, 0.88, 0.57]})
    >>> signed_rank(table)[["method", "reference", "p"]].to_numpy().tolist()
    [['a', 'b', 0.125]]
    """
    values = _checked(table)
    rows = []
    for a, b in combinations(values.columns, 2):
        d = (values[a] - values[b]).dropna().to_numpy() * (-1 if lower_is_better else 1)
        # Scores that are equal in print can differ in the last bit, which would break ties.
        d = d.round(12)
        # Without any difference the zeros' ranks are shared evenly.
        statistic, p = (np.nan, np.nan) if not len(d) else (len(d) * (len(d) + 1) / 4, 1.0)
        if d.any():
            statistic, p = stats.wilcoxon(d, zero_method="zsplit")
        row = {
            "method": a, "reference": b, "difference": float(np.median(d)) if len(d) else np.nan,
            "wins": int((d > 0).sum()), "losses": int((d < 0).sum()),
        }  # fmt: skip
        rows.append({**row, "statistic": float(statistic), "p": float(p), "n": len(d)})
    found = pd.DataFrame(rows)
    found.insert(7, "p_holm", holm(found["p"].to_numpy()))
    return found


def critical_difference(
    table: pd.DataFrame, *, alpha: float = 0.05, lower_is_better: bool = False
) -> CriticalDifference:
    """Friedman's test, and Nemenyi's critical difference of average ranks.

    Parameters
    ----------
    table
        Mean scores without gaps, data sets as rows and three methods or more as columns.
    alpha
        Probability of telling any two methods apart that are alike.
    lower_is_better
        Whether less is better.

    Returns
    -------
    A `CriticalDifference`.

    Raises
    ------
    ValueError
        For fewer than three methods or two data sets, and for gaps.

    References
    ----------
    Demsar, Journal of Machine Learning Research 7 (2006), section 3.2.2: CD = q sqrt(k (k + 1) / (6 N)), q the
    quantile of the studentized range divided by sqrt(2).

    Examples
    --------
    >>> import pandas as pd
    >>> from pathweave.evaluate import critical_difference
    >>> table = pd.DataFrame({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.7, 0.6], "c": [0.5, 0.6, 0.5]})
    >>> found = critical_difference(table)
    >>> found.ranks.to_dict(), round(found.cd, 2), found.cliques
    ({'a': 1.0, 'b': 2.0, 'c': 3.0}, 1.91, [('a', 'b'), ('b', 'c')])
    """
    if not 0 < alpha < 1:
        msg = f"alpha={alpha!r} must lie between 0 and 1, such as 0.05."
        raise ValueError(msg)
    values = _checked(table)
    n, k = values.shape
    if n < 2 or k < 3:
        msg = f"table holds {n} data set(s) and {k} method(s); 2 and 3 are needed (signed_rank compares two methods)."
        raise ValueError(msg)
    if values.isna().any(axis=None):
        gaps = values.index[values.isna().any(axis=1)]
        msg = f"table holds NaN in data set(s) {listed(gaps)}; drop these rows, or the methods without scores."
        raise ValueError(msg)
    # Scores that are equal in print can differ in the last bit, which would break ties.
    values = values.round(12)
    ranks = values.rank(axis=1, ascending=lower_is_better)
    chi2, p = 0.0, 1.0
    if (ranks.std(axis=1) > 0).any():
        found = stats.friedmanchisquare(*ranks.to_numpy().T)
        chi2, p = float(found.statistic), float(found.pvalue)
    f, p_f = iman_davenport(chi2, n, k)
    q = float(stats.studentized_range.ppf(1 - alpha, k, np.inf)) / np.sqrt(2)
    cd = float(q * np.sqrt(k * (k + 1) / (6 * n)))
    mean = ranks.mean().sort_values(kind="stable")
    return CriticalDifference(mean, cd, chi2, p, f, p_f, _cliques(mean, cd), n)


def iman_davenport(chi2: float, n: int, k: int) -> tuple[float, float]:
    """F and p of Iman and Davenport's form of Friedman's test; F is infinite where all data sets agree."""
    rest = n * (k - 1) - chi2
    if rest <= 1e-9 * n:
        return float("inf"), 0.0
    f = (n - 1) * chi2 / rest
    return f, float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))


def _cliques(ranks: pd.Series, cd: float) -> list[tuple[str, ...]]:
    """Runs of neighbours in rank that lie closer than `cd`, without those inside another."""
    found: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(ranks)):
        end = int(np.sum(ranks.to_numpy() - ranks.iloc[start] < cd))
        if end - start > 1 and end > reached:
            found.append(tuple(str(name) for name in ranks.index[start:end]))
        reached = max(reached, end)
    return found


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame):
        msg = (
            f"table must be a DataFrame of data sets x methods, found {type(table).__name__}; of reports, such as "
            "{'one set': report, ...}, make one by pandas.DataFrame({name: r.summary()['mean'] for name, r in "
            "reports.items()}).T."
        )
        raise TypeError(msg)
    if table.shape[1] < 2:
        msg = f"table has {table.shape[1]} column(s); one a method is needed, two at least."
        raise ValueError(msg)
    check_unique(table.columns, "methods (columns of table)")
    text = [c for c in table if not pd.api.types.is_numeric_dtype(table[c])]
    if text:
        msg = f"table must hold scores; column(s) {listed(text)} hold no numbers. Data sets belong in the index: set_index."
        raise ValueError(msg)
    return table.astype(np.float64)

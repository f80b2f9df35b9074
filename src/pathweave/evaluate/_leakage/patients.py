"""Samples of one patient on both sides of a split: by group, by name, by a column nobody named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pathweave.evaluate._leakage.read import codes, levels, words
from pathweave.evaluate._leakage.report import Checked, Finding, count, named, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Study

_TCGA = re.compile(r"^(TCGA[-.][A-Z0-9]{2}[-.][A-Z0-9]{4})[-.]\d{2}", re.IGNORECASE)
_REPLICATE = re.compile(
    r"^(.+?)[-_. ]+(?:(?:tech|bio)?(?:rep|repl|replicate|dup|duplicate|run|copy|rerun)[-_. ]?\d*"
    r"|(?:tumou?r|normal|primary|relapse|metastasis|pre|post|before|after|baseline|followup)"
    r"|(?:visit|day|week|month|timepoint|time)[-_. ]?\d+)$",
    re.IGNORECASE,
)
_UNIQUE = re.compile(r"^(.+)[-.]\d+$")  # what make.unique and obs_names_make_unique append
_PERSON_WORDS = frozenset(
    {"patient", "patients", "patientid", "donor", "subject", "individual", "participant", "animal", "bcr"}
)  # fmt: skip
_NO_PERSON_WORDS = frozenset(
    {"age", "sex", "gender", "group", "type", "status", "stage", "race", "source", "class"}
)


def check_overlap(study: Study) -> Checked:
    """Samples that are in training and test part of one split."""
    if study.train is None or study.test is None:
        return not_run("no splits=")
    both = study.train & study.test
    if not both.any():
        return Checked()
    shared = np.flatnonzero(both.any(axis=0))
    what = (
        f"{count(len(shared), 'sample')} are in training and test part of one split ({int(both.any(axis=1).sum())} of "
        f"{len(both)} splits): {named(study.names[shared])}."
    )
    advice = "Make the parts of each split disjoint."
    return Checked([Finding("error", "", what, float(both.any(axis=1).sum()), len(shared), advice)])


def check_groups(study: Study) -> Checked:
    """Groups torn by a split, or a column that names patients although no groups are given."""
    if study.groups is not None:
        return _torn_groups(study)
    column = _person_column(study)
    if column is None:
        return not_run("no groups=, and no column of obs names patients more than once")
    code = codes(study.obs[column])
    n_people, n = len(np.unique(code[code >= 0])), int((code >= 0).sum())
    if study.train is not None and not len(_torn_codes(study, code)):
        return Checked()
    torn = f"; the splits tear {len(_torn_codes(study, code))} of them" if study.train is not None else ""
    what = f"Column {column!r} of obs names {n_people} individuals for {n} samples, but no groups= is given{torn}."
    advice = f"Pass groups={column!r}, so that samples of one individual stay on one side of each split."
    return Checked([Finding("warning", "", what, n / n_people, n_people, advice)])


def _torn_groups(study: Study) -> Checked:
    groups = study.groups
    if groups is None or study.train is None:
        return not_run("no splits=; groups= keeps groups together when splits are made")
    torn = _torn_codes(study, groups)
    if not len(torn):
        return Checked()
    names = np.array(levels(study.obs[study.groups_column]))[torn]
    total = len(np.unique(groups[groups >= 0]))
    what = (
        f"{len(torn)} of {total} groups ({study.groups_column!r}) have samples in training and test part of one split: "
        f"{named(names)}."
    )
    advice = f"Split by group: cross_validate(..., groups={study.groups_column!r}), or GroupKFold."
    return Checked([Finding("error", "", what, len(torn) / total, len(torn), advice)])


def _torn_codes(study: Study, code: np.ndarray) -> np.ndarray:
    if study.train is None or study.test is None:
        return np.array([], dtype=np.int64)
    shared = [
        np.intersect1d(code[train & (code >= 0)], code[test & (code >= 0)])
        for train, test in zip(study.train, study.test, strict=True)
    ]
    return np.unique(np.concatenate(shared))


def _person_column(study: Study) -> str | None:
    """The column that names individuals more than once each, if there is one."""
    used = {c for o in study.outcomes for c in o.target.columns}
    for column in study.obs.columns:
        parts = set(words(column))
        if column in used or not parts & _PERSON_WORDS or parts & _NO_PERSON_WORDS:
            continue
        code = codes(study.obs[column])
        n, n_people = int((code >= 0).sum()), len(np.unique(code[code >= 0]))
        if max(5, 0.05 * n) <= n_people < n:
            return str(column)
    return None


def check_names(study: Study) -> Checked:
    """Names that differ by no more than the suffix of a sample or a replicate."""
    root = pd.Series(_roots([str(name) for name in study.names]))
    size = root.map(root.value_counts())
    several = np.flatnonzero((size > 1).to_numpy())
    roots = root.iloc[several].unique()
    if not len(several) or len(roots) < 2 or len(root.unique()) < 0.1 * len(root):
        return Checked()
    if _are_conditions(study, root):
        return Checked()
    code = pd.factorize(root)[0]
    if study.groups is not None:
        own = pd.Series(study.groups[several]).groupby(code[several]).nunique()
        if (own == 1).all():
            return Checked()
    if study.train is not None:
        torn = _torn_codes(study, code)
        roots = pd.factorize(root)[1][torn]
        several = np.flatnonzero(np.isin(code, torn))
        if not len(torn):
            return Checked()
    examples = [study.names[root == r][:2] for r in roots[:3]]
    shown = "; ".join(" and ".join(map(str, e)) for e in examples)
    placed = "are on both sides of a split" if study.train is not None else "would be split apart"
    what = (
        f"{len(several)} samples of {len(roots)} individuals, told by their names, {placed}: {shown}"
        f"{' ...' if len(roots) > 3 else ''}."
    )
    advice = _grouping(study, root, several)
    return Checked([Finding("warning", "", what, len(several) / len(roots), len(several), advice)])


def _roots(names: list[str]) -> list[str]:
    known = set(names)
    roots = []
    for name in names:
        tcga, replicate, unique = _TCGA.match(name), _REPLICATE.match(name), _UNIQUE.match(name)
        if tcga:
            roots.append(tcga[1].upper().replace(".", "-"))
        elif replicate:
            roots.append(replicate[1])
        else:
            roots.append(unique[1] if unique and unique[1] in known else name)
    return roots


def _are_conditions(study: Study, root: pd.Series) -> bool:
    """Whether the roots name the classes (treated_rep1 ...) rather than patients."""
    for outcome in study.outcomes:
        if outcome.target.task == "class":
            table = pd.crosstab(root.to_numpy(), outcome.y)
            if len(table) <= max(2, len(outcome.target.classes)) and (table > 0).sum(axis=1).max() == 1:
                return True
    return False


def _grouping(study: Study, root: pd.Series, several: np.ndarray) -> str:
    """Which column would keep these samples together, or how to make one."""
    code = pd.factorize(root)[0]
    for column in study.obs.columns:
        own = codes(study.obs[column])
        pairs = pd.DataFrame({"root": code[several], "own": own[several]}).drop_duplicates()
        fits = len(pairs) == pairs["root"].nunique() == pairs["own"].nunique()
        if fits and (own[several] >= 0).all() and len(np.unique(own)) >= len(np.unique(code)):
            return f"Pass groups={str(column)!r}, which keeps these samples together."
    if _TCGA.match(str(study.names[several[0]])):
        recipe = "mdata.obs_names.str[:12]"
    else:
        stem = str(root.iloc[int(several[0])])
        recipe = f"[the name without its suffix, such as {stem!r}]"
    return f"Set mdata.obs['patient'] = {recipe} and pass groups='patient'."

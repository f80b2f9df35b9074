"""Bring the four tables of a graph into their one canonical form, or say what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pathweave._core.checks import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

SEP = ";"
NODES = {"id": "", "kind": "", "symbol": "", "name": ""}
EDGES = {"source": "", "target": "", "type": "interaction", "sign": 0, "directed": True,
         "pathways": "", "database": "", "weight": 1.0, "flags": ""}  # fmt: skip
PATHWAYS = {"id": "", "name": "", "database": "", "parents": ""}
MEMBERS = {"node": "", "pathway": ""}
UNCLAIMED = "unclaimed"
"""Flag of an edge that one source gives without a pathway, another one within some."""
TRUE = frozenset({"true", "t", "1", "1.0", "yes", "y"})
FALSE = frozenset({"false", "f", "0", "0.0", "no", "n"})
EDGE_KEY = ["source", "target", "type", "sign", "directed"]

KIND_OF_PREFIX = {
    "hgnc": "gene", "ncbigene": "gene", "ensembl": "gene", "uniprot": "gene", "symbol": "gene",
    "chebi": "compound", "kegg.compound": "compound", "kegg.glycan": "compound",
    "kegg.drug": "compound", "hmdb": "compound", "reactome": "pathway", "kegg.pathway": "pathway",
    "mirbase": "mirna", "kegg.orthology": "ortholog", "ec-code": "enzyme", "kegg.genes": "gene",
}  # fmt: skip


def split(joined: str) -> list[str]:
    """Take a ``";"``-joined text apart."""
    return [part for part in joined.split(SEP) if part]


def join(parts: Iterable[str]) -> str:
    """Join names, sorted and without repeats."""
    return SEP.join(sorted({part for part in parts if part}))


def _join_texts(texts: pd.Series) -> str:
    return join(p for text in texts for p in split(text))


def columns(
    table: str, frame: pd.DataFrame | None, defaults: dict[str, Any], required: tuple[str, ...]
) -> pd.DataFrame:
    """Check and complete the columns of one table; returns a copy."""
    if frame is None:
        frame = pd.DataFrame({name: [] for name in required})
    if not isinstance(frame, pd.DataFrame):
        msg = f"{table} must be a DataFrame, found {type(frame).__name__}."
        raise TypeError(msg)
    lacking = [name for name in required if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in defaults]
    if lacking or unknown:
        what = (
            f"lacks the columns {listed(lacking)}" if lacking else f"has unknown {listed(unknown)}"
        )
        msg = f"{table} {what}; columns: {listed(defaults, 10)}, of which {listed(required)} must be there."
        raise ValueError(msg)
    data: dict[str, Any] = {}
    for name, default in defaults.items():
        if name not in frame.columns:
            data[name] = np.full(len(frame), default, dtype=object if default == "" else None)
        elif isinstance(default, str):
            column = frame[name].astype(object)
            data[name] = column.where(column.notna(), default).astype(str).to_numpy(dtype=object)
        else:
            data[name] = frame[name].to_numpy()
    out = pd.DataFrame(data, columns=list(defaults))
    for name in required:
        empty = np.flatnonzero(out[name].to_numpy() == "")
        if len(empty):
            msg = f"{table}: column {name!r} is empty in {len(empty)} row(s), the first is row {empty[0]}."
            raise ValueError(msg)
    return out


def nodes_table(frame: pd.DataFrame | None) -> pd.DataFrame:
    """Nodes: one row an id, sorted; the kind is guessed from the prefix where none is given."""
    out = columns("nodes", frame, NODES, ("id",))
    bare = out.loc[out["kind"] == "", "id"]
    if len(bare):
        prefix = bare.str.split(":", n=1).str[0].str.lower()
        out.loc[bare.index, "kind"] = prefix.map(KIND_OF_PREFIX).fillna("other").astype(object)
    # "other" is what nobody knows better, so that a kind that is told wins in whatever order.
    out = _first_filled(out.assign(kind=out["kind"].replace("other", "")))
    return out.assign(kind=out["kind"].replace("", "other"))


def pathways_table(frame: pd.DataFrame | None) -> pd.DataFrame:
    """Pathways: one row an id, sorted; all parents must be rows too."""
    out = columns("pathways", frame, PATHWAYS, ("id",))
    bad = out.loc[out["id"].str.contains(SEP, regex=False), "id"]
    if len(bad):
        msg = (
            f"pathways: an id must not hold {SEP!r} (it joins ids in other columns): {listed(bad)}."
        )
        raise ValueError(msg)
    out["parents"] = [join(split(text)) for text in out["parents"]]
    out = _first_filled(out)
    known = set(out["id"])
    lost = sorted({p for text in out["parents"] for p in split(text)} - known)
    if lost:
        msg = f"pathways: {len(lost)} parent(s) are not rows of the table: {listed(lost)}."
        raise ValueError(msg)
    return out


def _first_filled(out: pd.DataFrame) -> pd.DataFrame:
    """One row an id: for each column the first text that is not empty; sorted by id."""
    if out["id"].duplicated().any():
        filled = out.set_index("id").replace("", None)
        out = filled.groupby(level=0, sort=False).first().astype(object)
        out = out.where(out.notna(), "").reset_index()
    return out.sort_values("id", kind="stable", ignore_index=True)


def members_table(
    frame: pd.DataFrame | None, nodes: pd.DataFrame, pathways: pd.DataFrame
) -> pd.DataFrame:
    """Memberships: sorted, each pair once; both ends must exist."""
    out = columns("members", frame, MEMBERS, ("node", "pathway"))
    _must_exist("members", "node", out["node"], nodes["id"], "nodes")
    _must_exist("members", "pathway", out["pathway"], pathways["id"], "pathways")
    out = out.drop_duplicates(ignore_index=True)
    return out.sort_values(["pathway", "node"], ignore_index=True)


def edges_table(
    frame: pd.DataFrame | None, nodes: pd.DataFrame, pathways: pd.DataFrame
) -> pd.DataFrame:
    """Edges: one row per (source, target, type, sign, directed), sorted; both ends must exist."""
    out = columns("edges", frame, EDGES, ("source", "target"))
    _must_exist("edges", "source", out["source"], nodes["id"], "nodes")
    _must_exist("edges", "target", out["target"], nodes["id"], "nodes")
    out["sign"] = _signs(out["sign"])
    out["directed"] = truth(out["directed"], "directed", table="edges", empty=None)
    out["weight"] = out["weight"].astype(float) + 0.0  # -0.0 is 0.0
    if not np.isfinite(out["weight"].to_numpy(float)).all():
        msg = "edges: column 'weight' holds values that are not finite; give each edge a number."
        raise ValueError(msg)
    carried = out["pathways"].unique()
    ids = pd.Series([p for text in carried for p in split(text)], dtype=object)
    _must_exist("edges", "pathways", ids, pathways["id"], "pathways")
    turn = (~out["directed"] & (out["source"] > out["target"])).to_numpy()
    ends = out[["source", "target"]].to_numpy()
    out["source"] = np.where(turn, ends[:, 1], ends[:, 0])
    out["target"] = np.where(turn, ends[:, 0], ends[:, 1])
    for name in ("pathways", "database", "flags"):
        sorted_ = {text: join(split(text)) for text in out[name].unique()}
        out[name] = out[name].map(sorted_).astype(object)
    # Rows that are the same in all are most of those that two graphs share.
    out = out.drop_duplicates(ignore_index=True)
    twice = out.duplicated(EDGE_KEY, keep=False)
    if twice.any():
        texts = dict.fromkeys(("pathways", "database", "flags"), _join_texts)
        how = {**texts, "weight": "max", "bare": "max"}
        bare = out.loc[twice, "pathways"] == ""
        merged = out[twice].assign(bare=bare).groupby(EDGE_KEY, as_index=False, sort=False).agg(how)
        # What one source gives without a pathway holds in all, whatever another source says.
        both = merged["bare"] & (merged["pathways"] != "")
        merged.loc[both, "flags"] = [join([*split(f), UNCLAIMED]) for f in merged["flags"][both]]
        out = pd.concat([out[~twice], merged[list(EDGES)]], ignore_index=True)
    return out.sort_values(EDGE_KEY, ignore_index=True)


def truth(
    values: pd.Series, column: str, *, table: str = "table", empty: bool | None = False
) -> np.ndarray:
    """Read true and false in their many spellings; `empty` where there is nothing (None: an error)."""
    if values.dtype == bool:
        return values.to_numpy()
    word = "nothing" if empty is None else str(empty).lower()
    words = values.astype(object).where(values.notna(), word).astype(str)
    words = words.str.strip().str.lower().replace("", word)
    odd = ~words.isin(TRUE | FALSE)
    if odd.any():
        msg = f"{table}: {column!r} must be true or false, found {listed(values[odd].unique())}."
        raise ValueError(msg)
    return words.isin(TRUE).to_numpy()


def unclaimed(edges: pd.DataFrame) -> pd.Series:
    """Tell which edges some source gives without a pathway: they hold in all."""
    flagged = {text: UNCLAIMED in split(text) for text in edges["flags"].unique()}
    return (edges["pathways"] == "") | edges["flags"].map(flagged).astype(bool)


def _signs(sign: pd.Series) -> np.ndarray:
    values = pd.to_numeric(sign, errors="coerce")
    bad = ~values.isin([-1, 0, 1])
    if bad.any():
        found = listed(sign[bad].unique())
        msg = f"edges: column 'sign' must be -1, 0 or 1, found {found}."
        raise ValueError(msg)
    return values.to_numpy().astype(np.int8)


def _must_exist(table: str, column: str, ids: pd.Series, known: pd.Series, where: str) -> None:
    lost = pd.Index(ids.unique()).difference(pd.Index(known))
    if len(lost):
        msg = (
            f"{table}: {len(lost)} id(s) of column {column!r} are not in {where}: {listed(lost)}. "
            f"Add a row for each to {where}."
        )
        raise ValueError(msg)

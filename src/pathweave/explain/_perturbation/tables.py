"""From tallies of a perturbation to its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathweave.explain._perturbation.edits import Edits
    from pathweave.explain._perturbation.outputs import Voice
    from pathweave.explain._perturbation.run import GroupRun


def output_tables(
    voice: Voice, runs: list[GroupRun], edits: Edits, names: pd.Index
) -> dict[str, pd.DataFrame]:
    """Tables ``outputs``, ``latent``, ``pathway``, ``layer`` and ``samples`` of all groups."""
    made: dict[str, list[pd.DataFrame]] = {
        "outputs": [], "latent": [], "pathway": [], "layer": []
    }  # fmt: skip
    for run in runs:
        made["outputs"].append(_outputs(voice, run))
        made["latent"].append(_latent(voice, run))
        made["pathway"].append(_pathway(voice, run))
        made["layer"].append(_layer(voice, run, edits))
    tables = {part: pd.concat(found, ignore_index=True) for part, found in made.items()}
    tables["samples"] = _samples(voice, runs, names)
    return tables


def _framed(run: GroupRun, columns: pd.DataFrame, numbers: dict[str, np.ndarray]) -> pd.DataFrame:
    table = columns.assign(**numbers)
    table.insert(0, "group", run.group)
    return table


def _outputs(voice: Voice, run: GroupRun) -> pd.DataFrame:
    columns = voice.columns("outputs")
    if columns.empty:
        names = ("before", "after", "shift", "se", "low", "high", "effect", "up", "p_random")
        empty = _framed(run, columns, {name: np.zeros(0) for name in names})
        return empty.assign(n_samples=np.zeros(0, dtype=int))
    tally, n = run.tallies["outputs"], len(run.rows)
    more = {"effect": np.asarray(tally.effect), "up": np.asarray(tally.up)}
    p = np.full(len(columns), np.nan) if run.p is None else run.p
    return _framed(run, columns, {**tally.numbers(n), **more, "p_random": p}).assign(n_samples=n)


def _latent(voice: Voice, run: GroupRun) -> pd.DataFrame:
    tally, n = run.tallies["latent"], len(run.rows)
    spread = tally.spread
    numbers = tally.numbers(n)
    sds = np.divide(numbers["shift"], spread, out=np.zeros_like(spread), where=spread > 1e-12)
    table = _framed(run, voice.columns("latent"), {**numbers, "sds": sds})
    moved = run.tallies["distance"].numbers(n)
    whole = float(np.sqrt(np.square(spread).sum()))
    share = moved["shift"] / whole if whole > 1e-12 else np.zeros(1)
    last = _framed(run, pd.DataFrame({"dimension": ["distance"]}), {**moved, "sds": share})
    return pd.concat([table, last], ignore_index=True)


def _pathway(voice: Voice, run: GroupRun) -> pd.DataFrame:
    columns = voice.columns("pathway")
    if columns.empty:
        names = ("before", "after", "shift", "se", "low", "high")
        empty = _framed(run, columns, {name: np.zeros(0) for name in names})
        return empty.assign(rank=np.zeros(0, dtype=int))
    table = _framed(run, columns, run.tallies["pathway"].numbers(len(run.rows)))
    return _ranked(table, "shift")


def _layer(voice: Voice, run: GroupRun, edits: Edits) -> pd.DataFrame:
    columns = voice.columns("layer")
    numbers = run.tallies["layer"].numbers(len(run.rows))
    layers = list(dict.fromkeys(columns["layer"]))
    spread = np.concatenate([edits.scales[name].spread for name in layers])
    sds = np.divide(numbers["shift"], spread, out=np.zeros_like(spread), where=spread > 0)
    changed = []
    for name in layers:
        mask = np.zeros(len(edits.scales[name].spread), dtype=bool)
        mask[edits.positions().get(name, np.zeros(0, dtype=int))] = True
        changed.append(mask)
    table = _framed(run, columns, {**numbers, "sds": sds, "changed": np.concatenate(changed)})
    return _ranked(table, "sds")


def _ranked(table: pd.DataFrame, by: str) -> pd.DataFrame:
    order = np.argsort(-table[by].abs().to_numpy(), kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    table["rank"] = np.arange(1, len(table) + 1)
    return table


def _samples(voice: Voice, runs: list[GroupRun], names: pd.Index) -> pd.DataFrame:
    """Long table over all samples and outputs, in the order of the samples; NaN where nothing was changed."""
    columns = voice.columns("outputs")
    if "latent" in voice.parts:
        more = pd.DataFrame({"target": ["latent"], "output": ["distance"], "unit": ["units of the latent"]})  # fmt: skip
        columns = pd.concat([columns, more], ignore_index=True)
    n, k = len(names), len(columns)
    before, after = np.full((n, k), np.nan), np.full((n, k), np.nan)
    group = np.full(n, "", dtype=object)
    for run in runs:
        group[run.rows] = run.group
        zero = np.zeros((len(run.rows), 1))
        before[run.rows] = np.hstack([np.concatenate(run.before), zero])
        after[run.rows] = np.hstack(
            [np.concatenate(run.after), np.concatenate(run.distance)[:, None]]
        )
    table = pd.DataFrame(
        {
            "sample": np.repeat(names.astype(str).to_numpy(), k),
            "group": np.repeat(group, k),
            **{c: np.tile(columns[c].to_numpy(), n) for c in columns},
        }
    )
    return table.assign(before=before.ravel(), after=after.ravel(), shift=(after - before).ravel())

"""Features that were chosen with the labels: no unassociated ones are left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pathweave.evaluate._leakage.association import (
    filled,
    independent,
    outcome_basis,
    project,
    ranks,
)
from pathweave.evaluate._leakage.read import codes, levels, words
from pathweave.evaluate._leakage.report import Checked, Finding, not_run

if TYPE_CHECKING:
    from pathweave.evaluate._leakage.read import Layer, Outcome, Study

_MIN_FEATURES = 20
_MIN_SAMPLES = 12
_WITHOUT = 0.02
_LARGEST_P = 0.25
_SMALLEST_P = 1e-9
_P_HOLE = 1e-5
_N_SHUFFLES = 99
_PARTS = frozenset({"split", "train", "test", "fold", "partition", "subset"})


@dataclass(frozen=True)
class Shape:
    """How the associations of a layer with an outcome are distributed.

    ``p_edge`` is the p-value that all but 2 % of the features are below, ``p_hole`` the probability that a
    distribution with one mode leaves so few near no association, ``edge`` how abruptly the distribution ends
    (positive: cut off; negative: it tails off), ``n_independent`` how many independent features there are.
    """

    p_edge: float
    p_hole: float
    edge: float
    n_independent: float
    beats_chance: bool

    @property
    def cut(self) -> bool:
        """Whether weak associations have been cut off."""
        if not (self.beats_chance and self.n_independent >= 5):
            return False
        # Below, all features are so strongly associated that choosing them did no harm.
        within = _SMALLEST_P < self.p_edge <= _LARGEST_P
        return within and (self.p_hole < _P_HOLE or self.edge > 0)

    @property
    def sharp(self) -> bool:
        """Whether the cut was made on these very samples."""
        return self.cut and self.edge > 0


def check_selection(study: Study) -> Checked:
    """Look at all samples, and at parts in which a selection may have been made."""
    if not study.outcomes:
        return not_run("no target")
    findings, small = [], []
    for outcome in study.outcomes:
        for layer in study.layers:
            part = layer.some(study.seed)
            everywhere = _shape_of(part, outcome, np.ones(len(study.names), dtype=bool), study.seed)
            if everywhere is None:
                small.append(layer.name)
                continue
            finding = _finding(study, part, outcome, everywhere, len(layer.features))
            if finding is not None:
                findings.append(finding)
    why = f"fewer than {_MIN_FEATURES} features or {_MIN_SAMPLES} samples in {', '.join(small)}"
    if small and len(small) == len(study.layers) * len(study.outcomes):
        return not_run(why)
    return Checked(findings, why if small else "")


def _finding(
    study: Study, layer: Layer, outcome: Outcome, everywhere: Shape, n: int
) -> Finding | None:
    for where, mask, is_split in _parts(study):
        shape = _shape_of(layer, outcome, mask, study.seed)
        if shape is not None and shape.sharp and shape.edge > everywhere.edge + 0.2:
            what = (
                f"The features look chosen with the labels ({outcome.name}) of {where} alone: there all but {_WITHOUT:.0%} of "
                f"{n} features have p below {shape.p_edge:.1g}, and the distribution breaks off at that point."
            )
            advice = (
                "A score on the samples outside that part is fair; with any other split, cross-validation included, it is "
                "optimistic, and no later step undoes that. Start from the unselected features for it."
            )
            return Finding("note" if is_split else "warning", layer.name, what, shape.p_edge, n, advice)
    if everywhere.cut:
        what = (
            f"The features look chosen with the labels ({outcome.name}): all but {_WITHOUT:.0%} of {n} features have p below "
            f"{everywhere.p_edge:.1g}, and the unassociated ones that any unselected layer holds are missing."
        )
        advice = (
            "Cross-validation on them is optimistic, and no later step undoes that: start from the unselected features, and "
            "choose inside the folds (cross_validate(..., select=)). If the layer is a panel of known markers, say so."
        )
        return Finding("warning", layer.name, what, everywhere.p_edge, n, advice)
    if everywhere.beats_chance and everywhere.p_edge <= 0.05 and everywhere.n_independent >= 5:
        what = (
            f"Nearly all of {n} features are associated with {outcome.name} (all but {_WITHOUT:.0%} have p below "
            f"{everywhere.p_edge:.1g}). It looks like strong biology: associations tail off, they are not cut off."
        )
        advice = "If the features were nevertheless chosen with these labels, choose inside the folds instead."
        return Finding("note", layer.name, what, everywhere.p_edge, n, advice)
    return None


def _parts(study: Study) -> list[tuple[str, np.ndarray, bool]]:
    """Parts in which features may have been chosen: a single split's training part, values of split columns."""
    parts = []
    if study.train is not None and len(study.train) <= 2:
        parts += [
            ("the training part" if len(study.train) == 1 else f"training part {k}", mask, len(study.train) == 1)
            for k, mask in enumerate(study.train)
        ]  # fmt: skip
    for column in study.obs.columns:
        if not set(words(column)) & _PARTS:
            continue
        code = codes(study.obs[column])
        names = levels(study.obs[column])
        if len(np.unique(code[code >= 0])) == 2:
            parts += [
                (f"the samples with {column} = {names[k]}", code == k, False)
                for k in np.unique(code[code >= 0])
            ]
    return parts


def _shape_of(layer: Layer, outcome: Outcome, mask: np.ndarray, seed: int) -> Shape | None:
    rows = outcome.known & mask
    inside = rows[layer.rows]
    basis = outcome_basis(outcome, layer.rows[inside])
    x = filled(layer.x[inside])
    x = x[:, np.ptp(x, axis=0) > 0] if len(x) else x
    n, p = x.shape
    if p < _MIN_FEATURES or n < max(_MIN_SAMPLES, basis.shape[1] + 5) or not basis.shape[1]:
        return None
    rng = np.random.default_rng(seed)
    shapes = [_shape(values, basis, rng) for values in (x, ranks(x))]
    cut = [s for s in shapes if s.cut]
    return max(cut or shapes, key=lambda s: s.edge)


def _shape(x: np.ndarray, basis: np.ndarray, rng: np.random.Generator) -> Shape:
    z, p = project(x, basis)
    p_edge = float(np.quantile(p, 1 - _WITHOUT))
    if p_edge > _LARGEST_P:
        return Shape(p_edge, 1.0, -1.0, 0.0, beats_chance=False)
    shuffled = [
        float(np.quantile(project(x, basis[rng.permutation(len(x))])[1], 1 - _WITHOUT))
        for _ in range(_N_SHUFFLES)
    ]
    d = basis.shape[1]
    radius = np.sqrt(stats.chi2.isf(p, d))
    return Shape(
        p_edge,
        _hole(z, radius, d),
        _edge(radius),
        independent(x, basis),
        beats_chance=p_edge < min(shuffled),
    )


def _hole(z: np.ndarray, radius: np.ndarray, d: int) -> float:
    """Probability that a distribution of associations with one mode leaves such a hole around none.

    In one dimension the density in [-h, h] is at least the lesser of those in [-2h, -h] and [h, 2h]; in
    several, with effects in all directions, a ball holds at least its share of the ball twice as wide.
    """
    best = 1.0
    for p in (0.2, 0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-6):
        h = float(np.sqrt(stats.chi2.isf(p, d)))
        inside = int((radius < h).sum())
        shell = (radius >= h) & (radius < 2 * h)
        if d == 1:
            up = int((shell & (z[:, 0] > 0)).sum())
            outside, share = min(up, int(shell.sum()) - up), 2 / 3
        else:
            one_sided = float((z.mean(axis=0) ** 2).sum() / (z**2).sum(axis=1).mean())
            outside, share = (int(shell.sum()) if one_sided < 0.3 else 0), 2.0**-d
        if outside:
            best = min(best, float(stats.binom.cdf(inside, inside + outside, share)))
    return best


def _edge(radius: np.ndarray) -> float:
    """How much the weakest associations crowd at their limit, 0 being half-way between a cut and a tail."""
    ordered = np.sort(radius)[int(_WITHOUT * len(radius)) :]
    k = max(len(ordered) // 4, 2)
    low = ordered[0]
    quarter = float(((ordered[:k] - low) / max(ordered[k - 1] - low, 1e-12)).mean())
    middle = float(np.median(radius))
    lower = ordered[ordered <= middle]
    crowd = float((lower < (low + middle) / 2).mean())
    return crowd - quarter

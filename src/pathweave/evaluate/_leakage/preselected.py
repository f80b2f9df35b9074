"""Features that were chosen with the labels: no unassociated ones are left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pathweave.evaluate._association import associate, filled, n_independent, span
from pathweave.evaluate._leakage.read import codes, words
from pathweave.evaluate._leakage.report import Checked, Finding, checked, not_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pathweave.evaluate._leakage.read import Layer, Outcome, Study

_MIN_FEATURES = 50
_MIN_SAMPLES = 12
_WITHOUT = 0.02
_LARGEST_P = 0.25
_SMALLEST_P = 1e-9
_EDGE = -0.1
_P_HOLE = 1e-5
_N_SHUFFLES = 99
_PARTS = frozenset({"split", "train", "test", "fold", "partition", "subset"})


@dataclass(frozen=True)
class Shape:
    """How the associations of a layer with an outcome are distributed.

    ``p_edge`` is the p-value that all but 2 % of the features are below, ``edge`` how the distribution ends:
    about 0.1 where weak associations were cut off, so that the weakest are the most, and about -0.4 where
    it tails off. ``hole`` says whether both directions are there and hardly anything between them, ``real``
    whether shuffled labels give nothing like it.
    """

    p_edge: float
    edge: float
    hole: bool
    real: bool

    @property
    def sharp(self) -> bool:
        """Whether weak associations were cut off here; beyond p = 1e-9 choosing did no harm that matters."""
        return self.real and self.edge > _EDGE and self.p_edge > _SMALLEST_P

    @property
    def cut(self) -> bool:
        """Whether weak associations are missing."""
        return self.sharp or (self.real and self.hole and self.p_edge > _SMALLEST_P)


def check_selection(study: Study) -> Checked:
    """Look at all samples, and at parts in which a selection may have been made."""
    if not study.outcomes:
        return not_run("no target")
    findings, small = [], []
    for layer in study.layers:
        part = layer.some(study.seed)
        shapes = [
            _shape_of(part, o, np.ones(len(study.names), dtype=bool), study.seed)
            for o in study.outcomes
        ]
        if not any(shapes):
            small.append(layer.name)
        for outcome, shape in zip(study.outcomes, shapes, strict=True):
            finding = _finding(study, part, outcome, shape, len(layer.features)) if shape else None
            if finding is not None:
                findings.append(finding)
    return checked(findings, small, len(study.layers))


def _finding(
    study: Study, layer: Layer, outcome: Outcome, everywhere: Shape, n: int
) -> Finding | None:
    for where, mask, is_split in _parts(study):
        shape = _shape_of(layer, outcome, mask, study.seed)
        if shape is not None and shape.sharp and shape.edge > everywhere.edge + 0.2:
            what = (
                f"The features look chosen with the labels ({outcome.name}) of {where} alone: there all but {_WITHOUT:.0%} of "
                f"{n} have p below {shape.p_edge:.1g}, and the distribution breaks off at that point."
            )
            advice = (
                "A score on the samples outside that part is fair; with any other split, cross-validation included, it is "
                "optimistic, and no later step undoes that. Start from the unselected features for it."
            )
            severity = "note" if is_split else "warning"
            return Finding(severity, layer.name, what, shape.p_edge, n, advice)  # type: ignore[arg-type]
    if everywhere.cut:
        what = (
            f"The features look chosen with the labels ({outcome.name}): all but {_WITHOUT:.0%} of {n} have p below "
            f"{everywhere.p_edge:.1g}, and the weaker ones that an unselected layer would hold are missing."
        )
        advice = (
            "Cross-validation on them is optimistic, and no later step undoes that: start from the unselected features, and "
            "choose inside the folds (cross_validate(..., select=)). If the layer is a panel of known markers, say so."
        )
        return Finding("warning", layer.name, what, everywhere.p_edge, n, advice)
    if everywhere.real and everywhere.p_edge <= 0.05:
        how = (
            "and tail off, as strong biology does"
            if everywhere.edge <= _EDGE
            else "too strongly for choosing to matter much"
        )
        what = f"Nearly all features are associated with {outcome.name} (all but {_WITHOUT:.0%} of {n} have p below {everywhere.p_edge:.1g}) {how}."
        advice = "If the features were nevertheless chosen with these labels, choose inside the folds instead."
        return Finding("note", layer.name, what, everywhere.p_edge, n, advice)
    return None


def _parts(study: Study) -> Iterator[tuple[str, np.ndarray, bool]]:
    """Parts in which features may have been chosen: a single split's training part, values of split columns."""
    if len(study.splits) == 1:
        mask = np.zeros(len(study.names), dtype=bool)
        mask[study.splits[0].train] = True
        yield "the training part", mask, True
    for column in study.obs.columns:
        code = codes(study.obs[column]) if set(words(column)) & _PARTS else np.array([-1])
        present = np.unique(code[code >= 0])
        if len(present) == 2:
            for k in present:
                value = study.obs[column].to_numpy()[int(np.argmax(code == k))]
                yield f"the samples with {column} = {value}", code == k, False


def _shape_of(layer: Layer, outcome: Outcome, mask: np.ndarray, seed: int) -> Shape | None:
    inside, task = (outcome.known & mask)[layer.rows], outcome.target.task
    y = outcome.y[layer.rows[inside]]
    x = filled(layer.x[inside])
    x = x[:, np.ptp(x, axis=0) > 0] if len(x) else x
    n, p = x.shape
    varies = n >= _MIN_SAMPLES and len(np.unique(y[:, 1] if y.ndim > 1 else y)) > 1
    if not varies or p < _MIN_FEATURES or n < span(y, task).shape[1] + 5:
        return None
    shapes = [_shape(values, y, task, seed) for values in (x, stats.rankdata(x, axis=0))]
    return max(shapes, key=lambda s: (s.cut, s.edge))


def _shape(x: np.ndarray, y: np.ndarray, task: str, seed: int) -> Shape:
    p, direction = associate(x, y, task)
    p_edge = float(np.quantile(p, 1 - _WITHOUT))
    basis = span(y, task)
    independent = n_independent(x, basis) if p_edge <= _LARGEST_P else 0.0
    if independent < 5:
        return Shape(p_edge, -1.0, hole=False, real=False)
    rng = np.random.default_rng(seed)
    shuffled = [
        np.quantile(associate(x, y[rng.permutation(len(y))], task)[0], 1 - _WITHOUT)
        for _ in range(_N_SHUFFLES)
    ]
    radius = np.sqrt(stats.chi2.isf(p, max(basis.shape[1], 1)))
    hole = independent >= 20 and _p_hole(radius, direction) < _P_HOLE
    return Shape(p_edge, _edge(radius), hole=hole, real=bool(p_edge < min(shuffled)))


def _edge(radius: np.ndarray) -> float:
    """How much the weakest associations crowd at their limit."""
    ordered = np.sort(radius)
    k = max(len(ordered) // 4, 2)
    low, middle = ordered[0], float(np.median(radius))
    quarter = float(((ordered[:k] - low) / max(ordered[k - 1] - low, 1e-12)).mean())
    lower = ordered[ordered <= middle]
    return float((lower < (low + middle) / 2).mean()) - quarter


def _p_hole(radius: np.ndarray, direction: np.ndarray) -> float:
    """Probability that a distribution with one mode leaves so few associations between -h and h.

    Its density there is at least the lesser of those from -2h to -h and from h to 2h.
    """
    h = np.quantile(radius, _WITHOUT)
    shell = direction[(radius >= h) & (radius < 2 * h)]
    outside = int(min((shell > 0).sum(), (shell < 0).sum()))
    inside = int((radius < h).sum())
    return float(stats.binom.cdf(inside, inside + outside, 2 / 3)) if outside else 1.0

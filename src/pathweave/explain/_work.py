"""The attributions of every group of samples by one method, one group at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core.progress import progress
from pathweave.explain._paths import (
    Batch,
    Settings,
    batches,
    deeplift,
    even_draws,
    gradient_shap,
    integrated_gradients,
)
from pathweave.explain._pathway_layer import conductance, grad_cam, member_means
from pathweave.explain._tables import Explained
from pathweave.explain._unit_tables import ExplainedUnits
from pathweave.explain._units import Units, feature_ablation, shapley_sampling
from pathweave.nn import single_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pathweave.explain._baselines import Baseline
    from pathweave.explain._outputs import Job, Question
    from pathweave.models import Estimator

BY_VALUE = {
    "integrated_gradients": integrated_gradients,
    "gradient_shap": gradient_shap,
    "deeplift": deeplift,
}
BY_PATHWAY_LAYER = ("conductance", "grad_cam")


@dataclass
class Work:
    """The attributions of every group, one group at a time, and how far they are from adding up."""

    model: Estimator
    values: dict[str, np.ndarray]
    question: Question
    bases: list[Baseline]
    method: str
    n_steps: int
    batch_size: int
    seed: int
    units: Units | None = None
    worst: float = 0.0
    missed: float = 0.0
    moved: float = 0.0
    past: float = 0.0

    def run(self) -> Iterator[Explained | ExplainedUnits]:
        """Explain group after group."""
        for j, job in enumerate(progress(self.question.jobs, desc="attributing")):
            with single_thread():
                if self.method in BY_VALUE:
                    item: Explained | ExplainedUnits = self._by_value(j, job)
                elif self.units is not None:
                    item = self._by_unit(job, self.units)
                else:
                    item = self._by_pathway_layer(job)
            yield item

    def gap(self) -> dict[str, float | None]:
        """Completeness gap, for the parameters; None for methods that have none."""
        if self.method in ("feature_ablation", "grad_cam"):
            return {"completeness_gap": None, "completeness_gap_relative": None}
        if self.method == "conductance":
            past = self.past / max(self.moved, 1e-12)
            return {
                "completeness_gap": None,
                "completeness_gap_relative": None,
                "past_the_pathways": past,
            }
        relative = self.missed / max(self.moved, 1e-12)
        return {"completeness_gap": self.worst, "completeness_gap_relative": relative}

    def _account(self, total: np.ndarray, gap: np.ndarray) -> None:
        self.worst = max(self.worst, float(np.abs(gap).max()))
        self.missed += float(np.abs(gap).sum())
        self.moved += float(np.abs(total - gap).sum())

    def _by_value(self, j: int, job: Job) -> Explained:
        method = BY_VALUE[self.method]
        item = Explained(
            job.group, job.rows, {n: v[job.rows] for n, v in self.values.items()}, {}, []
        )
        draws = None
        if self.method == "gradient_shap":
            draws = even_draws(len(job.rows), self.n_steps, len(self.bases), seed=self.seed + j)
        settings = Settings(self.n_steps, self.batch_size, draws)
        for output in self.question.outputs:
            parts = []
            for batch in batches(self.values, job.rows, job.which, self.batch_size):
                attributed, gap = method(output, batch, self.bases, settings)
                self._account(np.sum([a.sum(axis=1) for a in attributed.values()], axis=0), gap)
                parts.append(attributed)
            item.add({name: np.concatenate([part[name] for part in parts]) for name in self.values})
        return item

    def _by_unit(self, job: Job, units: Units) -> ExplainedUnits:
        inputs = {name: v[job.rows] for name, v in self.values.items()}
        item = ExplainedUnits(job.group, job.rows, units.level, units.names, units.drive(inputs))
        size = min(self.batch_size, 64)  # the rest of a batch are other units taken away
        for output in self.question.outputs:
            parts = []
            for batch in batches(self.values, job.rows, job.which, size):
                if self.method == "feature_ablation":
                    parts.append(
                        feature_ablation(output, units, batch, self.bases, self.batch_size)
                    )
                    continue
                found, gap = shapley_sampling(
                    output, units, batch, self.bases, n_permutations=self.n_steps,
                    batch_size=self.batch_size, seed=self.seed,
                )  # fmt: skip
                self._account(found.sum(axis=1), gap)
                parts.append(found)
            item.add(np.concatenate(parts))
        return item

    def _by_pathway_layer(self, job: Job) -> ExplainedUnits:
        size = self.batch_size
        if self.method == "conductance":
            size = max(1, size // (self.n_steps + 1))
        cut = list(batches(self.values, job.rows, job.which, size))
        drive = np.concatenate([member_means(self.model, batch) for batch in cut])
        item = ExplainedUnits(job.group, job.rows, "pathway", list(self.model.pathways_), drive)
        for output, net in zip(self.question.outputs, self.question.nets, strict=True):
            item.add(np.concatenate([self._through(output, net, batch) for batch in cut]))
        return item

    def _through(self, output: Any, net: Any, batch: Batch) -> np.ndarray:
        if self.method == "grad_cam":
            return grad_cam(output, net, batch, self.bases[0])
        settings = Settings(self.n_steps, self.batch_size)
        found, past = conductance(output, net, batch, self.bases, settings)
        self._account(found.sum(axis=1), np.zeros(len(past)))
        self.moved += float(
            np.abs(found.sum(axis=1) + past).sum() - np.abs(found.sum(axis=1)).sum()
        )
        self.past += float(np.abs(past).sum())
        return found

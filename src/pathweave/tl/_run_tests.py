"""Tests of pathways for every target of a run, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pathweave import get, io
from pathweave._core import keys
from pathweave.tl._test_pathways import test_pathways
from pathweave.tl._write import write_record

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from mudata import MuData

    from pathweave.models import Estimator

_N_NULL = 100


@dataclass
class Tested:
    """What was tested, by target.

    Attributes
    ----------
    tables
        Tables ``"pathway"`` and ``"gene"`` of each target that could be tested.
    words
        Of every target the verdict, or why there is none.
    """

    tables: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """A paragraph of the report; empty without a target or a graph."""
        if not self.words:
            return ""
        head = (
            "TESTS of pathways against shuffled labels and random pathways (what goes with the outcome in the training "
            "samples, whatever the model says)."
        )
        lines = [
            f"  {line}" if line.startswith(f"{name}: ") else f"  {name}, {line}"
            for name, said in self.words.items()
            for line in said.split("\n")
        ]
        return "\n".join([head, *lines])


def tested(mdata: MuData, model: Estimator, train: np.ndarray) -> Tested:
    """Test the pathways of every target in the training samples; the first target's tests are kept in `mdata`."""
    found = Tested()
    if model.graph_ is None or not len(model.graph_.pathways):
        return found
    with io.quiet_mudata():
        part = mdata[train].copy()
    for name in model.targets_:
        try:
            test_pathways(part, model, of=name, n_null=_N_NULL)
        except ValueError as error:  # too few samples, pathways or events: it says which
            found.words[name] = f"not tested: {error}"
            continue
        if not found.tables:
            tests = part.uns[keys.UNS][keys.PATHWAY_TESTS]
            write_record(mdata, keys.PATHWAY_TESTS, tests)
        found.tables[name] = {
            level: get.pathway_tests(part, level=level) for level in ("pathway", "gene")
        }
        found.words[name] = found.tables[name]["pathway"].attrs["verdict"]
    return found

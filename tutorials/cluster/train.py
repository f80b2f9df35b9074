"""Fit a model in as many processes as ``torchrun`` starts; the script is that of one process.

``python train.py``, ``torchrun --nproc-per-node 2 train.py`` on one machine, or ``sbatch job.sbatch`` on a cluster
give the same model.
"""

from __future__ import annotations

import argparse

import pathweave as pw


def main(argv: list[str] | None = None) -> None:
    """Read, fit, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", help="an h5mu file that all hosts see; made-up samples without it"
    )
    parser.add_argument("--target", default=None, help="column of obs; none by default")
    parser.add_argument("--out", default="model", help="folder of the fitted model")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16"])
    parser.add_argument("--accumulate", type=int, default=1, help="pieces of a batch in a process")
    given = parser.parse_args(argv)

    mdata = pw.io.read_h5mu(given.data) if given.data else pw.datasets.simulate(200, seed=0)
    model = pw.models.PathwayVAE(max_epochs=given.epochs, seed=0)
    with pw.settings.override(precision=given.precision, accumulate=given.accumulate):
        model.fit(mdata, pw.graph.reactome(), target=given.target)  # in every process
    model.save(given.out, overwrite=True)  # the first process writes, the others go on


if __name__ == "__main__":
    main()

"""Ridge regressions of many outcomes on the same samples, each on the samples whose outcome is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


class SharedRidge:
    """Predictions of ridge regressions that share one matrix of products of the samples.

    A regression on some rows needs their block of the matrix and nothing else: with far more features than
    samples most of the work is shared, and all of it between outcomes known for the same rows.

    Parameters
    ----------
    x
        Standardised features of all samples (n, n_features).

    Examples
    --------
    >>> import torch
    >>> from pathweave.nn.shared_ridge import SharedRidge
    >>> x = torch.tensor([[-1.0], [0.0], [1.0], [2.0]]).double()
    >>> rows = torch.tensor([True, True, True, False])
    >>> out = SharedRidge(x).predict(3 * x[rows] + 1, rows, ~rows, torch.tensor([2.0]))
    >>> round(float(out), 6)
    4.0
    """

    def __init__(self, x: Tensor) -> None:
        self._products = x @ x.T
        self._last: tuple[Tensor, Tensor, Tensor, Tensor, Tensor] | None = None

    def predict(self, y: Tensor, rows: Tensor, held: Tensor, penalties: Tensor) -> Tensor:
        """Fit some samples at every penalty, as `ridge_path` does, and predict others.

        Parameters
        ----------
        y
            Numbers of the samples to learn from (n_rows, n_outputs).
        rows, held
            Which samples to learn from and to predict, bool (n,).
        penalties
            Penalties, shape (n_penalties,).

        Returns
        -------
        Predictions, shape (n_penalties, n_held, n_outputs), in the order of `penalties`.
        """
        spectrum, vectors, crossed = self._axes(rows, held)
        mean = y.mean(dim=0)
        projected = vectors.T @ (y - mean)
        shrunk = projected / (spectrum.unsqueeze(1) + penalties.reshape(-1, 1, 1))
        return crossed @ shrunk + mean

    def _axes(self, rows: Tensor, held: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Centred products of the rows as spectrum and vectors, and those of the others with them."""
        if self._last is not None:
            last_rows, last_held, *axes = self._last
            if torch.equal(last_rows, rows) and torch.equal(last_held, held):
                return axes[0], axes[1], axes[2]
        columns = self._products[:, rows]
        block, others = columns[rows], columns[held]
        mean = block.mean(dim=0)
        block = block - mean - mean.unsqueeze(1) + mean.mean()
        others = others - others.mean(dim=1, keepdim=True) - mean + mean.mean()
        spectrum, vectors = torch.linalg.eigh(block)
        spectrum = spectrum.clamp(min=0.0)
        crossed = others @ vectors
        self._last = (rows, held, spectrum, vectors, crossed)
        return spectrum, vectors, crossed

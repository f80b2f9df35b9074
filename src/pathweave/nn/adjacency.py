"""One static graph for all samples: sparse products that never write a message per edge.

Node features travel as a matrix of shape ``(n_nodes, batch * channels)``; a relation is a sparse
matrix, its aggregation one product, its backward pass the product with the transpose.
`torch.nn.functional.embedding_bag` is the product: on CPUs it is the quickest of torch's ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    import scipy.sparse as sp


class _StaticProduct(torch.autograd.Function):
    """``A @ x`` with a constant sparse ``A``; the gradient is ``A.T @ grad``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: tuple[Tensor, ...], cols: tuple[Tensor, ...]) -> Tensor:
        ctx.transpose = cols
        return _bag(x, rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return _bag(grads[0].contiguous(), ctx.transpose), None, None


def _bag(x: Tensor, compressed: tuple[Tensor, ...]) -> Tensor:
    offsets, indices, values = compressed
    return F.embedding_bag(
        indices, x, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
    )


def spmm(x: Tensor, rows: tuple[Tensor, ...], cols: tuple[Tensor, ...]) -> Tensor:
    """Multiply a constant sparse matrix with a dense one.

    Parameters
    ----------
    x
        Dense matrix of shape ``(n_cols, m)``.
    rows
        ``(offsets, indices, values)`` of the matrix, compressed by rows.
    cols
        The same for its transpose, which the backward pass needs.

    Returns
    -------
    Matrix of shape ``(n_rows, m)``.

    Examples
    --------
    >>> import scipy.sparse as sp, torch
    >>> from pathweave import nn
    >>> adjacency = nn.TypedAdjacency([sp.csr_matrix([[0.0, 2.0], [1.0, 0.0]])], ["binds"])
    >>> nn.spmm(torch.eye(2), *adjacency.relation(0)).tolist()
    [[0.0, 2.0], [1.0, 0.0]]
    """
    x = x.to(rows[2].dtype).contiguous()  # sums over neighbours stay float32 where x is bfloat16
    return cast("Tensor", _StaticProduct.apply(x, rows, cols))


class TypedAdjacency(nn.Module):
    """The relations of one graph as constant sparse matrices.

    Parameters
    ----------
    matrices
        For each relation a sparse matrix (n_nodes, n_nodes); row i holds the weights with which
        node i receives from its neighbours.
    names
        Name of each relation.

    Notes
    -----
    The arrays are buffers that move with ``.to(device)`` and are not part of the ``state_dict``: a
    model's graph is saved once, beside its parameters.
    """

    def __init__(self, matrices: Sequence[sp.spmatrix], names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.n_nodes = int(matrices[0].shape[0]) if matrices else 0
        for i, matrix in enumerate(matrices):
            # A copy: in a worker the arrays are memory maps that must not be written.
            for side, shared in (("row", matrix), ("col", matrix.T)):
                compressed = shared.tocsr(copy=True)
                compressed.sort_indices()
                arrays = {
                    "offsets": torch.as_tensor(compressed.indptr.astype("int64")),
                    "indices": torch.as_tensor(compressed.indices.astype("int64")),
                    "values": torch.as_tensor(compressed.data.astype("float32")),
                }
                for part, array in arrays.items():
                    self.register_buffer(f"r{i}_{side}_{part}", array, persistent=False)

    def __len__(self) -> int:
        return len(self.names)

    def relation(self, i: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return relation `i` compressed by rows, and its transpose."""
        parts = ("offsets", "indices", "values")
        rows = tuple(cast("Tensor", getattr(self, f"r{i}_row_{part}")) for part in parts)
        cols = tuple(cast("Tensor", getattr(self, f"r{i}_col_{part}")) for part in parts)
        return rows, cols

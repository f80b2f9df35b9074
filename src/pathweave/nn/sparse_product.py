"""A constant sparse matrix times features of nodes, and the four ways to compute it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from pathweave.nn.formulation import choose

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp

Compressed = tuple[Tensor, Tensor, Tensor]  # offsets, indices, values
_SUM = 0  # the mode of `torch.embedding_bag`


def bag(table: Tensor, compressed: Compressed) -> Tensor:
    """Multiply compressed rows with a dense matrix, outside autograd."""
    offsets, indices, values = compressed
    # What `F.embedding_bag` calls, without its checks: they took a third of the time where graphs are small.
    found: Tensor = torch.embedding_bag(
        table.detach(),
        indices,
        offsets,
        mode=_SUM,
        per_sample_weights=values.to(table.dtype),
        include_last_offset=True,
    )[0]
    return found


def positions(offsets: np.ndarray, indices: np.ndarray) -> tuple[Tensor, Tensor]:
    """Offsets and indices as tensors of one width: the narrower one where they fit, as every product reads them."""
    most = max(int(array.max(initial=0)) for array in (offsets, indices))
    width = np.int32 if most <= np.iinfo(np.int32).max else np.int64
    return torch.as_tensor(offsets.astype(width)), torch.as_tensor(indices.astype(width))


def _in_csr(compressed: Compressed, n_columns: int) -> Tensor:
    offsets, indices, values = compressed
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            offsets,
            indices,
            values,
            size=(len(offsets) - 1, n_columns),
            check_invariants=False,
        )


def _csr(table: Tensor, compressed: Compressed) -> Tensor:
    offsets, indices, values = compressed
    matrix = _in_csr((offsets, indices, values.to(table.dtype)), len(table))
    with torch.autocast(table.device.type, enabled=False):  # which would round the table again
        return matrix @ table.detach()


def sampled(left: Tensor, right: Tensor, offsets: Tensor, indices: Tensor) -> Tensor:
    """Entries of ``left @ right.T`` at stored places only, outside autograd: the gradient of a sparse matrix."""
    zeros = left.new_zeros(len(indices))
    stored = _in_csr((offsets, indices, zeros), len(right))
    return torch.sparse.sampled_addmm(stored, left.detach(), right.detach().T, beta=0.0).values()


def _by_sample(x: Tensor, compressed: Compressed) -> Tensor:
    out = x.new_empty(len(x), len(compressed[0]) - 1, x.shape[2])
    for sample, place in zip(x.detach(), out, strict=True):
        place.copy_(bag(sample, compressed))
    return out


_SPARSE_WAYS: dict[str, Callable[[Tensor, Compressed], Tensor]] = {
    "node_major": bag, "csr": _csr, "sample_major": _by_sample,
}  # fmt: skip


class _StaticProduct(torch.autograd.Function):
    """``A @ x`` with a constant sparse ``A``; the gradient is ``A.T @ grad``.

    With a rule for `torch.func.vmap`: whatever is mapped over lies beside the columns.
    """

    generate_vmap_rule = False

    @staticmethod
    def forward(x: Tensor, rows: Compressed, cols: Compressed, way: str) -> Tensor:  # noqa: ARG004
        return _SPARSE_WAYS[way](x.contiguous(), rows)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        _, ctx.rows, ctx.cols, ctx.way = inputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return multiply(grads[0], ctx.cols, ctx.rows, ctx.way), None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], x: Tensor, rows: Compressed, cols: Compressed, way: str
    ) -> tuple[Tensor, int]:
        """Fold the mapped dimension into the batch or the columns, and take it out again."""
        if way == "sample_major":
            x = x.movedim(in_dims[0], 0)
            out = multiply(x.flatten(0, 1), rows, cols, way)
            return out.unflatten(0, (info.batch_size, -1)), 0
        x = x.movedim(in_dims[0], 1)
        out = multiply(x.flatten(1), rows, cols, way)
        return out.unflatten(1, (info.batch_size, -1)), 1


def multiply(x: Tensor, rows: Compressed, cols: Compressed, way: str) -> Tensor:
    """Multiply, differentiably, in one of the three sparse ways.

    ``x`` is (n, m); for ``"sample_major"`` (batch, n, channels).
    """
    return cast("Tensor", _StaticProduct.apply(in_full(x), rows, cols, way))


def in_full(x: Tensor) -> Tensor:
    """Single precision for halves: sums over many neighbours stay accurate where products are bfloat16."""
    return x.float() if x.dtype in {torch.bfloat16, torch.float16} else x


class SparseProduct(nn.Module):
    """A constant sparse matrix that multiplies the nodes of every sample.

    Parameters
    ----------
    matrix
        Sparse matrix (n_rows, n_cols); entries that stand twice are added up.

    Notes
    -----
    ``forward(x)``: (batch, n_cols, channels) or (n_cols, channels) to the same with n_rows. Nothing is
    written edge by edge. The arrays are buffers that move with ``.to(device)`` and stay out of the
    ``state_dict``.
    """

    def __init__(self, matrix: sp.spmatrix) -> None:
        super().__init__()
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        # A copy: in a worker the arrays are memory maps that must not be written.
        for side, shared in (("row", matrix), ("col", matrix.T)):
            compressed = shared.tocsr(copy=True)
            compressed.sum_duplicates()
            offsets, indices = positions(compressed.indptr, compressed.indices)
            values = torch.as_tensor(compressed.data.astype("float32"))
            arrays = {"offsets": offsets, "indices": indices, "values": values}
            for part, array in arrays.items():
                self.register_buffer(f"{side}_{part}", array, persistent=False)
        self._dense: Tensor | None
        self.register_buffer("_dense", None, persistent=False)

    def _side(self, side: str) -> Compressed:
        parts = ("offsets", "indices", "values")
        return cast("Compressed", tuple(getattr(self, f"{side}_{part}") for part in parts))

    @property
    def rows(self) -> Compressed:
        """Offsets, indices and values of the rows."""
        return self._side("row")

    @property
    def cols(self) -> Compressed:
        """The same of the columns: the rows of the transpose."""
        return self._side("col")

    def dense(self) -> Tensor:
        """Return the matrix in full, made once."""
        if self._dense is None:
            # Kept for later calls too, which may be differentiated.
            with torch.inference_mode(mode=False):
                self._dense = self._in_full()
        return self._dense

    def _in_full(self) -> Tensor:
        offsets, indices, values = self.rows
        row = torch.repeat_interleave(offsets.diff(), output_size=len(indices))
        matrix = values.new_zeros(self.shape)
        matrix[row, indices] = values
        return matrix

    def choose(self, x: Tensor, channels: int, formulation: str = "auto") -> str:
        """Name the way in which a product with `channels` channels of the samples of `x` is computed."""
        stored = len(self.rows[1])
        sizes = (len(x), channels)
        return choose(self.shape, stored, sizes=sizes, device=x.device, formulation=formulation)

    def forward(self, x: Tensor, formulation: str = "auto") -> Tensor:
        """Multiply every sample."""
        if x.ndim == 2:
            return self.forward(x.unsqueeze(0), formulation).squeeze(0)
        x, way = in_full(x), self.choose(x, x.shape[2], formulation)
        if way == "sample_major":
            return multiply(x, self.rows, self.cols, way)
        batch, _, channels = x.shape
        flat = x.transpose(0, 1).reshape(self.shape[1], batch * channels)
        if way == "dense":
            out = self.dense().to(x.dtype) @ flat
        else:
            out = multiply(flat, self.rows, self.cols, way)
        return out.view(self.shape[0], batch, channels).transpose(0, 1)

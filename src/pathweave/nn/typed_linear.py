"""Sums over neighbours by relation and a linear map, as one step: ``sum_r A_r x W_r + b``."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from pathweave.nn.sparse_product import SparseProduct, bag


class RelationStack(nn.Module):
    """The matrices of several relations, stacked so that one product serves all of them.

    Parameters
    ----------
    matrices
        Sparse matrices (n_nodes, n_nodes), one a relation; row i holds what node i receives.

    Notes
    -----
    ``gather`` is (n_nodes * n_relations, n_nodes): it puts the neighbours' sums of all relations side by
    side, node by node. ``merge`` is (n_nodes, n_nodes * n_relations): it adds up what the relations made of
    the neighbours.
    """

    def __init__(self, matrices: list[sp.coo_matrix]) -> None:
        super().__init__()
        self.n_relations = len(matrices)
        self.n_nodes = n = int(matrices[0].shape[0])
        count = self.n_relations
        coos = [matrix.tocoo() for matrix in matrices]
        kind = np.repeat(np.arange(count), [coo.nnz for coo in coos])
        row = np.concatenate([coo.row for coo in coos]).astype(np.int64)
        col = np.concatenate([coo.col for coo in coos]).astype(np.int64)
        value = np.concatenate([coo.data for coo in coos])
        self.gather = SparseProduct(
            sp.coo_matrix((value, (row * count + kind, col)), shape=(n * count, n))
        )
        self.merge = SparseProduct(
            sp.coo_matrix((value, (row, col * count + kind)), shape=(n, n * count))
        )

    def aggregate(self, x: Tensor, formulation: str = "auto") -> Tensor:
        """Sums over neighbours (batch, n_nodes, n_relations * channels), relation by relation."""
        out = self.gather(x, formulation)
        return cast("Tensor", out.reshape(len(x), self.n_nodes, self.n_relations * x.shape[2]))

    def linear(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, formulation: str = "auto"
    ) -> Tensor:
        """``sum_r A_r x W_r + b``, the narrower side of ``W`` aggregated; `weight` (n_relations, in, out)."""
        _, n_in, n_out = weight.shape
        first = self.gather if n_in <= n_out else self.merge
        way = first.choose(x, min(n_in, n_out), formulation)
        stacked = torch._C._are_functorch_transforms_active()
        if way == "sample_major" and x.dtype == weight.dtype and not stacked:
            return cast("Tensor", _BySample.apply(x, weight, bias, self))
        if n_in <= n_out:
            out = self.aggregate(x, way) @ weight.reshape(-1, n_out)
        else:
            turned = x @ _wide(weight)
            out = self.merge(turned.reshape(len(x), -1, n_out), way)
        return out if bias is None else out + bias


def _wide(weight: Tensor) -> Tensor:
    """(n_relations, in, out) to (in, n_relations * out)."""
    return weight.transpose(0, 1).reshape(weight.shape[1], -1)


class _BySample(torch.autograd.Function):
    """The whole layer sample by sample: what one sample needs stays in the cache, nothing else is kept."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stack: RelationStack
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stack = stack
        _, n_in, n_out = weight.shape
        x = x.contiguous()
        out = x.new_empty(len(x), stack.n_nodes, n_out)
        tall = weight.reshape(-1, n_out)
        wide = _wide(weight)
        for sample, place in zip(x, out, strict=True):
            if n_in <= n_out:
                torch.mm(bag(sample, stack.gather.rows).view(stack.n_nodes, -1), tall, out=place)
            else:
                place.copy_(bag((sample @ wide).view(-1, n_out), stack.merge.rows))
        # At once: with `addmm` the offset is written first, sample by sample, and read again.
        return out if bias is None else out.add_(bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad[:3]
        grad = grads[0].contiguous()
        n_in, n_out = weight.shape[1:]
        # Either side of the linear map may be sent back along the edges: the cheaper one is.
        back = _send_inputs if 2 * n_in <= n_out or not for_x else _send_outputs
        grad_x, grad_weight = back(ctx.stack, x.contiguous(), weight, grad, (for_x, for_weight))
        grad_bias = grad.sum((0, 1)) if for_bias else None
        return grad_x, grad_weight, grad_bias, None


def _send_outputs(
    stack: RelationStack, x: Tensor, weight: Tensor, grad: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    n_relations, n_in, n_out = weight.shape
    wide = _wide(weight)
    grad_x = torch.empty_like(x) if wanted[0] else None
    grad_wide = torch.zeros_like(wide)
    for i, sample in enumerate(grad):
        sent = bag(sample, stack.merge.cols).view(stack.n_nodes, -1)
        if wanted[1]:
            grad_wide.addmm_(x[i].T, sent)
        if grad_x is not None:
            torch.mm(sent, wide.T, out=grad_x[i])
    turned = grad_wide.view(n_in, n_relations, n_out).transpose(0, 1)
    return grad_x, turned if wanted[1] else None


def _send_inputs(
    stack: RelationStack, x: Tensor, weight: Tensor, grad: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    tall = weight.reshape(-1, weight.shape[2])
    grad_x = torch.empty_like(x) if wanted[0] else None
    grad_tall = torch.zeros_like(tall)
    for i, sample in enumerate(grad):
        if wanted[1]:
            near = bag(x[i], stack.gather.rows).view(stack.n_nodes, -1)
            grad_tall.addmm_(near.T, sample)
        if grad_x is not None:
            grad_x[i] = bag((sample @ tall.T).view(-1, x.shape[2]), stack.gather.cols)
    return grad_x, grad_tall.view_as(weight) if wanted[1] else None

"""One static graph for all samples: its relations, compressed once, never copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from pathweave.nn.sparse_product import SparseProduct, multiply
from pathweave.nn.typed_linear import RelationStack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pathweave.nn.sparse_product import Compressed


def spmm(x: Tensor, rows: Compressed, cols: Compressed) -> Tensor:
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
    return multiply(x, rows, cols, "node_major")


class TypedAdjacency(nn.Module):
    """The relations of one graph that all samples share.

    What a layer needs of it (rows, columns, degrees, normalised weights) is made at its first use and
    kept, so that the graph is compressed once however many layers and batches it serves.

    Parameters
    ----------
    matrices
        For each relation a sparse matrix (n_nodes, n_nodes); row i holds the weights with which
        node i receives from its neighbours.
    names
        Name of each relation.
    n_nodes
        Number of nodes; needed where there is no matrix.

    Notes
    -----
    The arrays are buffers that move with ``.to(device)`` and are not part of the ``state_dict``: a
    model's graph is saved once, beside its parameters.

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> edge_index = torch.tensor([[0, 1, 1], [1, 2, 0]])  # as in PyG: sources above, targets below
    >>> graph = nn.TypedAdjacency.from_edge_index(edge_index, n_nodes=3)
    >>> graph
    TypedAdjacency(n_nodes=3, n_edges=3, names=('edge',))
    >>> nn.StaticGCNConv(4, 2)(torch.rand(5, 3, 4), graph).shape
    torch.Size([5, 3, 2])
    """

    edge_index: Tensor
    edge_weight: Tensor
    edge_type: Tensor

    def __init__(
        self,
        matrices: Sequence[sp.spmatrix],
        names: Sequence[str],
        *,
        n_nodes: int | None = None,
    ) -> None:
        super().__init__()
        coos = [matrix.tocoo() for matrix in matrices]
        if n_nodes is None:
            n_nodes = int(matrices[0].shape[0]) if matrices else 0
        ends = [np.stack([coo.col, coo.row]) for coo in coos]
        index = np.concatenate([np.empty((2, 0)), *ends], axis=1).astype(np.int64)
        weight = np.concatenate([np.empty(0), *(coo.data for coo in coos)]).astype(np.float32)
        kind = np.repeat(np.arange(len(coos)), [coo.nnz for coo in coos])
        self._keep((index, weight, kind), n_nodes, names)

    def _keep(
        self, edges: tuple[np.ndarray, np.ndarray, np.ndarray], n_nodes: int, names: Sequence[str]
    ) -> None:
        self.names = tuple(names)
        self.n_nodes = n_nodes
        for name, array in zip(("edge_index", "edge_weight", "edge_type"), edges, strict=True):
            self.register_buffer(name, torch.as_tensor(array), persistent=False)
        self._made = nn.ModuleDict()

    @classmethod
    def from_edge_index(
        cls,
        edge_index: Tensor,
        *,
        n_nodes: int,
        edge_weight: Tensor | None = None,
        edge_type: Tensor | None = None,
        names: Sequence[str] | None = None,
    ) -> TypedAdjacency:
        """Take a graph as PyG holds it.

        Parameters
        ----------
        edge_index
            Sources and targets (2, n_edges); parallel edges and self-loops are allowed.
        n_nodes
            Number of nodes, isolated ones too.
        edge_weight
            Weight of each edge (n_edges,), constant: no gradient reaches it; 1 by default.
        edge_type
            Relation of each edge (n_edges,), from 0; one relation by default.
        names
            Names of the relations, those without an edge too; ``"0"``, ``"1"``, ... by default.

        Returns
        -------
        The graph.

        Raises
        ------
        ValueError
            If shapes disagree, a node or relation lies outside the graph, or a weight is not finite.
        """
        index = _whole_numbers(edge_index, "edge_index")
        if index.ndim != 2 or index.shape[0] != 2:
            msg = f"edge_index has shape {tuple(index.shape)}; it must be (2, n_edges)."
            raise ValueError(msg)
        _inside(index, n_nodes, "edge_index", "n_nodes")
        n_edges = index.shape[1]
        weight = np.ones(n_edges, np.float32)
        if edge_weight is not None:
            weight = edge_weight.detach().cpu().numpy().astype(np.float32)
            _one_an_edge(weight, n_edges, "edge_weight")
            if not np.isfinite(weight).all():
                msg = "edge_weight holds NaN or infinite values; give every edge a finite weight."
                raise ValueError(msg)
        kind = np.zeros(n_edges, np.int64)
        if edge_type is not None:
            kind = _whole_numbers(edge_type, "edge_type")
            _one_an_edge(kind, n_edges, "edge_type")
            if names is None:
                names = [str(r) for r in range(int(kind.max(initial=-1)) + 1)]
        names = ["edge"] if names is None else names
        _inside(kind, len(names), "edge_type", "number of relations (names)")
        made = cls([], [])
        made._keep((index, weight, kind), n_nodes, names)
        return made

    def __len__(self) -> int:
        return len(self.names)

    def extra_repr(self) -> str:
        """Sizes and names."""
        n_edges = self.edge_index.shape[1]
        return f"n_nodes={self.n_nodes}, n_edges={n_edges}, names={self.names}"

    def __repr__(self) -> str:
        return f"TypedAdjacency({self.extra_repr()})"

    def relation(self, i: int) -> tuple[Compressed, Compressed]:
        """Return relation `i` compressed by rows, and its transpose."""
        product = self.product(i)
        return product.rows, product.cols

    def product(self, i: int) -> SparseProduct:
        """Return relation `i` as a product."""

        def make() -> SparseProduct:
            return SparseProduct(self._matrix(_numpy(self.edge_weight), i))

        return cast("SparseProduct", self.once(f"relation {i}", make))

    def stacked(self, weights: str = "given", *, itself: bool = False) -> RelationStack:
        """Return all relations as one product, made once.

        Parameters
        ----------
        weights
            ``"given"``: the edges' own. ``"mean"``: 1 over the number of edges of a relation that reach
            the node; ``"mean_of_all"``: over that of all edges, all relations taken together. ``"gcn"`` and ``"gcn_improved"``: symmetric normalisation with self-loops of weight
            1 and 2 (Kipf and Welling 2017, equation 2), all relations taken together;
            ``"gcn_bare"``: the same without self-loops.
        itself
            Put the nodes' own channels before those of the relations.

        Returns
        -------
        The product.
        """

        def make() -> RelationStack:
            if weights.startswith("gcn"):
                matrices = [self._gcn(weights)]
            elif weights == "mean_of_all":
                matrices = [self._matrix(self._mean(1))]
            elif weights == "mean":
                matrices = self._matrices(self._mean(len(self)))
            elif weights == "given":
                matrices = self._matrices(_numpy(self.edge_weight))
            else:
                msg = f"weights={weights!r} is not known; use 'given', 'mean', 'mean_of_all' or 'gcn'."
                raise ValueError(msg)
            own = [sp.identity(self.n_nodes, dtype=np.float32, format="coo")] if itself else []
            return RelationStack([*own, *matrices])

        return cast("RelationStack", self.once(f"{weights} {itself}", make))

    def once(self, name: str, make: Callable[[], nn.Module]) -> nn.Module:
        """Return what was made of this graph under a name, or make it on the graph's device."""
        if name not in self._made:
            # Kept for later calls too, which may be differentiated.
            with torch.inference_mode(mode=False):
                self._made[name] = make().to(self.edge_index.device)
        return self._made[name]

    def _matrix(self, weight: np.ndarray, r: int | None = None) -> sp.coo_matrix:
        """One relation, or all edges."""
        chosen = slice(None) if r is None else _numpy(self.edge_type) == r
        source, target = _numpy(self.edge_index)[:, chosen]
        shape = (self.n_nodes, self.n_nodes)
        return sp.coo_matrix((weight[chosen], (target, source)), shape=shape)

    def _matrices(self, weight: np.ndarray) -> list[sp.coo_matrix]:
        return [self._matrix(weight, r) for r in range(len(self))]

    def _mean(self, n_relations: int) -> np.ndarray:
        """1 over the number of edges that reach the same node, by relation if there are several."""
        key = _numpy(self.edge_index)[1]
        if n_relations > 1:
            key = key * n_relations + _numpy(self.edge_type)
        counts = np.maximum(np.bincount(key), 1)
        return (1.0 / counts[key]).astype(np.float32)

    def _gcn(self, weights: str) -> sp.coo_matrix:
        from torch_geometric.nn.conv.gcn_conv import gcn_norm

        index, weight = gcn_norm(
            self.edge_index,
            self.edge_weight,
            self.n_nodes,
            improved=weights == "gcn_improved",
            add_self_loops=weights != "gcn_bare",
        )
        source, target = _numpy(index)
        return sp.coo_matrix((_numpy(weight), (target, source)), shape=(self.n_nodes, self.n_nodes))


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _whole_numbers(tensor: Tensor, name: str) -> np.ndarray:
    array = _numpy(tensor)
    if array.dtype.kind not in "iu":
        msg = f"{name} holds {array.dtype} values; it must hold whole numbers."
        raise ValueError(msg)
    return array.astype(np.int64)


def _one_an_edge(array: np.ndarray, n_edges: int, name: str) -> None:
    if array.shape != (n_edges,):
        msg = f"{name} has shape {array.shape}; it must be ({n_edges},), one value an edge."
        raise ValueError(msg)


def _inside(array: np.ndarray, end: int, name: str, what: str) -> None:
    if array.size and (array.min() < 0 or array.max() >= end):
        low, high = array.min(), array.max()
        msg = f"{name} holds {low} to {high}; allowed are 0 to {end - 1} ({what}={end})."
        raise ValueError(msg)

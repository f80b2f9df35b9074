"""Which way a product with a static graph is computed: chosen here, and only here.

Four ways give the same numbers (``x`` of shape (batch, n, channels)):

``"dense"``
    A dense matrix times all samples side by side, (n, batch * channels).
``"node_major"``
    `torch.nn.functional.embedding_bag` over rows of all samples side by side.
``"sample_major"``
    `embedding_bag` sample by sample: a sample's nodes stay in the cache, and the linear map is applied
    while they are there.
``"csr"``
    `torch.sparse` compressed rows times all samples side by side.

The crossing points on a CPU were measured by ``benchmarks/formulations.py`` (table beside it; two
cores, one thread). Those on a GPU follow from counting bytes and wait for a measurement there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast, get_args

if TYPE_CHECKING:
    import torch

Formulation = Literal["auto", "dense", "node_major", "sample_major", "csr"]

# On a CPU: a matrix this full is quicker dense, if it is small enough to stay in the cache.
DENSE_SHARE = 0.5
DENSE_ENTRIES = 1000 * 1000
# On a CPU: of matrices this small any is quicker dense, as long as the product (entries x samples x channels) is
# small too; calling the sparse products takes longer than computing them.
TINY_ENTRIES, TINY_PRODUCT = 100_000, 10_000_000
# On a CPU: fewer channels than this make rows too short to be read one by one.
ROW_CHANNELS = 16
# On a CPU: fewer numbers than this (samples x nodes x channels) stay in the cache anyhow.
LARGE = 600_000
# On a GPU a dense product of so few nodes is bound by its launch.
DENSE_NODES_GPU = 1000


def choose(
    shape: tuple[int, int],
    n_stored: int,
    *,
    sizes: tuple[int, int],
    device: torch.device,
    formulation: str = "auto",
) -> str:
    """Name the way of computing a product; a name other than ``"auto"`` is checked and kept.

    Parameters
    ----------
    shape, n_stored
        Shape of the matrix, and how many entries it stores.
    sizes
        Samples, and channels of a node.
    device
        Where.
    formulation
        What was asked for.
    """
    if checked(formulation) != "auto":
        return formulation
    entries = shape[0] * shape[1]
    if device.type != "cpu":
        return "dense" if max(shape) <= DENSE_NODES_GPU else "csr"
    if entries <= DENSE_ENTRIES and n_stored >= DENSE_SHARE * entries:
        return "dense"
    batch, channels = sizes
    if entries <= TINY_ENTRIES and entries * batch * channels <= TINY_PRODUCT:
        return "dense"
    large = shape[1] * batch * channels >= LARGE
    return "sample_major" if channels >= ROW_CHANNELS and large else "node_major"


def checked(formulation: str) -> Formulation:
    """Refuse a name that is none of the ways."""
    allowed = get_args(Formulation)
    if formulation not in allowed:
        msg = (
            f"formulation={formulation!r} is not known; use one of {', '.join(map(repr, allowed))}."
        )
        raise ValueError(msg)
    return cast("Formulation", formulation)

"""Levels of pooling above the pathways: pathways made of pathways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pathweave.nn.pathway_pool import PathwayPool

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class PathwayLevels(nn.Module):
    r"""Activities of parents, from those of their children, level by level.

    .. math:: a_p = \tanh(b_p + \sum_{c \in \mathrm{children}(p)} w_{pc}\, a_c)

    The hierarchy of P-NET (Elmarakeby et al. 2021) and of visible neural networks (Ma et al. 2018), except
    that every level is handed on, so that whoever reads the result sees all of them.

    Parameters
    ----------
    levels
        For each level and each of its pathways the positions of the children among all pathways before
        that level.
    n_pathways
        Number of pathways below the first level.

    Notes
    -----
    Shapes: input (batch, n_pathways), result (batch, n_pathways + all pathways of the levels).

    Examples
    --------
    >>> import torch
    >>> from pathweave import nn
    >>> levels = nn.PathwayLevels([[[0, 1]], [[2, 3]]], n_pathways=3)
    >>> levels(torch.rand(4, 3)).shape
    torch.Size([4, 5])
    """

    def __init__(
        self, levels: Sequence[Sequence[Sequence[int] | np.ndarray]], *, n_pathways: int
    ) -> None:
        super().__init__()
        self.pools = nn.ModuleList()
        self.n_outputs = n_pathways
        for children in levels:
            self.pools.append(PathwayPool(children, n_nodes=self.n_outputs, channels=1))
            self.n_outputs += len(children)

    def forward(self, activity: Tensor) -> Tensor:
        """Put the activities of all levels side by side, the given ones first."""
        for pool in self.pools:
            above = pool(activity.unsqueeze(2)).tanh()
            activity = torch.cat([activity, above], dim=1)
        return activity

"""The models that can be fitted, the default first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave.models.conv_net import ConvNet
from pathweave.models.feed_forward import FeedForward
from pathweave.models.multimodal_vae import MultimodalVAE
from pathweave.models.pathway_gnn import PathwayGNN
from pathweave.models.pathway_vae import PathwayVAE
from pathweave.models.recurrent import Recurrent

if TYPE_CHECKING:
    from pathweave.models._estimator import Estimator

FAMILY: tuple[type[Estimator], ...] = (
    PathwayVAE, MultimodalVAE, PathwayGNN, FeedForward, ConvNet, Recurrent,
)  # fmt: skip

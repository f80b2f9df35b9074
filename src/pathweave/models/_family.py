"""The models that can be fitted, the default first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathweave.models.multimodal_vae import MultimodalVAE
from pathweave.models.pathway_gnn import PathwayGNN
from pathweave.models.pathway_vae import PathwayVAE

if TYPE_CHECKING:
    from pathweave.models._estimator import Estimator

FAMILY: tuple[type[Estimator], ...] = (PathwayVAE, MultimodalVAE, PathwayGNN)

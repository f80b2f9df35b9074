"""ConvNet: 1-D convolutions along features that have an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pathweave.models._estimator import Estimator
from pathweave.models._order import check_order, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from mudata import MuData

    from pathweave.models._data import LayerSchema


class ConvNet(Estimator):
    """A convolutional network along the ordered features of every layer.

    The encoder of a layer slides small kernels along its features in their order: two convolutions, each with GELU and an
    average over neighbours, then a dense layer. What the layers say is fused as in `MultimodalVAE`, but
    without noise, so that samples may lack layers. With a target the prediction is a stack of linear parts (which see no
    order) and an ensemble of these networks, as in `PathwayVAE`.

    It makes sense only where neighbours belong together and shifts along the order mean little: probes or copy
    numbers along a chromosome, bins of a spectrum. Genes sorted by name, or the columns of most tables, have no such
    order, and a convolution over them is a dense network with a handicap. Tabular omics of a few hundred
    samples seldom gain from it even so.

    Parameters
    ----------
    n_latent
        Dimensions of the latent.
    order
        What orders the features: a column of ``var`` with numbers (position, m/z), or two columns
        (chromosome, position): then no kernel crosses from one chromosome to the next. Layers
        without the column(s) get a dense encoder, as in `MultimodalVAE`. With ``None`` features are taken in the order
        of ``var`` at `fit`, kept by name, with a warning: nothing says that neighbours belong together.
    n_hidden
        Width of the dense layer after the convolutions, and of the decoders.
    n_channels
        Kernels of each convolution.
    kernel_size
        Neighbours that a kernel sees; an odd number.
    pool_size
        Neighbours that are averaged after each convolution.
    dropout
        Dropout before the latent; half of it before each earlier layer and before the targets.
    layer_dropout
        Chance that a sample is trained without one of its layers.
    max_epochs, patience, batch_size, learning_rate, weight_decay
        Training of every network; it stops when the validation samples have not improved for `patience`
        epochs, and the best epoch counts.
    reconstruction_weight
        Weight of the autoencoder's loss beside that of the targets.
    class_weight
        ``None``: every sample counts alike. ``"balanced"``: every class counts alike, however rare
        (``n / (n_classes * n_of_the_class)``, as in scikit-learn); or a dict from class to weight. Probabilities
        are then those of a population with these weights.
    n_folds
        Folds inside the training samples: members of the ensemble, and out-of-fold predictions.
    seed
        Seed of everything random.
    device
        ``"auto"`` (that of ``pathweave.settings``), ``"cpu"``, ``"cuda"``, ``"cuda:<i>"`` or ``"mps"`` (Apple).
    n_jobs
        Worker processes on a CPU; ``pathweave.settings.n_jobs`` by default. The numbers do not depend on it.

    Attributes
    ----------
    history_
        Training curves: replicate, epoch, part, loss, target_loss, reconstruction, kl.
    parts_
        Parts of the prediction: target, part, weight, loss and score out of fold; the row of the network
        says what it is worth beside linear models of the same values.

    Notes
    -----
    Features with equal positions are taken in the order of their names. `impute` gives the features of
    an ordered layer in that order.

    References
    ----------
    Convolutions with shared weights: LeCun et al., Proceedings of the IEEE 86 (1998). Genes beside each other on the
    chromosomes as the input of a network: Lyu and Haque, ACM-BCB (2018), doi:10.1145/3233547.3233588.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> with pw.io.quiet_mudata():
    ...     meth = mdata[mdata["meth"].obs_names].copy()
    >>> model = pw.models.ConvNet(8, order=("chrom", "start"), max_epochs=3, n_folds=3)
    >>> model = model.fit(meth, target="class", layers=["meth"])
    >>> model.embed(meth).shape[1], len(model.layers_["meth"].segments)
    (8, 22)
    """

    uses_graph: ClassVar[bool] = False
    streams: ClassVar[bool] = False
    network: ClassVar[dict[str, Any]] = {"variational": False}
    when: ClassVar[str] = (
        "features have an order in which neighbours belong together (position on a chromosome, m/z); not "
        "for other tables"
    )

    def __init__(  # noqa: PLR0913  # hyperparameters are named one by one, as in scikit-learn
        self,
        n_latent: int = 32,
        *,
        order: str | tuple[str, str] | None = None,
        n_hidden: int = 64,
        n_channels: int = 8,
        kernel_size: int = 7,
        pool_size: int = 4,
        dropout: float = 0.5,
        layer_dropout: float = 0.2,
        max_epochs: int = 150,
        patience: int = 20,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        reconstruction_weight: float = 0.3,
        class_weight: str | dict[str, float] | None = None,
        n_folds: int = 5,
        seed: int = 0,
        device: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_latent = n_latent
        self.order = order
        self.n_hidden = n_hidden
        self.n_channels = n_channels
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.dropout = dropout
        self.layer_dropout = layer_dropout
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.reconstruction_weight = reconstruction_weight
        self.class_weight = class_weight
        self.n_folds = n_folds
        self.seed = seed
        self.device = device
        self.n_jobs = n_jobs

    @property
    def var_columns(self) -> tuple[str, ...]:
        """Columns of a modality's ``var`` that `fit` reads."""
        return check_order(self.order)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_order(self.order)
        if (
            not isinstance(self.kernel_size, int)
            or self.kernel_size < 1
            or self.kernel_size % 2 == 0
        ):
            msg = f"kernel_size={self.kernel_size!r} must be an odd number, such as 7."
            raise ValueError(msg)

    def _read_training(
        self, mdata: MuData, layers: Sequence[str] | str | None, mask: np.ndarray
    ) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
        schema, values, sizes = self._read_whole(mdata, layers, mask)
        return *in_order(mdata, schema, values, self.var_columns), sizes

"""FeedForward: a multilayer perceptron over all layers side by side."""

from __future__ import annotations

from typing import Any, ClassVar

from pathweave.models._estimator import Estimator


class FeedForward(Estimator):
    """A feed-forward network over all layers side by side.

    The plainest deep model, as a reference: a multilayer perceptron (linear maps, layer normalisation, GELU,
    dropout) reads all features at once, 0 (the mean of the training samples) where a value is missing,
    and a flag for every layer that a sample has. The last hidden layer is the latent; it has no noise. Decoders
    rebuild the layers from it, so that without a target it is a plain autoencoder (Hinton and Salakhutdinov 2006) and
    `impute` works. With a target the prediction is a stack of linear parts and an ensemble of these
    networks, as in `PathwayVAE`.

    It makes sense as the rival that any structured model must beat. With a few hundred samples of tabular
    omics do not expect it to beat tuned linear models; `parts_` and ``evaluate.cross_validate`` tell.

    Parameters
    ----------
    n_latent
        Width of the last hidden layer, the latent.
    n_hidden
        Width of the hidden layers before it, and of the decoders.
    n_hidden_layers
        Number of hidden layers before the last.
    dropout
        Dropout between hidden layers; half of it before the first and before the targets.
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

    References
    ----------
    Layer normalisation: Ba, Kiros and Hinton, arXiv:1607.06450 (2016). GELU: Hendrycks and Gimpel,
    arXiv:1606.08415 (2016). Dropout: Srivastava et al., JMLR 15 (2014). Autoencoder: Hinton and Salakhutdinov,
    Science 313 (2006).

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.FeedForward(n_latent=8, max_epochs=3, n_folds=3)
    >>> model.fit(mdata, target="class").embed(mdata).shape
    (60, 8)
    """

    uses_graph: ClassVar[bool] = False
    network: ClassVar[dict[str, Any]] = {"encoder": "joint", "variational": False}
    when: ClassVar[str] = (
        "a plain deep reference is wanted; a few hundred samples seldom let it beat linear models"
    )

    def __init__(  # noqa: PLR0913  # hyperparameters are named one by one, as in scikit-learn
        self,
        n_latent: int = 32,
        *,
        n_hidden: int = 64,
        n_hidden_layers: int = 1,
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
        self.n_hidden = n_hidden
        self.n_hidden_layers = n_hidden_layers
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

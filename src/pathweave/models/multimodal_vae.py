"""MultimodalVAE: the multimodal (variational) autoencoder without a graph."""

from __future__ import annotations

from typing import ClassVar, Literal

from pathweave.models._estimator import Estimator


class MultimodalVAE(Estimator):
    """One latent for all layers, without a graph.

    An encoder and a decoder per layer; the posterior of the latent is the product of the encoders of the
    layers that a sample has, and a prior (Wu and Goodman 2018, equation 3), so that samples may lack
    layers in `fit` and later. With a target the prediction is a stack of linear parts and an ensemble
    of these networks, as in `PathwayVAE`; beside that model it shows what the graph adds.

    Parameters
    ----------
    n_latent
        Dimensions of the latent.
    n_hidden
        Width of the layers' encoders and decoders.
    dropout
        Dropout before the latent and the targets.
    layer_dropout
        Chance that a sample is trained without one of its layers.
    variational
        Sample the latent from its posterior and draw it to a standard normal; with ``False`` a plain
        (deterministic) autoencoder is fitted.
    fusion
        How the experts of a sample become one: ``"product"`` (of Gaussians; Wu and Goodman 2018) or
        ``"attention"`` (a mean, weighted by what they say; `pathweave.nn.AttentionFusion`).
    likelihood
        How values of a layer come about, given the latent: ``"auto"``, or a dict from layer to ``"gaussian"``
        (on standardised values), ``"negative_binomial"`` or ``"zero_inflated_negative_binomial"`` (raw counts, with
        the sample's library size and a dispersion a feature; Lopez et al. 2018), ``"beta"`` (shares in [0, 1], moved
        to 0.01 ... 0.99; mean and precision) or ``"bernoulli"`` (0/1). ``"auto"`` takes Bernoulli for 0/1 mutations,
        the negative binomial for transcriptomes and miRNA of raw counts, Gaussian for the rest. Counts are
        read as ``log1p(counts / size * median size)`` by all parts of the model.
    max_epochs, patience, batch_size, learning_rate, weight_decay
        Training of every network; it stops when the validation samples have not improved for `patience`
        epochs, and the best epoch counts.
    reconstruction_weight
        Weight of the autoencoder's loss beside that of the targets.
    class_weight
        ``None``: every sample counts alike. ``"balanced"``: every class counts alike, however rare
        (``n / (n_classes * n_of_the_class)``, as in scikit-learn); or a dict from class to weight. Probabilities
        are then those of a population with these weights.
    survival_loss
        What the networks learn of a survival: ``"cox"``, a log hazard by the partial likelihood; or
        ``"discrete_time"``, a hazard in each of up to ten intervals with as many events each ("logistic hazard", Gensheimer
        and Narasimhan 2019), which needs no proportional hazards.
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
        Parts of the prediction: target, part, weight, loss and score out of fold.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.MultimodalVAE(n_latent=8, max_epochs=3, n_folds=3)
    >>> model.fit(mdata, target="class").embed(mdata).shape
    (60, 8)
    """

    consensus: ClassVar[bool] = True
    transferable: ClassVar[bool] = True
    when: ClassVar[str] = (
        "a latent or imputation is wanted and there is no graph, or to see what the graph adds"
    )
    uses_graph: ClassVar[bool] = False

    def __init__(  # noqa: PLR0913  # hyperparameters are named one by one, as in scikit-learn
        self,
        n_latent: int = 32,
        *,
        n_hidden: int = 64,
        dropout: float = 0.5,
        layer_dropout: float = 0.2,
        variational: bool = True,
        fusion: str = "product",
        likelihood: str | dict[str, str] = "auto",
        max_epochs: int = 150,
        patience: int = 20,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        reconstruction_weight: float = 0.3,
        class_weight: str | dict[str, float] | None = None,
        survival_loss: Literal["cox", "discrete_time"] = "cox",
        n_folds: int = 5,
        seed: int = 0,
        device: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_latent = n_latent
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.layer_dropout = layer_dropout
        self.variational = variational
        self.fusion = fusion
        self.likelihood = likelihood
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.reconstruction_weight = reconstruction_weight
        self.class_weight = class_weight
        self.survival_loss = survival_loss
        self.n_folds = n_folds
        self.seed = seed
        self.device = device
        self.n_jobs = n_jobs

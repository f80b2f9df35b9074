"""PathwayVAE: the default estimator."""

from __future__ import annotations

from typing import ClassVar, Literal

from pathweave.models._estimator import Estimator


class PathwayVAE(Estimator):
    """One latent for all layers, with a pathway graph among its encoders.

    A variational autoencoder with an encoder and a decoder per layer and a graph encoder that reads the
    layers through genes, their relations and pathways; the posterior is the product of whatever experts
    a sample has (Wu and Goodman 2018), so that samples may lack layers in `fit` and later. With a target
    the prediction is a stack: ridge-penalised linear models over all layers side by side ("early") and of each
    layer alone, a kernel machine, and an ensemble of these networks, mixed by their out-of-fold likelihood
    inside the training samples. `parts_` shows what each part is worth.

    Parameters
    ----------
    n_latent
        Dimensions of the latent.
    n_hidden
        Width of the layers' encoders and decoders.
    n_channels
        Channels of a node of the graph.
    n_graph_layers
        Rounds of message passing.
    dropout
        Dropout before the latent and the targets.
    layer_dropout
        Chance that a sample is trained without one of its layers.
    pathway_size
        Smallest and largest number of measured members of a pathway with an activity of its own. Nodes of
        a graph without pathways are read one by one.
    hierarchy
        Give larger pathways an activity, too, made from those of their children, level by level up to the
        roots of the hierarchy; the latent reads all levels. A graph without a hierarchy (KEGG) has one level.
    encode_on_graph
        Let the layers' encoders see features that are on the graph, too. With ``False`` the graph
        encoder alone carries them.
    gate_edges
        Learn how much every node takes in along every relation, to be read with `edge_gates`.
    gate_penalty
        Weight of the mean gate in the loss; more than 0 closes gates that do not pay.
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
        epochs, and the best epoch counts. Above 5,000 training samples the defaults follow their number: epochs
        fall as ``5000 / n``, batches grow with the root of its inverse; values that are set stay.
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
    layers_
        Layers seen in `fit`, by name.
    targets_
        Targets seen in `fit`, by name.
    graph_
        The measured part of the graph, or ``None``.
    core_samples_
        Training samples that linear and kernel parts, calibration and imputation learned from: all, or 5000 drawn by
        class and fold, those with an outcome first; the kernel machine learns from 2000 of them. Networks learn from all.
    imputer_
        The training samples (2000 at most) and the models that fill gaps from them.
    consensus_
        Linear maps of the layers to the embedding of a model without a target, otherwise ``None``.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> model = pw.models.PathwayVAE(n_latent=8, max_epochs=3, n_folds=3)
    >>> model.fit(mdata, pw.graph.reactome(), target="class").embed(mdata).shape
    (60, 8)
    """

    consensus: ClassVar[bool] = True
    transferable: ClassVar[bool] = True
    when: ClassVar[str] = (
        "samples have one or more layers of genes, proteins or metabolites, any of them missing, and pathways are asked for"
    )

    def __init__(  # noqa: PLR0913  # hyperparameters are named one by one, as in scikit-learn
        self,
        n_latent: int = 32,
        *,
        n_hidden: int = 64,
        n_channels: int = 4,
        n_graph_layers: int = 1,
        dropout: float = 0.5,
        layer_dropout: float = 0.2,
        pathway_size: tuple[int, int] = (4, 150),
        hierarchy: bool = False,
        encode_on_graph: bool = True,
        gate_edges: bool = False,
        gate_penalty: float = 0.0,
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
        self.n_channels = n_channels
        self.n_graph_layers = n_graph_layers
        self.dropout = dropout
        self.layer_dropout = layer_dropout
        self.pathway_size = pathway_size
        self.hierarchy = hierarchy
        self.encode_on_graph = encode_on_graph
        self.gate_edges = gate_edges
        self.gate_penalty = gate_penalty
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

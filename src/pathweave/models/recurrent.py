"""Recurrent: a GRU or LSTM over the samples of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pathweave._core.checks import check_choice, check_mudata
from pathweave.models._estimator import Estimator
from pathweave.models._visits import earlier_visits, read_with_earlier, subject_codes, with_earlier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from mudata import MuData

    from pathweave.models._data import LayerSchema


class Recurrent(Estimator):
    """A GRU or LSTM over a subject's samples, the present one last.

    A sample is read together with the earlier samples of its subject (patient, donor, culture). One
    encoder, shared by all of them, reads the layers of each (side by side, 0 where a value is missing, a flag for every layer
    that is there), and a GRU (Cho et al. 2014) or LSTM (Hochreiter and Schmidhuber 1997) runs over them from the oldest to the
    present one; its state is the latent. Nothing later than a sample touches it. With a target the prediction is a
    stack of linear parts and an ensemble of these networks, as in `PathwayVAE`: the linear parts see
    the earlier samples, too (as layers ``"rna @-1"``, ``"rna @-2"``), and are hard to beat. No fold inside `fit`
    tears a subject.

    It makes sense only with repeated samples, and where what came before says more than the present sample alone. Compare it
    with `MultimodalVAE` or ridge on the present samples: ``evaluate.cross_validate(..., groups=subject)``.

    Parameters
    ----------
    n_latent
        Size of the state, the latent.
    subject
        Column of ``mdata.obs``: whose sample it is.
    time
        Column of ``mdata.obs``: when it was taken, as a number or a date. A subject has one sample a time.
    cell
        ``"gru"`` or ``"lstm"``.
    n_steps
        Samples of a subject that are read, the present one included.
    n_hidden
        Width of the encoder of a sample, and of the decoders.
    dropout
        Dropout before the recurrent cell; half of it before the encoder and before the targets.
    layer_dropout
        Chance that a sample is trained without one of its layers, or of those of its earlier samples.
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
        Folds inside the training samples, by subject: members of the ensemble, and out-of-fold predictions.
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
    Only the order of the samples counts, not how much time lies between them. The earlier samples of a sample are
    looked for among those that are given: in `fit` the training samples, later those of the `mdata` that is
    given, so give `predict` and `embed` whole subjects. Training samples without an outcome are a past like
    any other, but ``evaluate`` leaves such samples out altogether. `embed` gives the state after each sample, `impute` each
    sample's own layers.

    References
    ----------
    GRU: Cho et al., EMNLP (2014), equations 5 to 8. LSTM: Hochreiter and Schmidhuber, Neural Computation 9 (1997).

    Examples
    --------
    >>> import numpy as np, pathweave as pw
    >>> mdata = pw.datasets.simulate(60, seed=1)
    >>> mdata.obs["patient"], mdata.obs["week"] = np.arange(60) // 3, np.arange(60) % 3
    >>> model = pw.models.Recurrent(8, subject="patient", time="week", max_epochs=3, n_folds=3)
    >>> model.fit(mdata, target="class").embed(mdata).shape
    (60, 8)
    """

    uses_graph: ClassVar[bool] = False
    streams: ClassVar[bool] = False
    network: ClassVar[dict[str, Any]] = {"encoder": "recurrent", "variational": False}
    when: ClassVar[str] = (
        "subjects were sampled repeatedly and earlier samples say more than the present one alone"
    )

    def __init__(  # noqa: PLR0913  # hyperparameters are named one by one, as in scikit-learn
        self,
        n_latent: int = 32,
        *,
        subject: str,
        time: str,
        cell: str = "gru",
        n_steps: int = 3,
        n_hidden: int = 64,
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
        self.subject = subject
        self.time = time
        self.cell = cell
        self.n_steps = n_steps
        self.n_hidden = n_hidden
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
    def obs_columns(self) -> tuple[str, ...]:
        """Columns of ``mdata.obs`` that the model reads beside its outcome, in `fit` and later."""
        return (self.subject, self.time)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("cell", self.cell, ("gru", "lstm"))
        if not isinstance(self.n_steps, int) or self.n_steps < 2:
            msg = f"n_steps={self.n_steps!r} must be 2 or more: the present sample and at least one before it."
            raise ValueError(msg)

    def _read_training(
        self, mdata: MuData, layers: Sequence[str] | str | None, mask: np.ndarray
    ) -> tuple[tuple[LayerSchema, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
        earlier = self._earlier(mdata.obs.loc[mask])
        read = self._read_whole(mdata, layers, mask)
        return with_earlier(*read, earlier, subject=self.subject)

    def _read_raw(self, mdata: MuData) -> dict[str, np.ndarray]:
        self._need_fit()
        check_mudata(mdata)
        return read_with_earlier(mdata, list(self.layers_.values()), self._earlier(mdata.obs))

    def _raw_chunks(self, mdata: MuData) -> Iterator[dict[str, np.ndarray]]:
        yield self._read_raw(mdata)

    def _earlier(self, obs: pd.DataFrame) -> np.ndarray:
        return earlier_visits(obs, self.subject, self.time, self.n_steps)

    def _groups(self, obs: pd.DataFrame, groups: str | None) -> np.ndarray | None:
        """Subjects, or groups of subjects."""
        subjects = subject_codes(obs, self.subject)
        wider = super()._groups(obs, groups)
        if wider is None:
            return subjects
        pairs = np.unique(np.stack([subjects, wider]), axis=1)
        torn = np.unique(pairs[0], return_counts=True)[1] > 1
        if torn.any():
            msg = (
                f"groups={groups!r}: {int(torn.sum())} subject(s) of {self.subject!r} have samples in more than one "
                f"group; give groups of whole subjects, or leave groups out (subjects are kept together anyway)."
            )
            raise ValueError(msg)
        return wider

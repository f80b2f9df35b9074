"""BioNeuralNet's DPMON: a network of features, a graph network that weighs them, a classifier; end to end.

    <python of its environment> run_bioneuralnet.py <folder> <method> [--network threshold --model GAT ...]

DPMON (1.3.1) trains and scores in splits of its own and returns no predictions: with ``cv=True`` an empty table,
otherwise None. So its parts are called here in the order of its own ``cv=True`` loop, for the splits of the
folder: the network (``threshold_network``, ...) and the node features (``prepare_node_features``: correlation of a
feature with clinical columns, or random numbers where the folder has no covariates) come from the training part,
``NeuralNetwork`` is trained by ``train_model`` with Adam and cross-entropy, and ``softmax`` of its output for the test
samples is the answer. Its makers build the network on all samples, which is not done here.

One thing is done in its favour. DPMON orders nodes alphabetically but columns of the data as the network comes, a set
in an order of chance, so that a feature is multiplied with another one's weight; here both have the same order.

Settings: the network and the clinical columns of a data set are those of the makers' notebooks, GAT and the rest the
recipe of their "Data Decision Framework" (4 layers, 64 dimensions, autoencoder) with values from the middle of the
space that DPMON tunes over. With ``--trials n`` that recipe competes with ``n`` random draws of that space by macro-F1
on an inner fifth of the training part. (DPMON's own tuning, 20 draws on five inner folds in Ray, would take over ten
minutes a split on one core.) The data go in as they are, as in the notebooks; ``--scaled 1`` standardises them by the
training part, which changed accuracy by less than .02 on brca, lgg and kipan.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from folder import Part, Scaled, answer, by_layer, one_thread

one_thread()

import numpy as np
import pandas as pd
import torch
from bioneuralnet.downstream_task import dpmon
from bioneuralnet.network import correlation_network, similarity_network, threshold_network
from bioneuralnet.utils import set_seed
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

NETWORKS = {
    "threshold": lambda x: threshold_network(x, b=6.3, k=22),  # BRCA
    "similarity": lambda x: similarity_network(x, k=22),  # LGG, KIPAN
    "spearman": lambda x: correlation_network(x, method="spearman", k=12),  # LGG, KIPAN
}
RECIPE = {
    "layers": 4, "width": 64, "heads": 1, "dropout": 0.5, "activation": "relu", "reduction": "ae",
    "encoding": 8, "encoder": "original", "hidden": 256, "rate": 5e-4, "decay": 2e-4, "epochs": 256,
}  # fmt: skip
SPACE = {
    "layers": [2, 3, 4], "width": [32, 64], "heads": [1, 2], "dropout": [0.4, 0.5, 0.6],
    "activation": ["relu", "elu"], "reduction": ["ae", "linear", "mlp"], "encoding": [4, 8],
    "encoder": ["original", "dynamic"], "hidden": [128, 256], "rate": (1e-4, 8e-4), "decay": (1e-5, 5e-3),
    "epochs": [128, 256],
}  # fmt: skip


def fit(
    train: Part, test: Part, *, seed: int, network: str, model: str, trials: int, scaled: int
) -> dict[str, Any]:
    """Probabilities of the test samples."""
    if train.task != "class":
        msg = f"DPMON predicts classes, not a {train.task}."
        raise ValueError(msg)
    scale = Scaled(train) if scaled else None
    x, new = table(train, scale), table(test, scale)
    x, new = x.fillna(x.mean()).fillna(0.0), new.fillna(x.mean()).fillna(0.0)
    y = pd.Series(train.y, index=x.index, name="target")
    clinical = None
    if train.covariates is not None:
        clinical = pd.DataFrame(train.covariates, x.index, train.covariate_names)
    graph = graph_of(x, y, clinical, network)
    tried = []
    if trials:
        rng = np.random.default_rng(seed)
        inner, held = train_test_split(
            np.arange(len(x)), test_size=0.2, stratify=y, random_state=seed
        )
        rows = x.index[inner], x.index[held]
        part = None if clinical is None else clinical.loc[rows[0]]
        small = graph_of(x.loc[rows[0]], y.loc[rows[0]], part, network)
        for setting in [RECIPE, *(draw(rng) for _ in range(trials))]:
            proba = learn(x.loc[rows[0]], y.loc[rows[0]], x.loc[rows[1]], small, model, train.n_classes, setting, seed)  # fmt: skip
            tried.append((f1_score(y.loc[rows[1]], proba.argmax(1), average="macro"), setting))
    chosen = max(tried, key=lambda pair: pair[0])[1] if tried else RECIPE
    proba = learn(x, y, new, graph, model, train.n_classes, chosen, seed)
    return {"proba": proba, "chosen": chosen}


def table(part: Part, scale: Scaled | None) -> pd.DataFrame:
    """All layers side by side; names as DPMON leaves them alone, in the order in which it takes them."""
    layers = by_layer(part) if scale is None else scale(part)
    x = pd.concat([pd.DataFrame(v, part.names) for v in layers.values()], axis=1)
    x.columns = [f"f{i:06d}" for i in range(x.shape[1])]
    return x


def graph_of(x: pd.DataFrame, y: pd.Series, clinical: pd.DataFrame | None, network: str) -> Any:
    """Network of the features and their node features, from the samples given alone."""
    return dpmon.prepare_node_features(NETWORKS[network](x), [x.join(y)], clinical, "target")[0]


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A setting from the space that DPMON tunes over."""
    return {
        name: float(np.exp(rng.uniform(*np.log(values)))) if isinstance(values, tuple)
        else values[rng.integers(len(values))]
        for name, values in SPACE.items()
    }  # fmt: skip


def learn(
    x: pd.DataFrame,
    y: pd.Series,
    new: pd.DataFrame,
    graph: Any,
    model: str,
    n_classes: int,
    setting: dict[str, Any],
    seed: int,
) -> np.ndarray:
    """Train on some samples, probabilities of others."""
    set_seed(seed)
    net = dpmon.NeuralNetwork(
        model_type=model, gnn_input_dim=graph.x.shape[1], gnn_hidden_dim=setting["width"],
        gnn_layer_num=setting["layers"], ae_encoding_dim=setting["encoding"], nn_input_dim=x.shape[1],
        nn_hidden_dim1=setting["hidden"], nn_hidden_dim2=64, nn_output_dim=n_classes,
        gnn_dropout=setting["dropout"], gnn_activation=setting["activation"], dim_reduction=setting["reduction"],
        ae_architecture=setting["encoder"], gat_heads=setting["heads"],
    )  # fmt: skip
    rule = torch.optim.Adam(net.parameters(), lr=setting["rate"], weight_decay=setting["decay"])
    labels = {"labels": torch.LongTensor(y.to_numpy()), "omics_network": graph}
    values = torch.FloatTensor(x.to_numpy())
    net = dpmon.train_model(net, torch.nn.CrossEntropyLoss(), rule, values, labels, setting["epochs"])  # fmt: skip
    net.eval()
    with torch.no_grad():
        logits = net(torch.FloatTensor(new.to_numpy()), graph)[0]
    return torch.softmax(logits.double(), dim=1).numpy()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    options = {"network": "threshold", "model": "GAT", "trials": 0, "scaled": 0}
    answer(fit, options, {name: version(name) for name in ("bioneuralnet", "torch")})

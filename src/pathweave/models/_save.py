"""Saved models: a folder of safetensors, JSON and the graph. Loading runs no code from the file."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from pathweave._core.version import VERSION
from pathweave.graph import PathwayGraph
from pathweave.models._consensus import Consensus
from pathweave.models._data import LayerSchema
from pathweave.models._ensemble import FittedEnsemble
from pathweave.models._held_out import HeldOut
from pathweave.models._imputer import LayerImputer
from pathweave.models._parts import TargetParts
from pathweave.models._pretrained_part import read_part
from pathweave.models._targets import Target
from pathweave.models._train import FittedState
from pathweave.nn.heads import HeadSpec
from pathweave.nn.pathway_vae import GraphArrays, LayerSpec, NetSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathweave.models._estimator import Estimator
    from pathweave.models._fitted import FittedModel

FORMAT = 1
_CONFIG, _TENSORS, _GRAPH = "config.json", "model.safetensors", "graph"


def save_model(model: FittedModel, path: str | Path, *, overwrite: bool) -> None:
    """Write a fitted model into a folder that appears whole or not at all."""
    target = Path(path)
    if target.exists() and any(target.iterdir() if target.is_dir() else [target]):
        is_model = (target / _CONFIG).is_file()
        if not (overwrite and is_model):
            hint = "pass overwrite=True to replace it" if is_model else "choose another folder"
            msg = f"{target} exists already; {hint}."
            raise FileExistsError(msg)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        config, tensors = _describe(model)
        (work / _CONFIG).write_text(json.dumps(config, indent=1, default=_plain), encoding="utf-8")
        save_file(tensors, work / _TENSORS)
        if model.graph_ is not None:
            model.graph_.save(work / _GRAPH)
        work.chmod(0o755)
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        try:
            _replace(target, work, old / target.name)
        finally:
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _replace(target: Path, new: Path, aside: Path) -> None:
    """Put a folder into the place of another, which is whole until the new one is there."""
    if target.exists():
        target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise


def load(path: str | Path) -> Estimator:
    """Load a model that `save` wrote.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    The fitted model; it gives the numbers it gave before.

    Raises
    ------
    FileNotFoundError
        If there is no model in the folder.
    ValueError
        If the files are damaged, or of a format this release does not know.

    Examples
    --------
    >>> import tempfile, pathweave as pw
    >>> mdata = pw.datasets.simulate(40, seed=1)
    >>> model = pw.models.PathwayVAE(4, max_epochs=2).fit(mdata)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(folder + "/run")
    ...     again = pw.models.load(folder + "/run")
    >>> bool((again.embed(mdata) == model.embed(mdata)).all())
    True
    """
    from pathweave.models._family import FAMILY

    folder = Path(path)
    if not (folder / _CONFIG).is_file() or not (folder / _TENSORS).is_file():
        msg = f"{folder} holds no saved model ({_CONFIG} and {_TENSORS} are needed)."
        raise FileNotFoundError(msg)
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        tensors = load_file(folder / _TENSORS)
    except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError) as error:
        msg = f"{folder}: the saved model is damaged ({error}); save it again."
        raise ValueError(msg) from error
    known = {model.__name__: model for model in FAMILY}
    if config.get("format") != FORMAT or config.get("class") not in known:
        msg = (
            f"{folder}: format {config.get('format')!r} of {config.get('class')!r} is not known to pathweave "
            f"{VERSION} (it was written by {config.get('version')!r}); load it with that release."
        )
        raise ValueError(msg)
    parameters = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in config["parameters"].items()
    }
    model = known[config["class"]](**parameters)
    graph = PathwayGraph.load(folder / _GRAPH) if (folder / _GRAPH).is_dir() else None
    try:
        _restore(model, config, tensors, graph)
        _ = model.ensemble_.nets  # a wrong shape shows here, not at first use
    except (KeyError, RuntimeError) as error:
        msg = f"{folder}: the tensors do not fit the configuration ({error}); save the model again."
        raise ValueError(msg) from error
    return model


def _plain(value: Any) -> Any:
    """A number of NumPy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    msg = f"a hyperparameter of type {type(value).__name__} cannot be saved; give plain numbers and text."
    raise TypeError(msg)


def _describe(model: FittedModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    ensemble = model.ensemble_
    tensors: dict[str, np.ndarray] = {}
    for i, state in enumerate(ensemble.states):
        tensors |= {f"net.{i}.{k}": np.ascontiguousarray(v) for k, v in state.state.items()}
    for name, parts in ensemble.parts.items():
        for i, module in enumerate(parts.linear):
            arrays = {k: v.detach().numpy() for k, v in module.state_dict().items()}
            tensors |= {
                f"linear.{name}.{i}.{k}": np.ascontiguousarray(v) for k, v in arrays.items()
            }
    tensors |= {f"out_of_fold.{name}": p.out_of_fold for name, p in ensemble.parts.items()}
    tensors |= {f"baseline.{name}": mean for name, mean in model.baseline_.items()}
    tensors |= {f"samples.{name}": x for name, x in model.imputer_.values.items()}
    tensors["samples_held"] = model.imputer_.held
    if model.consensus_ is not None:
        maps = model.consensus_.maps.items()
        tensors |= {f"consensus.{name}": np.ascontiguousarray(x) for name, x in maps}
    if ensemble.graph is not None:
        tensors |= _graph_tensors(ensemble.graph)
        signs = ensemble.signs
        if signs is not None:
            tensors["activity_signs"] = signs
            tensors["activity_center"], tensors["activity_spread"] = ensemble.activity_units
    config = {
        "format": FORMAT,
        "class": type(model).__name__,
        "version": VERSION,
        "torch": torch.__version__,
        "parameters": model.get_params(),
        "graph_digest": model.graph_digest_,
        "layers": [layer.to_json() for layer in model.layers_.values()],
        "consensus_weights": None if model.consensus_ is None else model.consensus_.weights,
        "targets": [target.to_json() for target in model.targets_.values()],
        "spec": asdict(ensemble.spec),
        "relation_names": [] if ensemble.graph is None else list(ensemble.graph.relation_names),
        "node_ids": [] if ensemble.graph is None else list(ensemble.graph.node_ids),
        "pathway_ids": [] if ensemble.graph is None else list(ensemble.graph.pathway_ids),
        "states": [{"name": s.name, "best_epoch": s.best_epoch} for s in ensemble.states],
        "parts": {
            name: {
                "task": parts.task,
                "weights": parts.weights.tolist(),
                "offset": parts.offset,
                "linear": [module.config() for module in parts.linear],
                "table": parts.table.to_dict(orient="list"),
                "held_out": ensemble.held_out[name].to_json(),
            }
            for name, parts in ensemble.parts.items()
        },
        "history": model.history_.to_dict(orient="list"),
        "training_samples": list(model.training_samples_),
        "unfinished": list(model.unfinished_),
        **({"groups": model.fit_groups_} if hasattr(model, "fit_groups_") else {}),
        "core_samples": None
        if len(model.core_samples_) == len(model.training_samples_)
        else list(model.core_samples_),
        "fine_tuned_from": model.fine_tuned_from_,
    }
    return config, tensors


def _graph_tensors(graph: GraphArrays) -> dict[str, np.ndarray]:
    matrices = {f"map.{name}": m for name, m in graph.feature_maps.items()}
    matrices |= {f"relation.{i}": m for i, m in enumerate(graph.relations)}
    tensors = {}
    for name, matrix in matrices.items():
        tensors[f"graph.{name}.data"] = matrix.data.astype(np.float32)
        tensors[f"graph.{name}.indices"] = matrix.indices.astype(np.int64)
        tensors[f"graph.{name}.indptr"] = matrix.indptr.astype(np.int64)
    tensors |= _pack("graph.member", graph.members)
    for i, level in enumerate(graph.levels):
        tensors |= _pack(f"graph.level.{i}", level)
    return tensors


def _pack(name: str, lists: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Lists of positions as one array and where each begins."""
    ends = np.cumsum([0] + [len(positions) for positions in lists])
    joined = np.concatenate([np.zeros(0, np.int64), *lists])
    return {f"{name}s": joined.astype(np.int64), f"{name}_offsets": ends.astype(np.int64)}


def _unpack(name: str, tensors: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    ends = tensors[f"{name}_offsets"]
    joined = tensors[f"{name}s"]
    return tuple(joined[a:b] for a, b in itertools.pairwise(ends))


def _read_matrix(tensors: dict[str, np.ndarray], name: str, n_columns: int) -> sp.csr_matrix:
    data, indices, indptr = (
        tensors[f"graph.{name}.{part}"] for part in ("data", "indices", "indptr")
    )
    return sp.csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, n_columns))


def _read_graph(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> GraphArrays | None:
    if not config["node_ids"]:
        return None
    n_nodes = len(config["node_ids"])
    names = [layer["name"] for layer in config["layers"]]
    order = [name for name in names if f"graph.map.{name}.data" in tensors]
    n_levels = sum(name.startswith("graph.level.") for name in tensors) // 2
    return GraphArrays(
        feature_maps={name: _read_matrix(tensors, f"map.{name}", n_nodes) for name in order},
        relations=tuple(
            _read_matrix(tensors, f"relation.{i}", n_nodes)
            for i in range(len(config["relation_names"]))
        ),
        relation_names=tuple(config["relation_names"]),
        members=_unpack("graph.member", tensors),
        node_ids=tuple(config["node_ids"]),
        pathway_ids=tuple(config["pathway_ids"]),
        levels=tuple(_unpack(f"graph.level.{i}", tensors) for i in range(n_levels)),
    )


def _restore(
    model: FittedModel,
    config: dict[str, Any],
    tensors: dict[str, np.ndarray],
    graph: PathwayGraph | None,
) -> None:
    record = config["spec"]
    layers = tuple(
        LayerSpec(
            **{**l, "off_graph": tuple(l["off_graph"]), "segments": tuple(l.get("segments", ()))}
        )
        for l in record.pop("layers")
    )
    heads = tuple(
        HeadSpec(**{**h, "class_weights": tuple(h["class_weights"]), "cuts": tuple(h["cuts"])})
        for h in record.pop("heads")
    )
    states = [
        FittedState(s["name"], _sub(tensors, f"net.{i}."), int(s["best_epoch"]))
        for i, s in enumerate(config["states"])
    ]
    spec = NetSpec(layers, heads, **record)
    arrays_graph = _read_graph(config, tensors)
    parts = {}
    for name, saved in config["parts"].items():
        modules = []
        for i, linear in enumerate(saved["linear"]):
            module = read_part(linear, spec, arrays_graph)
            arrays = _sub(tensors, f"linear.{name}.{i}.")
            module.load_state_dict({k: torch.tensor(v) for k, v in arrays.items()})
            modules.append(module)
        table = pd.DataFrame(saved["table"])
        parts[name] = TargetParts(
            saved["task"],
            modules,
            np.array(saved["weights"]),
            table,
            tensors[f"out_of_fold.{name}"],
            float(saved.get("offset", 0.0)),
        )
    model.layers_ = {l["name"]: LayerSchema.from_json(l) for l in config["layers"]}
    model.targets_ = {t["name"]: Target.from_json(t) for t in config["targets"]}
    model.ensemble_ = FittedEnsemble(spec, arrays_graph, states, parts)
    model.ensemble_.held_out = {
        name: HeldOut.from_json(saved["held_out"]) for name, saved in config["parts"].items()
    }
    if "activity_signs" in tensors:
        model.ensemble_.signs = tensors["activity_signs"]
        model.ensemble_.activity_units = (tensors["activity_center"], tensors["activity_spread"])
    model.history_ = pd.DataFrame(config["history"])
    tables = [p.table for p in parts.values()]
    columns = ["target", "part", "weight", "loss", "score", "metric"]
    model.parts_ = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    model.graph_ = graph
    model.graph_digest_ = config["graph_digest"]
    model.training_samples_ = tuple(config["training_samples"])
    model.unfinished_ = tuple(config.get("unfinished", ()))
    if "groups" in config:  # older files do not say
        model.fit_groups_ = config["groups"]
    model.core_samples_ = tuple(config.get("core_samples") or model.training_samples_)
    model.baseline_ = _sub(tensors, "baseline.")
    model.imputer_ = LayerImputer(
        tuple(model.layers_.values()), _sub(tensors, "samples."), tensors["samples_held"]
    )
    weights = config["consensus_weights"]
    model.consensus_ = (
        None
        if weights is None
        else Consensus(model.imputer_.units, _sub(tensors, "consensus."), weights)
    )
    model.fine_tuned_from_ = config.get("fine_tuned_from")


def _sub(tensors: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }

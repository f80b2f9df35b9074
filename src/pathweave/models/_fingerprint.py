"""All that the networks of a fit depend on, told in words or as SHA-256, so that two fits can be told apart."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch

from pathweave._core.settings import settings
from pathweave._core.source import source_digest
from pathweave.models._store import SampleStore
from pathweave.nn import resolve_device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pathweave.models._train import Replicate
    from pathweave.nn.pathway_vae import GraphArrays, NetSpec

_NO_NUMBER = frozenset({"n_jobs", "device", "progress", "checkpoint_seconds", "processes"})
"""Hyperparameters and settings that change no number (the device is told by what it is)."""


def told_of_fit(
    model: str,
    params: Mapping[str, Any],
    device: str,
    *,
    spec: NetSpec,
    samples: Sequence[str],
    values: Mapping[str, np.ndarray] | SampleStore,
    outcomes: Mapping[str, np.ndarray],
    graph: GraphArrays | None,
    plan: Sequence[Replicate],
    library: Mapping[str, np.ndarray],
) -> dict[str, str]:
    """Tell of a fit: what differs between two of them has another value.

    Parameters
    ----------
    model, params, device
        Class of the model, its hyperparameters, and where it is fitted.
    spec
        Layers, targets and sizes.
    samples
        Names of the training samples.
    values, outcomes, library
        What is learned from, as `fit_replicates` takes it.
    graph
        The graph's arrays.
    plan
        The replicates.
    """
    told = {"model": model}
    told |= {k: _json(v) for k, v in params.items() if k not in _NO_NUMBER}
    told |= {
        f"settings.{k}": _json(v)
        for k, v in dataclasses.asdict(settings).items()
        if k not in _NO_NUMBER
    }
    told["training samples"] = digest_of(list(samples))
    held = values.digests() if isinstance(values, SampleStore) else values
    told |= {f"layer {k!r}": digest_of(v, library.get(k)) for k, v in held.items()}
    told |= {f"outcome {k!r}": digest_of(v) for k, v in outcomes.items()}
    told["kinds of layers and targets"] = digest_of(spec)
    told["graph"] = "none" if graph is None else digest_of(graph)
    told["folds"] = digest_of([dataclasses.replace(r, initial=None) for r in plan])
    if any(r.initial is not None for r in plan):
        told["model that is tuned"] = digest_of([r.initial for r in plan])
    told["device"] = resolve_device(device).type
    told["torch"] = str(torch.__version__)
    return {**told, "version of pathweave's code": source_digest()}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def digest_of(*values: Any) -> str:
    """SHA-256 of arrays and plain values, however nested."""
    digest = hashlib.sha256()
    for value in values:
        _update(digest, value)
    return digest.hexdigest()


def _update(digest: Any, value: Any) -> None:
    digest.update(f"<{type(value).__name__}>".encode())
    if sp.issparse(value):
        value = [value.shape, value.tocsr().indptr, value.tocsr().indices, value.tocsr().data]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"{value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    elif isinstance(value, dict):
        # With its length: else {"a": {"b": 1, "c": 2}} and {"a": {"b": 1}, "c": 2} would be the same.
        digest.update(str(len(value)).encode())
        for key in sorted(value, key=_json):
            digest.update(_json(key).encode())
            _update(digest, value[key])
    elif isinstance(value, torch.Tensor):
        _update(
            digest, value.detach().cpu().numpy()
        )  # its text leaves out the middle of a long one
    elif isinstance(value, (list, tuple, np.ndarray)):
        digest.update(str(len(value)).encode())
        for item in value:
            _update(digest, item)
    else:
        digest.update(json.dumps(value, default=str).encode())

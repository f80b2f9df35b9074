"""Normalise every layer as its kind needs it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from pathweave._core import keys
from pathweave._core.checks import check_choice, check_mudata, listed, select_layers
from pathweave.io import layer_kinds, quiet_mudata
from pathweave.pp._transforms import METHODS, TRANSFORMS, choose, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mudata import MuData

logger = logging.getLogger(__name__)


def normalize(
    mdata: MuData,
    *,
    layers: Iterable[str] | str | None = None,
    methods: Mapping[str, str] | None = None,
    copy: bool = False,
) -> MuData | None:
    """Bring layers to a scale on which differences are comparable, by what each layer measures.

    Only the sample's own values are used, nothing is learned across samples, so that this may be
    done before data are split. By kind, where the values show that it has not been done:

    - transcriptome, mirna: raw counts to log counts per million (``"log1p_cpm"``), other values
      above 50 to ln(1 + x) (``"log1p"``);
    - methylation: beta values to M values (``"m_values"``), clipped to 0.01 ... 0.99;
    - proteome, metabolome: values above 50 to log2, minus the sample's median (``"log2_median"``),
      zeros taken as half the sample's smallest value;
    - logged, scaled or centred values, cnv, mutation and other layers stay as they are (``"none"``).

    Parameters
    ----------
    mdata
        Data with one modality a layer.
    layers
        Layers to normalise; all if not given.
    methods
        Layer name to method, where another one than the chosen is wanted.
    copy
        Return a changed copy and leave `mdata` as it is.

    Returns
    -------
    `None`, or the copy. Sets ``mod.X`` (float32), ``mod.layers["raw"]`` (the values before, where
    they changed) and ``mod.uns["pathweave"]["normalize"]`` (JSON: method, reason). Layers that carry
    this record are left alone.

    Examples
    --------
    >>> import pathweave as pw
    >>> mdata = pw.datasets.miniacc()
    >>> pw.pp.normalize(mdata)
    >>> bool(mdata.mod["rna"].X.max() < 20)
    True
    """
    check_mudata(mdata)
    if copy:
        with quiet_mudata():
            mdata = mdata.copy()
    chosen = select_layers(mdata, layers)
    methods = dict(methods or {})
    if methods:
        select_layers(mdata, list(methods), name="methods")
        _check_methods(methods, chosen)
    _check_no_view(mdata)
    kinds = layer_kinds(mdata)
    changes = {}
    for layer in chosen:
        if _is_done(mdata.mod[layer], layer, methods.get(layer)):
            logger.info("layer %r is normalized already and was left alone", layer)
            continue
        changes[layer] = _change(mdata.mod[layer], layer, kinds[layer], methods.get(layer))
    for layer, (values, record) in changes.items():
        _write(mdata.mod[layer], values, record)
        logger.info("layer %r: %s (%s)", layer, record["method"], record["reason"])
    return mdata if copy else None


def _check_methods(methods: dict[str, str], chosen: list[str]) -> None:
    """Raise on unknown methods, and on methods for layers that are not to be normalised."""
    for layer, method in methods.items():
        check_choice(f"methods[{layer!r}]", method, METHODS)
    beside = [layer for layer in methods if layer not in chosen]
    if beside:
        msg = f"methods names {listed(beside)}, which layers={chosen!r} leaves out."
        raise ValueError(msg)


def _check_no_view(mdata: MuData) -> None:
    """Raise if writing would go into a view of other data."""
    if mdata.is_view or any(mod.is_view for mod in mdata.mod.values()):
        msg = "mdata is a view of other data; take a copy first: mdata = mdata[samples].copy()."
        raise ValueError(msg)


def _is_done(mod: Any, layer: str, method: str | None) -> bool:
    """Whether the layer was changed by an earlier call; raises if another method is asked for now."""
    text = dict(mod.uns.get(keys.UNS, {})).get(keys.NORMALIZED)
    if text is None:
        return False
    before = str(json.loads(text)["method"])
    if method is None or method == before:
        return True
    if before == "none":
        return False
    msg = (
        f"methods[{layer!r}]={method!r}: the layer is normalized already, by {before!r}. Put the "
        f"values back first: mod.X = mod.layers[{keys.RAW_LAYER!r}], and delete "
        f"mod.uns[{keys.UNS!r}][{keys.NORMALIZED!r}]."
    )
    raise ValueError(msg)


def _change(
    mod: Any, layer: str, kind: str, method: str | None
) -> tuple[Any | None, dict[str, str]]:
    """Compute new values (``None`` for no change) and the record of one layer."""
    if stored(mod.X).dtype.kind not in "fiub":
        msg = f"layer {layer!r} holds {stored(mod.X).dtype} values; numbers are needed."
        raise TypeError(msg)
    if np.isinf(stored(mod.X)).any():
        msg = f"layer {layer!r} holds infinite values (log of zero?). Replace them by NaN or a number."
        raise ValueError(msg)
    reason = "asked for"
    if method is None:
        method, reason = choose(kind, mod.X)
    record = {"method": method, "reason": reason, "kind": kind}
    return (None if method == "none" else TRANSFORMS[method](mod.X, layer)), record


def _write(mod: Any, values: Any | None, record: dict[str, str]) -> None:
    """Write values and record; a layer called raw that the user brought stays."""
    if values is not None:
        if keys.RAW_LAYER in mod.layers:
            logger.warning("layers[%r] was there before and is kept as it was", keys.RAW_LAYER)
        else:
            mod.layers[keys.RAW_LAYER] = mod.X.copy()
        mod.X = values
    mod.uns[keys.UNS] = {**dict(mod.uns.get(keys.UNS, {})), keys.NORMALIZED: json.dumps(record)}

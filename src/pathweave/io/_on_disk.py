"""A MuData whose values stay on disk, from h5mu or zarr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathweave._core.checks import check_mudata
from pathweave._core.memory import give_back
from pathweave.io._h5mu import check_holds_mudata
from pathweave.io._mudata import quiet_mudata

if TYPE_CHECKING:
    from os import PathLike

    import anndata as ad
    from mudata import MuData


def open_mudata(path: str | PathLike[str]) -> MuData:
    """Open a MuData without reading its values: they stay on disk until rows of them are needed.

    Parameters
    ----------
    path
        An h5mu file, or a zarr store (a folder). Sparse layers must be stored by rows (CSR).

    Returns
    -------
    The data, read-only: every ``mod.X`` is a dataset on disk, names and tables are in memory. `models` fit, embed and
    predict from it with bounded memory; ``mdata.copy()`` or ``mod.to_memory()`` read it whole.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If it is neither, or damaged.

    Examples
    --------
    >>> import tempfile, pathlib, pathweave as pw
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "cells.h5mu"
    >>> pw.io.write_h5mu(pw.datasets.simulate(60, seed=1), path)
    >>> mdata = pw.io.open_mudata(path)
    >>> model = pw.models.MultimodalVAE(4, max_epochs=2).fit(mdata)
    >>> model.embed(mdata).shape
    (60, 4)
    """
    path = Path(path)
    if not path.exists():
        msg = f"path={str(path)!r} does not exist; give an h5mu file or a zarr store."
        raise FileNotFoundError(msg)
    opened = _open_zarr(path) if path.is_dir() else _open_h5mu(path)
    for mod in opened.mod.values():
        if mod.n_obs == opened.n_obs and mod.obs_names.equals(opened.obs_names):
            mod.obs.index = opened.obs.index  # one list of names in memory instead of two
    check_mudata(opened, name=f"the MuData in {path.name}")
    give_back()
    return opened


def _open_h5mu(path: Path) -> MuData:
    import mudata

    check_holds_mudata(path)
    try:
        with quiet_mudata():
            return mudata.read_h5mu(path, backed="r")
    except (KeyError, OSError, TypeError, ValueError) as error:
        msg = f"path={str(path)!r} cannot be read as h5mu; it is truncated or damaged ({error})."
        raise ValueError(msg) from error


def _open_zarr(path: Path) -> MuData:
    import mudata
    import zarr
    from anndata.io import read_elem

    try:
        store: Any = zarr.open_group(str(path), mode="r")
        names = list(store["mod"].attrs.get("mod-order", [])) or sorted(store["mod"])
        with quiet_mudata():
            opened = mudata.MuData({name: _open_modality(store["mod"][name]) for name in names})
            obs = read_elem(store["obs"])
            opened.obs = obs.reindex(opened.obs_names)
    except (KeyError, OSError, TypeError, ValueError) as error:
        msg = f"path={str(path)!r} is no zarr store of a MuData, or it is damaged ({error})."
        raise ValueError(msg) from error
    return opened


def _open_modality(group: Any) -> ad.AnnData:
    import anndata as ad
    from anndata.io import read_elem, sparse_dataset

    sparse = str(group["X"].attrs.get("encoding-type", "")).endswith("_matrix")
    return ad.AnnData(
        X=sparse_dataset(group["X"]) if sparse else group["X"],
        obs=read_elem(group["obs"]),
        var=read_elem(group["var"]),
        uns=read_elem(group["uns"]) if "uns" in group else {},
    )

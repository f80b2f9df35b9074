"""h5mu files in and out; a file is written whole or not at all."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pathweave._core.checks import check_mudata
from pathweave._core.files import whole
from pathweave.io._mudata import quiet_mudata

if TYPE_CHECKING:
    from os import PathLike

    from mudata import MuData


def read_h5mu(path: str | PathLike[str]) -> MuData:
    """Read a MuData from an h5mu file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    The data. Columns of the layers' own `obs` are not copied into ``mdata.obs``.

    Examples
    --------
    >>> import tempfile, pathlib, pathweave as pw
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "acc.h5mu"
    >>> pw.io.write_h5mu(pw.datasets.miniacc(), path)
    >>> pw.io.read_h5mu(path).n_obs
    92
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        msg = f"path={str(path)!r} {what}; give an .h5mu file."
        raise FileNotFoundError(msg)
    check_holds_mudata(path)
    import mudata

    try:
        with quiet_mudata():
            warnings.filterwarnings(
                "ignore", message="The HDF5 file was not created by muon/mudata"
            )
            mdata = mudata.read_h5mu(path)
    except (KeyError, OSError, TypeError, ValueError) as error:
        msg = f"path={str(path)!r} cannot be read as h5mu; it is truncated or damaged ({error})."
        raise ValueError(msg) from error
    check_mudata(mdata, name=f"the MuData in {path.name}")
    return mdata


def check_holds_mudata(path: Path) -> None:
    """Raise, saying what the file is instead, unless it is HDF5 with modalities."""
    import h5py  # type: ignore[import-untyped]

    if not h5py.is_hdf5(path):
        msg = (
            f"path={str(path)!r} is not an HDF5 file, so it is no h5mu. "
            "For tables (CSV, TSV, parquet) use pathweave.io.read_tables({'rna': path, ...})."
        )
        raise ValueError(msg)
    try:
        with h5py.File(path, "r") as file:
            found = sorted(file)
    except OSError as error:
        msg = f"path={str(path)!r} cannot be opened; it is truncated or damaged ({error})."
        raise ValueError(msg) from error
    if "mod" not in found:
        hint = (
            " It looks like an h5ad file (one layer): read it with anndata.read_h5ad and put it into "
            "mudata.MuData({'rna': adata})."
            if "X" in found
            else ""
        )
        msg = f"path={str(path)!r} holds no MuData: no 'mod' group, found {found}.{hint}"
        raise ValueError(msg)


def write_h5mu(mdata: MuData, path: str | PathLike[str]) -> None:
    """Write a MuData to an h5mu file, whole or not at all.

    Parameters
    ----------
    mdata
        Data to write.
    path
        The file; an existing one is replaced only when the new one is complete.

    Returns
    -------
    `None`.

    Examples
    --------
    >>> import tempfile, pathlib, pathweave as pw
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "acc.h5mu"
    >>> pw.io.write_h5mu(pw.datasets.miniacc(), path)
    >>> path.is_file()
    True
    """
    check_mudata(mdata)
    with whole(path) as part, quiet_mudata():
        mdata.write_h5mu(part, compression="gzip")

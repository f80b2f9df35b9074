"""Work with mudata without its two noisy warnings, here and now only."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet_mudata() -> Iterator[None]:
    """Let mudata keep `obs` and `var` as they are, and be silent about shared feature names.

    Inside the block mudata neither copies columns of the layers into ``mdata.obs`` nor warns that it
    will stop doing so, and it does not complain when two layers share feature names, as RNA and
    copy number do. The user's own mudata options are put back at the end.

    Examples
    --------
    >>> import pathweave as pw
    >>> from pathweave.io import quiet_mudata
    >>> mdata = pw.datasets.miniacc()
    >>> with quiet_mudata():
    ...     again = mdata.copy()
    >>> again.n_obs == mdata.n_obs
    True
    """
    import mudata

    # Not `with set_options(...)`: its __enter__ logs, and by that configures the root logger.
    before = mudata.set_options(pull_on_update=False).opts
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Cannot join columns with the same name")
        warnings.filterwarnings("ignore", message=r"(obs|var)_names are not unique")
        try:
            yield
        finally:
            mudata.set_options(**before)

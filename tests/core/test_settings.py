"""Settings: what is no setting is refused, and what was there comes back."""

from __future__ import annotations

import pytest

from pathweave import settings


def test_a_misspelt_setting_is_refused():
    with pytest.raises(AttributeError, match=r"^no such setting: 'njobs'\. There are: progress, n_jobs"):  # fmt: skip
        settings.njobs = 2
    with pytest.raises(ValueError, match="njobs"), settings.override(njobs=2):
        pass
    assert "njobs" not in vars(settings)


def changed_then_failing():
    with settings.override(n_jobs=3, device="cpu"):
        assert (settings.n_jobs, settings.device) == (3, "cpu")
        raise KeyError


def test_what_was_set_comes_back_after_an_error():
    before = dict(vars(settings))
    with pytest.raises(KeyError):
        changed_then_failing()
    assert vars(settings) == before

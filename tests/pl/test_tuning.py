"""The plot of a tuning shows every trial where its table says it lies."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import pathweave as pw

mpl.use("agg")


def result(loss):
    table = pd.DataFrame({"number": np.arange(len(loss)), "loss": loss})
    model = pw.models.PathwayVAE()
    return pw.models.Tuning(table, model, {}, "out-of-fold log loss")


def lines(ax) -> dict:
    return {line.get_label(): line for line in ax.lines}


def test_every_trial_lies_at_its_loss():
    loss = [0.5, 0.6, np.nan, 0.4, 0.45, 90.0]
    ax = pw.pl.tuning(result(loss))
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["trial"].get_xdata(), [0, 1, 3, 4])
    np.testing.assert_array_equal(drawn["trial"].get_ydata(), [0.5, 0.6, 0.4, 0.45])
    np.testing.assert_array_equal(drawn["best so far"].get_ydata(), [0.5, 0.5, 0.5, 0.4, 0.4, 0.4])
    assert drawn["own values"].get_ydata()[0] == 0.5
    np.testing.assert_array_equal(drawn["failed"].get_xdata(), [2])
    np.testing.assert_array_equal(drawn["off the scale"].get_xdata(), [5])
    low, high = ax.get_ylim()
    assert low < 0.4
    assert 0.6 < high < 10
    assert ax.get_ylabel() == "out-of-fold log loss"
    texts = {text.get_text() for text in ax.get_legend().get_texts()}
    assert texts == set(drawn)


@pytest.mark.parametrize("loss", [[0.5], [0.5, 0.5], [0.5, np.nan], [1.0, 0.2, 0.1]], ids=str)
def test_few_trials_are_drawn_inside_the_axes(loss):
    ax = pw.pl.tuning(result(loss))
    low, high = ax.get_ylim()
    shown = lines(ax)["trial"].get_ydata()
    assert len(shown) == np.isfinite(loss).sum()
    assert low < np.nanmin(loss) <= np.nanmax(loss) < high
    assert "off the scale" not in lines(ax)


def test_a_given_axes_is_used():
    ax = plt.subplots()[1]
    assert pw.pl.tuning(result([1.0, 2.0]), ax=ax) is ax

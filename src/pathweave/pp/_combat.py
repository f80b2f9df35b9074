"""ComBat batch correction, learned from training samples and applied to any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pathweave._core.checks import listed
from pathweave._core.warnings import DataWarning, warn
from pathweave.pp._combat_shrink import least_squares, shrink
from pathweave.pp._covariates import Covariates, check_confounding


class ComBat:
    """Correct batch effects by parametric empirical Bayes, with batches known from `fit`.

    Each feature is standardised by its mean, the covariates' effects and its pooled variance; each batch's
    shift and spread of it is estimated and shrunk towards what all features of the batch show; both
    are taken out, and the standardisation is undone. All estimates come from the samples given to `fit`.

    Parameters
    ----------
    parametric
        Shrink by a normal prior of shifts and an inverse gamma prior of variances; otherwise by the
        features' own estimates as they are distributed (slower: quadratic in the number of features).
    mean_only
        Take out the shifts and leave the spreads. A batch of one sample shows no spread: then this
        is done for all batches, with a warning.
    reference
        Label of the batch that stays as it is, and that the others are brought to.

    Attributes
    ----------
    batches_
        Labels of the batches, in the order of their first sample.
    mean_only_
        Whether spreads were left as they are.
    mean_, scale_
        Mean of each feature, at the covariates' means, and pooled standard deviation within batches (0:
        the feature stays as it is), shape (n_features,).
    effects_
        Effects of the encoded covariates, shape (n_columns, n_features).
    gamma_, delta_
        Shift and variance of each batch, in units of `scale_`, shape (n_batches, n_features).

    Notes
    -----
    For the samples of `fit` the result is that of ComBat on all of them at once. NaN stay NaN and are
    left out of all estimates. Features that are constant within every batch stay as they are, as do
    values of a feature that `fit` never saw in that batch.

    References
    ----------
    Johnson, Li and Rabinovic, Biostatistics 8 (2007), equations 2.1 to 3.1 and their supplement.

    Examples
    --------
    >>> import numpy as np
    >>> from pathweave.pp import ComBat
    >>> x = np.random.default_rng(0).normal(size=(40, 50))
    >>> batch = np.repeat(["a", "b"], 20)
    >>> x[batch == "b"] += 3
    >>> fixed = ComBat().fit(x, batch).transform(x, batch)
    >>> bool(abs(fixed[batch == "a"].mean() - fixed[batch == "b"].mean()) < 0.1)
    True
    """

    def __init__(
        self, *, parametric: bool = True, mean_only: bool = False, reference: Any = None
    ) -> None:
        self.parametric = parametric
        self.mean_only = mean_only
        self.reference = reference

    def fit(self, X: Any, batch: Any, covariates: pd.DataFrame | None = None) -> ComBat:
        """Estimate the batches' effects.

        Parameters
        ----------
        X
            Training samples (n_samples, n_features), logged or otherwise near normal; NaN where unmeasured.
            May be sparse.
        batch
            Batch of each sample, shape (n_samples,).
        covariates
            What is to stay in the data, one row a sample: numbers, or categories.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are fewer than two batches, or covariates that the batches cannot be told from.
        """
        x = _read_values(X).astype(np.float64)
        labels = _read_batch(batch, len(x))
        self.batches_ = labels.unique()
        which = self.batches_.get_indexer(labels)
        sizes = np.bincount(which)
        reference = self._check_batches(sizes)
        self.mean_only_ = self.mean_only or bool(sizes.min() == 1)
        if self.mean_only_ and not self.mean_only:
            warn(
                f"batch(es) {listed(self.batches_[sizes == 1])} have one sample, which shows no spread: only "
                "the means of all batches are corrected (mean_only=True says so without this warning).",
                DataWarning,
            )
        dummies = np.eye(len(sizes))[which]
        extra = np.empty((len(x), 0))
        self._covariates = None
        if covariates is not None:
            self._covariates = Covariates.learn(covariates, len(x))
            extra = self._covariates.encode(covariates, len(x))
            check_confounding(dummies, extra, self._covariates)
        self._standardize(x, dummies, extra, reference)
        self._estimate(x, which, extra)
        if reference is not None:
            self.gamma_[reference], self.delta_[reference] = 0.0, 1.0
        return self

    def transform(self, X: Any, batch: Any, covariates: pd.DataFrame | None = None) -> np.ndarray:
        """Take out the batches' effects as estimated in `fit`.

        Samples of a batch that `fit` did not see are returned as they are, with a warning.

        Parameters
        ----------
        X
            Samples (n_samples, n_features).
        batch
            Batch of each sample, shape (n_samples,).
        covariates
            The columns given to `fit`. They may be left out, for samples whose covariates are unknown: the
            shift does not depend on them, but the spread is then corrected around the mean of
            each feature and not around what a sample's covariates let expect.

        Returns
        -------
        Corrected values, shape (n_samples, n_features), in the precision of `X`; dense, as a shift leaves
        no zeros.

        Raises
        ------
        ValueError
            If `X` or `covariates` do not match what was fitted.
        """
        values = _read_values(X)
        if not hasattr(self, "gamma_"):
            msg = "this ComBat is not fitted; call fit(X, batch) with the training samples first."
            raise ValueError(msg)
        if values.shape[1] != self.gamma_.shape[1]:
            msg = f"X has {values.shape[1]} features, fit saw {self.gamma_.shape[1]}; give the same ones."
            raise ValueError(msg)
        labels = _read_batch(batch, len(values))
        which = self.batches_.get_indexer(labels)
        unseen = labels[which < 0].unique()
        if len(unseen):
            warn(
                f"batch(es) {listed(unseen)} were not in fit: their {int((which < 0).sum())} sample(s) stay as "
                f"they are. Known: {listed(self.batches_, 20)}.",
                DataWarning,
            )
        out = values.copy()
        rows = np.flatnonzero((which >= 0) & (self._fixed[which] == 0))
        columns = np.flatnonzero(self.scale_ > 0)
        if not len(rows) or not len(columns):
            return out
        center = self.mean_[None, :]
        if covariates is not None:
            center = center + self._encode(covariates, len(values))[rows] @ self.effects_
        center, scale = center[:, columns], self.scale_[columns]
        gamma, delta = (e[np.ix_(which[rows], columns)] for e in (self.gamma_, self.delta_))
        x = values[np.ix_(rows, columns)].astype(np.float64)
        fixed = ((x - center) / scale - gamma) / np.sqrt(delta) * scale + center
        # What was never seen in a batch has no effect: not even one of rounding.
        out[np.ix_(rows, columns)] = np.where((gamma == 0) & (delta == 1), x, fixed)
        return out

    def _check_batches(self, sizes: np.ndarray) -> int | None:
        """Position of the reference, or an error."""
        if len(sizes) < 2:
            msg = f"batch holds {listed(self.batches_)} only; two batches are the least that can be aligned."
            raise ValueError(msg)
        if self.reference is None:
            self._fixed = np.zeros(len(sizes))
            return None
        position = int(self.batches_.get_indexer([self.reference])[0])
        if position < 0 or sizes[position] < 2:
            found = "is no batch" if position < 0 else "has one sample, which shows no spread"
            large = self.batches_[sizes > 1]
            msg = f"reference={self.reference!r} {found}; choose among {listed(large, 20)}."
            raise ValueError(msg)
        self._fixed = np.eye(len(sizes))[position]
        return position

    def _encode(self, covariates: pd.DataFrame, n: int) -> np.ndarray:
        if self._covariates is None:
            msg = "covariates are given, but fit had none; fit with them, or leave them out."
            raise ValueError(msg)
        return self._covariates.encode(covariates, n)

    def _standardize(
        self, x: np.ndarray, dummies: np.ndarray, extra: np.ndarray, reference: int | None
    ) -> None:
        """Learn mean, covariate effects and pooled deviation of each feature."""
        n_batches = dummies.shape[1]
        there = ~np.isnan(x)
        coefficients = least_squares(np.hstack([dummies, extra]), x, there)
        means, self.effects_ = coefficients[:n_batches], coefficients[n_batches:]
        seen = (dummies.T @ there) > 0
        if reference is None:
            weight = dummies.sum(axis=0)[:, None] * seen
            self.mean_ = (weight * means).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
            rows = there
        else:
            self.mean_ = means[reference]
            rows = there & (dummies[:, [reference]] > 0)
        residual = np.where(rows, x - dummies @ means - extra @ self.effects_, 0.0)
        variance = (residual**2).sum(axis=0) / np.maximum(rows.sum(axis=0), 1)
        size = np.where(there, np.abs(x), 0.0).max(axis=0)
        self.scale_ = np.where(np.sqrt(variance) > 1e-10 * size, np.sqrt(variance), 0.0)

    def _estimate(self, x: np.ndarray, which: np.ndarray, extra: np.ndarray) -> None:
        """Shifts and variances of the batches."""
        varying = self.scale_ > 0
        effects = self.effects_[:, varying]
        shape = (len(self.batches_), x.shape[1])
        self.gamma_, self.delta_ = np.zeros(shape), np.ones(shape)
        for b in range(len(self.batches_)):
            rows = which == b
            z = x[np.ix_(rows, varying)] - self.mean_[varying] - extra[rows] @ effects
            z /= self.scale_[varying]
            seen = ~np.isnan(z).all(axis=0)
            columns = np.flatnonzero(varying)[seen]
            gamma, delta = shrink(z[:, seen], parametric=self.parametric, mean_only=self.mean_only_)
            self.gamma_[b, columns], self.delta_[b, columns] = gamma, delta


def _read_values(X: Any) -> np.ndarray:
    if hasattr(X, "obs_names"):
        msg = f"X must be an array (n_samples, n_features), found {type(X).__name__}; give its values, such as adata.X."
        raise TypeError(msg)
    x = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    if x.ndim != 2:
        msg = f"X must have shape (n_samples, n_features), found {x.shape}."
        raise ValueError(msg)
    if np.isinf(x).any():
        msg = f"X holds {int(np.isinf(x).sum())} infinite value(s) (log of zero?); replace them by NaN or a number."
        raise ValueError(msg)
    return x


def _read_batch(batch: Any, n: int) -> pd.Index:
    labels = pd.Index(np.asarray(batch, dtype=object))
    if len(labels) != n:
        msg = f"batch has {len(labels)} labels for {n} samples; give one a sample."
        raise ValueError(msg)
    if labels.isna().any():
        msg = f"batch: {int(labels.isna().sum())} sample(s) have no label; fill it, or leave these samples out."
        raise ValueError(msg)
    return labels

"""What may be tuned, and between which bounds."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from pathweave._core.checks import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pathweave.models._estimator import Estimator

DEFAULT_SPACE: dict[str, Any] = {
    "n_latent": (8, 64, "log"),
    "n_hidden": (16, 128, "log"),
    "n_graph_layers": [1, 2],
    "dropout": (0.1, 0.7),
    "layer_dropout": (0.0, 0.5),
    "encode_on_graph": [True, False],
    "learning_rate": (5e-4, 1e-2, "log"),
    "weight_decay": (1e-3, 0.3, "log"),
    "reconstruction_weight": (0.03, 1.0, "log"),
}
"""Searched by default: those of these that the model has and that matter without a graph or a target."""

_FIXED = {
    "seed": "the luckiest seed is no better model",
    "n_folds": "other folds are another yardstick",
    "class_weight": "it says what is asked for, not how it is learned",
    "device": "it changes no number",
    "n_jobs": "it changes no number",
}
_OF_THE_GRAPH = frozenset({"n_graph_layers", "n_channels", "encode_on_graph", "pathway_size"})
_OF_THE_LOSS = {
    "reconstruction_weight": "without a target there is nothing to weigh against",
    "variational": "without a target it changes the loss that trials are judged by",
}


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter: a choice of values, or a range.

    Attributes
    ----------
    name
        The hyperparameter.
    choices
        Values to choose from; empty for a range.
    low, high, log
        Bounds of a range, both included, and whether it is searched on a log scale.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    def distribution(self) -> Any:
        """Give the dimension as optuna's; choices go by their position, so that they may be anything."""
        from optuna import distributions

        if self.choices:
            return distributions.CategoricalDistribution(tuple(range(len(self.choices))))
        if isinstance(self.low, int) and isinstance(self.high, int):
            return distributions.IntDistribution(self.low, self.high, log=self.log)
        return distributions.FloatDistribution(self.low, self.high, log=self.log)

    def value(self, drawn: Any) -> Any:
        """Turn what was drawn into the hyperparameter's value."""
        return self.choices[drawn] if self.choices else drawn

    def drawn(self, value: Any) -> Any:
        """Turn a value into what would have been drawn; ``None`` outside the space."""
        if self.choices:
            return self.choices.index(value) if value in self.choices else None
        return value if self.low <= value <= self.high else None


def default_space(model: Estimator, *, graph: bool, target: bool) -> dict[str, Any]:
    """Choose from `DEFAULT_SPACE` what the model has and what matters in this fit."""
    without = set() if graph and model.uses_graph else set(_OF_THE_GRAPH)
    without |= set() if target else set(_OF_THE_LOSS)
    params = model.get_params()
    return {k: v for k, v in DEFAULT_SPACE.items() if k in params and k not in without}


def read_space(
    model: Estimator, space: Mapping[str, Any] | None, *, graph: bool, target: bool
) -> tuple[Dimension, ...]:
    """Check a space against a model.

    Parameters
    ----------
    model
        Whose hyperparameters are searched.
    space
        From names to choices (a list) or bounds (a tuple); ``None`` for the default.
    graph, target
        Whether the fit has a graph, and a target.

    Returns
    -------
    Dimensions by name, so that the order in which they were written does not matter.
    """
    chosen = default_space(model, graph=graph, target=target) if space is None else space
    if not hasattr(chosen, "items") or not chosen:
        msg = (
            f"space={space!r} must be a dict from hyperparameters to a list of values or to bounds (low, high) or "
            "(low, high, 'log'); None searches the default space."
        )
        raise TypeError(msg)
    params = model.get_params()
    fixed = _FIXED if target else {**_FIXED, **_OF_THE_LOSS}
    free = [name for name in params if name not in fixed]
    for name in chosen:
        if name not in params:
            msg = f"space names {name!r}, which {type(model).__name__} does not have; it has {listed(free, 30)}."
            raise ValueError(msg)
        if name in fixed:
            msg = f"space names {name!r}, which is not tuned: {fixed[name]}. Choose among {listed(free, 30)}."
            raise ValueError(msg)
    return tuple(_dimension(name, chosen[name], params[name]) for name in sorted(chosen))


def _dimension(name: str, given: Any, own: Any) -> Dimension:
    if isinstance(given, list):
        return _choice(name, given, own)
    if isinstance(given, tuple) and len(given) in {2, 3}:
        return _range(name, given, own)
    msg = (
        f"space[{name!r}]={given!r} must be a list of values, or bounds (low, high) or (low, high, 'log'), "
        f"such as [{own!r}]."
    )
    raise TypeError(msg)


def _choice(name: str, given: list[Any], own: Any) -> Dimension:
    unfit = [value for value in given if own is not None and not _alike(value, own)]
    if unfit:
        msg = f"space[{name!r}] holds {listed(map(repr, unfit))}; values must be like the model's own {own!r}."
        raise TypeError(msg)
    if not given or any(value in given[:i] for i, value in enumerate(given)):
        msg = f"space[{name!r}]={given!r} must hold at least one value, and none twice."
        raise ValueError(msg)
    return Dimension(name, choices=tuple(given))


def _range(name: str, given: tuple[Any, ...], own: Any) -> Dimension:
    low, high = given[:2]
    if isinstance(own, bool) or not isinstance(own, Real):
        msg = f"space[{name!r}]={given!r} is a range, but the model's own value is {own!r}; give a list of values."
        raise TypeError(msg)
    if not (_alike(low, own) and _alike(high, own)):
        kind = "whole numbers" if isinstance(own, Integral) else "numbers"
        msg = (
            f"space[{name!r}]={given!r}: both bounds must be {kind}, like the model's own {own!r}."
        )
        raise TypeError(msg)
    if len(given) == 3 and given[2] != "log":
        msg = f"space[{name!r}]={given!r}: the third value may only be 'log'."
        raise ValueError(msg)
    log = len(given) == 3
    if not (float("-inf") < low < high < float("inf")) or (log and low <= 0):
        least = " and the lower one above 0" if log else ""
        msg = f"space[{name!r}]={given!r}: bounds must be finite, the lower one first{least}."
        raise ValueError(msg)
    # A plain number of the kind of the model's own: (0, 1) are bounds of a share, too.
    kinds = int if isinstance(own, Integral) else float
    return Dimension(name, low=kinds(low), high=kinds(high), log=log)


def _alike(value: Any, own: Any) -> bool:
    """Whether a value is of the kind of another: whole numbers do where numbers are wanted."""
    if isinstance(own, bool) or isinstance(value, bool):
        return isinstance(own, bool) and isinstance(value, bool)
    if isinstance(own, Integral):
        return isinstance(value, Integral)
    if isinstance(own, Real):
        return isinstance(value, Real)
    same_length = not isinstance(own, tuple) or len(own) == len(value)
    return isinstance(value, type(own)) and same_length

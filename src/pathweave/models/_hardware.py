"""What a fit runs on and how: a device, a precision, pieces of a batch, determinism. No hyperparameters."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pathweave._core.checks import check_choice
from pathweave._core.settings import settings
from pathweave.nn import deterministic, resolve_device, single_thread
from pathweave.nn.device import PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from pathweave.nn.pathway_vae import NetSpec

SHARED_WORK = ("auto", "replicates", "batches", "off")


@dataclass(frozen=True)
class Hardware:
    """Where and how networks are trained.

    Attributes
    ----------
    device
        Device, as torch names it.
    precision
        ``"float32"`` or ``"bf16"``, of the products in a step.
    accumulate
        In how many pieces a batch goes through the network.
    deterministic
        Whether torch may use deterministic algorithms only.
    """

    device: str = "cpu"
    precision: str = "float32"
    accumulate: int = 1
    deterministic: bool = False

    @classmethod
    def of(cls, device: str, spec: NetSpec, *, local_rank: int = 0) -> Self:
        """Take what the settings say, and a device that can do what a network needs.

        Parameters
        ----------
        device
            The model's device; ``"auto"`` is that of the settings.
        spec
            The network.
        local_rank
            Number of this process on its host.
        """
        check_settings()
        wanted = settings.device if device == "auto" else device
        found = resolve_device(wanted, local_rank=local_rank)
        counts = [l.name for l in spec.layers if "negative_binomial" in l.likelihood]
        if found.type == "mps" and counts:
            if wanted != "auto":
                msg = (
                    f"device={wanted!r}: counts (layer {counts[0]!r}) need float64, which Apple GPUs lack; use "
                    "device='cpu', or likelihood='gaussian' for that layer."
                )
                raise ValueError(msg)
            found = torch.device("cpu")
        return cls(str(found), settings.precision, settings.accumulate, settings.deterministic)

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Run a block on one thread, deterministic if that is asked for."""
        with single_thread(), deterministic(on=self.deterministic):
            yield


def check_settings() -> None:
    """Raise on the first setting of these that cannot be meant."""
    check_choice("settings.precision", settings.precision, PRECISIONS)
    check_choice("settings.processes", settings.processes, SHARED_WORK)
    pieces: object = settings.accumulate
    if not isinstance(pieces, int) or isinstance(pieces, bool) or pieces < 1:
        msg = f"settings.accumulate={pieces!r} must be a whole number of 1 or more."
        raise ValueError(msg)
    seconds: object = settings.checkpoint_seconds
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not seconds >= 0:
        msg = f"settings.checkpoint_seconds={seconds!r} must be a number of 0 or more."
        raise ValueError(msg)
    wanted: object = settings.deterministic
    if not isinstance(wanted, bool):
        msg = f"settings.deterministic={wanted!r} must be True or False."
        raise ValueError(msg)

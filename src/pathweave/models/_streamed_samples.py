"""The samples of one replicate, read from a store batch by batch and ahead of the network."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from pathweave.models._reading_ahead import read_ahead
from pathweave.models._samples import ReplicateSamples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from pathweave.models._store import Block, SampleStore
    from pathweave.models._train import Replicate
    from pathweave.nn import PathwayVAENet
    from pathweave.nn.pathway_vae import Prepared

_RUN = 64
_ANCHORS, _CHUNK = 4000, 256


@dataclass(frozen=True)
class _Batch:
    """What `PathwayVAENet.prepare` takes, of some samples."""

    values: dict[str, Tensor]
    measured: dict[str, Tensor]
    sizes: dict[str, Tensor]
    counts: dict[str, Tensor]


class StreamedSamples(ReplicateSamples):
    """As `ReplicateSamples`, without holding the training samples.

    A thread reads blocks of samples, makes batches of them and, for a network on the CPU, prepares them, while the
    network learns from those before. The few samples that decide when to stop are held.

    The order of an epoch: runs of 64 neighbouring samples come in random order; as many runs as fit into a block are
    read together, and their samples mixed. Where all samples fit into one block, it is the order of training in memory.
    """

    streamed: ClassVar[bool] = True

    def __init__(
        self,
        net: PathwayVAENet,
        replicate: Replicate,
        store: SampleStore,
        outcomes: dict[str, np.ndarray],
        device: torch.device,
    ) -> None:
        self._net, self._store, self._device = net, store, device
        self._rows = np.concatenate([replicate.train, replicate.validation])
        self._block_rows = store.block_rows()
        self._now: tuple[Tensor, Prepared] | None = None
        super().__init__(net, replicate, {}, outcomes, {}, device)

    def _standardize(self, replicate: Replicate) -> None:
        self._net.fit_moments(self._store.moments(replicate.train))

    def _read(self, n_train: int) -> None:
        """Hold the samples that decide when to stop."""
        held = self._rows[n_train:]
        self._inputs = self._prepared(self._batch(self._store.block(held), np.arange(len(held))))

    def _held(self, index: Tensor) -> tuple[Prepared, Tensor]:
        """The present batch, or those that decide when to stop."""
        n_train = len(self.train)
        if len(index) and int(index[0]) >= n_train:
            return self._inputs, index - n_train
        if self._now is None:
            msg = "samples that are read from a store are taken in the order of `batches`."
            raise RuntimeError(msg)
        present, prepared = self._now
        order = present.argsort()
        return prepared, order[torch.searchsorted(present[order], index)]

    def to(self, device: torch.device) -> None:
        """Move what is held to a device; batches go there as they are made."""
        super().to(device)
        self._device = device

    def order(self) -> Tensor:
        """Draw the order of an epoch, in which samples read together come together."""
        n = len(self.train)
        if n <= self._block_rows:
            return super().order()
        runs = torch.arange(n).split(_RUN)
        shuffled = torch.cat([runs[i] for i in torch.randperm(len(runs)).tolist()])
        blocks = [block[torch.randperm(len(block))] for block in shuffled.split(self._block_rows)]
        return torch.cat(blocks).to(self.train.device)

    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Go through batches of positions, each of them read by the time it is given."""
        with closing(read_ahead(self._made(parts))) as made:  # type: ignore[type-var]
            for part, piece in made:
                prepared = piece if not isinstance(piece, _Batch) else self._prepared(piece)
                self._now = (part, prepared)
                yield part
        self._now = None

    def anchors(self) -> Iterator[Prepared]:
        """Some thousand of the training samples, evenly spread, a few hundred at a time."""
        n = len(self.train)
        few = np.unique(np.linspace(0, n - 1, min(n, _ANCHORS)).astype(np.int64))
        for start in range(0, len(few), _CHUNK):
            rows = self._rows[few[start : start + _CHUNK]]
            yield self._prepared(self._batch(self._store.block(rows), np.arange(len(rows))))

    def _made(self, parts: Sequence[Tensor]) -> Iterator[tuple[Tensor, Any]]:
        """Read blocks of whole batches, and make the batches."""
        torch.set_num_threads(1)  # of this thread, as the network's own has one
        for block in self._blocks(parts):
            index = torch.cat(block).cpu().numpy()
            rows, back = np.unique(self._rows[index], return_inverse=True)
            read = self._store.block(rows)
            ends = np.cumsum([len(part) for part in block])[:-1]
            for part, positions in zip(block, np.split(back, ends), strict=True):
                batch = self._batch(read, positions)
                here = self._device.type == "cpu"
                yield part, self._prepared(batch) if here else batch

    def _blocks(self, parts: Sequence[Tensor]) -> Iterator[list[Tensor]]:
        """Group batches that are read together."""
        block: list[Tensor] = []
        for part in parts:
            if block and sum(map(len, block)) + len(part) > self._block_rows:
                yield block
                block = []
            block.append(part)
        if block:
            yield block

    def _batch(self, block: Block, positions: np.ndarray) -> _Batch:
        pin = self._device.type == "cuda"

        def tensor(x: np.ndarray) -> Tensor:
            made = torch.from_numpy(x)
            return made.pin_memory() if pin else made

        values = {name: tensor(x) for name, x in block.values(positions).items()}
        measured = {name: ~x.isnan() for name, x in values.items()}
        sizes = {name: tensor(size[positions]) for name, size in block.sizes.items()}
        counts = {
            name: tensor(part.take(positions)).nan_to_num().round()
            for name, part in block.counts.items()
        }
        return _Batch(values, measured, sizes, counts)

    @torch.no_grad()
    def _prepared(self, batch: _Batch) -> Prepared:
        def there(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            return {n: x.to(self._device, non_blocking=True) for n, x in tensors.items()}

        return self._net.prepare(
            there(batch.values), there(batch.measured), there(batch.sizes),
            counts=there(batch.counts),
        )  # fmt: skip

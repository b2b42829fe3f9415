"""Gaps and static dielectric constants that a training takes along, of crystals without spectra."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dielectra.data.labels import Labels
from dielectra.data.scalars import read_scalars
from dielectra.models.interface import Network
from dielectra.training.config import TrainingConfig
from dielectra.training.workers import Workers


class ScalarData(NamedTuple):
    """What the network needs of the crystals, and their numbers, on the device of the training."""

    prepared: list[Any]
    gaps: Tensor
    eps_infinity: Tensor
    digest: str

    def losses(self, network: Network, config: TrainingConfig, epoch: int, workers: Workers) -> Iterator[Tensor]:
        """Yield this process's loss of one batch after another, without end, each computed when it is asked for."""
        for batch in scalar_batches(self, config, epoch):
            chosen = workers.share(batch)
            crystals = network.collate([self.prepared[index] for index in chosen]).to(self.gaps.device)
            yield network.scalar_loss(crystals, self.gaps[chosen], self.eps_infinity[chosen])


def prepare_scalars(
    config: TrainingConfig, labels: Labels, validation: Labels, network: Network, device: str
) -> ScalarData | None:
    """Return the scalars that a configuration names, None where it names none.

    Crystals whose formula is one of the validation labels or in a split other than training are left out.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    if config.scalars is None:
        return None
    held = {formula for formula, split in zip(labels.formulas, labels.splits, strict=True) if split != "train"}
    scalars = read_scalars(config.scalars).without(held | set(validation.formulas))
    gaps, constants = (torch.from_numpy(array).to(device) for array in (scalars.gaps, scalars.eps_infinity))
    return ScalarData(network.prepare_known(scalars.crystals), gaps, constants, scalars.digest)


def scalar_batches(scalars: ScalarData, config: TrainingConfig, epoch: int) -> Iterator[list[int]]:
    """Yield the indices of batches without end, in an order fixed by seed and epoch."""
    generator = random.Random(f"{config.seed}-{epoch}-scalars")
    waiting: list[int] = []
    size = min(config.scalar_batch_size, len(scalars.prepared))
    while True:
        if len(waiting) < size:
            waiting = list(range(len(scalars.prepared)))
            generator.shuffle(waiting)
        yield waiting[:size]
        del waiting[:size]

"""Which labels a run trains and validates on, and in which batches."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np

from dielectra.data.labels import Labels
from dielectra.errors import InputError
from dielectra.training.config import TrainingConfig


def choose_labels(labels: Labels, config: TrainingConfig) -> tuple[Labels, Labels]:
    """Return the training and validation labels of a run.

    Draws ``config.n`` labels of the highest level from the training split, as the paper does. With ``hold_out`` a part
    of them, whole formulas only, becomes the validation set; otherwise the validation split is used. Lower levels of
    all other training crystals stay.

    Raises
    ------
    InputError
        If there are fewer labels than asked for, or no validation labels.
    """
    everything, draw = labels.of_split("train"), config.seed if config.draw is None else config.draw
    highest = np.flatnonzero(everything.has(labels.level)).tolist()
    if config.n is not None:
        if config.n > len(highest):
            raise InputError(f"asked for n = {config.n} labels; the training split holds {len(highest)}")
        highest = random.Random(draw).sample(highest, config.n)
    if not config.hold_out:
        validation = labels.of_split("validation")
        validation = validation.select(np.flatnonzero(validation.has(labels.level)).tolist())
        held: set[str] = set()
    else:
        formulas = sorted({everything.formulas[index] for index in highest})
        n_held = max(1, round(config.hold_out * len(formulas)))
        held = set(random.Random(draw).sample(formulas, n_held))
        validation = everything.select([index for index in highest if everything.formulas[index] in held])
    kept = [index for index in highest if everything.formulas[index] not in held]
    train = _with_lower_levels(everything, kept, held)
    if len(kept) < 2 or len(validation) == 0:
        raise InputError(
            f"{len(kept)} training and {len(validation)} validation labels are too few; "
            "give at least 2 and 1 (check the split column)"
        )
    return train, validation


def _with_lower_levels(everything: Labels, kept: Sequence[int], held: set[str]) -> Labels:
    """Return the kept crystals, then the lower levels of all others whose formula is not held out."""
    if len(everything.target.levels) == 1:
        return everything.select(kept)
    others = [i for i in sorted(set(range(len(everything))) - set(kept)) if everything.formulas[i] not in held]
    joined = everything.select([*kept, *others])
    return joined.without(joined.level, range(len(kept), len(joined)))


def n_batches(n_labels: int, config: TrainingConfig) -> int:
    """Return the number of batches of an epoch."""
    full, rest = divmod(n_labels, config.batch_size)
    if full == 0:
        return 1
    return full + (rest > 1 and not config.drop_last)  # batch norm needs two crystals


def batches(labels: Labels, config: TrainingConfig, epoch: int) -> Iterator[list[int]]:
    """Yield the indices of each batch of an epoch, in an order fixed by seed and epoch.

    With several levels, ``highest_share`` of each batch is drawn from the crystals that have the highest one; these
    come round more often than the others.
    """
    order = _order(labels, config, epoch)
    for step in range(n_batches(len(order), config)):
        yield order[step * config.batch_size : (step + 1) * config.batch_size]


def _order(labels: Labels, config: TrainingConfig, epoch: int) -> list[int]:
    generator = random.Random(f"{config.seed}-{epoch}")
    order = list(range(len(labels)))
    has_highest = labels.has(labels.level)
    if config.highest_share == 0 or has_highest.all():
        generator.shuffle(order)
        return order
    rare, common = np.flatnonzero(has_highest).tolist(), np.flatnonzero(~has_highest).tolist()
    generator.shuffle(common)
    n_rare = max(1, round(config.highest_share * config.batch_size))
    n_common = max(1, config.batch_size - n_rare)
    waiting: list[int] = []
    mixed: list[int] = []
    for start in range(0, len(common), n_common):
        while len(waiting) < n_rare:
            again = list(rare)
            generator.shuffle(again)
            waiting += again
        mixed += [*waiting[:n_rare], *common[start : start + n_common]]
        del waiting[:n_rare]
    return mixed

"""The strategies compared: direct (DL) and transfer learning (TL), by the published recipe and by ours.

``direct``, ``climb`` and the published recipes train OptiMate; ``encoder`` and ``joint`` heads on frozen encoders, and
``equivariant`` a network from scratch, at both levels at once with all IPA spectra. Ours take their validation spectra
out of the labels; those three need none.
"""

from __future__ import annotations

from typing import NamedTuple

from dielectra.experiments.setup import LOWER, UPPER, Setup
from dielectra.experiments.trainings import Models, Shipped, Trained, Training
from dielectra.models.card import read_card
from dielectra.models.store import FAST_MODELS, model_folder
from dielectra.training.config import TrainingConfig, load_config

STRATEGIES = ("paper-direct", "direct", "paper-climb", "climb", "equivariant", "encoder", "joint")
TOGETHER = ("equivariant", "encoder", "joint")
"""Strategies that learn both levels at once."""

PRETRAINING = {"paper-climb": "paper-pretrain", "climb": "pretrain"}
SIZES = (25, 50, 100, 200, 300, 1000, 3000)
QUICK_SIZES = (25, 50, 100)
QUICK_LOWER_LABELS = 200
PUBLISHED_FEW = 300
"""The smaller number of labels whose models the paper shows throughout."""


class Shown(NamedTuple):
    """Describe one of the models that the experiments after the learning curve show: one training per seed.

    ``published`` is the paper's counterpart, the key of its published numbers.
    """

    name: str
    published: str
    trainings: tuple[Training, ...]

    def trained(self, models: Models) -> list[Trained]:
        """Return its models, one per seed."""
        return [models[training] for training in self.trainings]


def label_sizes(setup: Setup) -> list[int | None]:
    """Return the numbers of labels to train on, ascending, as many as the data hold; None stands for all."""
    n_train = setup.upper.splits.count("train")
    if setup.sizes:
        return [None if size == n_train else size for size in setup.sizes]
    if setup.quick:
        return [size for size in QUICK_SIZES if size <= n_train] or [None]
    return [*(size for size in SIZES if size <= 0.9 * n_train), None]


def few_and_most(setup: Setup) -> tuple[int | None, int | None]:
    """Return the number of labels nearest to the paper's 300 (on a log scale) below the largest, and the largest."""
    *fewer, most = label_sizes(setup)
    sizes = [size for size in fewer if size is not None]
    few = min(sizes, key=lambda size: max(size / PUBLISHED_FEW, PUBLISHED_FEW / size), default=most)
    return few, most


def shown_models(setup: Setup) -> list[Shown]:
    """Return DL and TL by our recipes, on few and on most labels."""
    few, most = few_and_most(setup)
    n_train = setup.upper.splits.count("train")
    return [
        Shown(
            f"{name} {n or n_train}",
            f"{name} {PUBLISHED_FEW if n == few and few != most else 'all'}",
            tuple(strategy_training(strategy, n, seed, setup) for seed in setup.seeds),
        )
        for name, strategy in (("DL", "direct"), ("TL", "climb"))
        for n in dict.fromkeys((few, most))
    ]


def lower_models(setup: Setup) -> list[Training | Shipped]:
    """Return the IPA models from which our climbs start, without repetition."""
    return list(dict.fromkeys(pretraining("pretrain", seed, setup) for seed in setup.seeds))


def strategy_training(
    strategy: str,
    n: int | None,
    seed: int,
    setup: Setup,
    train_atoms: int | None = None,
    validation_atoms: int | None = None,
) -> Training:
    """Return the training of a strategy on `n` RPA labels (None: all)."""
    from dielectra.models.published import tuned_sizes

    n_labels = n or setup.upper.splits.count("train")
    network = tuned_sizes(n_labels) if strategy == "paper-direct" else None
    config = load_config(strategy, n=n, seed=seed, network=network)
    if strategy in TOGETHER:
        return Training(UPPER, shortened(config, setup), together=(LOWER,))
    start = pretraining(PRETRAINING[strategy], seed, setup) if strategy in PRETRAINING else None
    return Training(UPPER, shortened(config, setup), start, train_atoms, validation_atoms)


def pretraining(recipe: str, seed: int, setup: Setup) -> Training | Shipped:
    """Return the IPA model to climb from. As in the paper, all published climbs start from one.

    A quick run takes the shipped one where that was trained on the training split of this very data set, so that it has
    seen no test material; otherwise it trains one on at most 200 labels.
    """
    if not setup.quick:
        return Training(LOWER, load_config(recipe, seed=0 if recipe == "paper-pretrain" else seed))
    card = read_card(model_folder(FAST_MODELS[LOWER]))
    if card.data_hashes and set(card.data_hashes.values()) <= set(setup.data_hashes.values()):
        return Shipped(card.name, card.level)
    n = min(QUICK_LOWER_LABELS, setup.lower.splits.count("train"))
    return Training(LOWER, shortened(load_config("pretrain", n=n, seed=seed), setup))


def shortened(config: TrainingConfig, setup: Setup) -> TrainingConfig:
    """Return the settings, those of our recipes in a quick run with at most 100 epochs or 300 steps."""
    if not setup.quick or config.recipe.startswith("paper-"):
        return config
    shorter = {"epochs": min(config.epochs, 100), "minimum_steps": min(config.minimum_steps, 300)}
    return config.model_copy(update=shorter)

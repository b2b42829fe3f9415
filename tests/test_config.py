from __future__ import annotations

from pathlib import Path

import pytest

from dielectra.errors import InputError
from dielectra.models.optimate import OptiMateOptions
from dielectra.models.published import tuned_sizes
from dielectra.training.config import RECIPES, TrainingConfig, load_config


def test_direct_learning_is_as_published() -> None:
    config = load_config("paper-direct")
    assert (config.optimiser, config.learning_rate, config.weight_decay) == ("adam", 1e-5, 1e-4)
    assert (config.batch_size, config.epochs, config.loss, config.schedule) == (20, 500, "l1", "constant")
    assert config.epochs // config.validations == 20
    assert (config.ema_decay, config.normalise_targets, config.network, config.hold_out) == (0, False, {}, 0)


def test_the_published_climb_differs_in_the_batch_only() -> None:
    direct, climb = load_config("paper-direct").model_dump(), load_config("paper-climb").model_dump()
    assert {key for key in direct if direct[key] != climb[key]} == {"recipe", "batch_size", "drop_last"}
    assert climb["batch_size"] == 128


def test_the_default_network_is_the_published_one() -> None:
    network = OptiMateOptions()
    assert network.node_widths == (48, 48)
    assert network.convolutions == ((48, 4), (96, 4))
    assert network.output_widths == (1024, 1024, 1024)
    assert (network.density_scaling, network.broaden_output) == (False, False)


@pytest.mark.parametrize(("n_labels", "convolutions"), [(25, 1), (100, 1), (170, 1), (180, 1), (900, 3), (10_000, 2)])
def test_the_published_sizes_of_the_nearest_training_set_are_taken(n_labels: int, convolutions: int) -> None:
    assert len(tuned_sizes(n_labels)["convolutions"]) == convolutions


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_valid_and_comes_back_from_json(recipe: str) -> None:
    config = load_config(recipe)
    assert TrainingConfig.model_validate_json(config.model_dump_json()) == config
    assert config.recipe == recipe
    assert hash(config) == hash(load_config(recipe))


def test_later_settings_win(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("epochs: 7\nnetwork:\n  cutoff: 4.0\n")
    config = load_config("direct", file, ["epochs=9", "network.output_widths=[64]"], seed=3, n=None)
    assert (config.epochs, config.seed, config.n) == (9, 3, None)
    assert config.network == {"cutoff": 4.0, "output_widths": [64], "density_scaling": True, "broaden_output": True}
    assert load_config("direct", file).network["output_widths"] == [512, 512]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["learning_rat=1"], r"unknown option learning_rat; did you mean learning_rate\?"),
        (["network.outputwidths=[1]"], r"unknown option network.outputwidths; did you mean output_widths\?"),
        (["zzz=1"], "unknown option zzz; known are recipe, epochs"),
        (["epochs=-1"], "option epochs = -1"),
        (["epochs"], "must read option=value"),
        (["=3"], "must read option=value"),
        (["epochs=[1"], "cannot be read: damaged"),
        (["network.cutoff=50"], "option network.cutoff = 50"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config("climb", overrides=overrides)


def test_an_unknown_recipe_and_a_wrong_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown recipe 'best'; known are paper-pretrain"):
        load_config("best")
    with pytest.raises(InputError, match="cannot be read: no such file"):
        load_config("climb", tmp_path / "none.yaml")
    file = tmp_path / "list.yaml"
    file.write_text("- 1\n")
    with pytest.raises(InputError, match="must hold option: value pairs"):
        load_config("climb", file)

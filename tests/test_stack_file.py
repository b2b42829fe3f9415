"""Film stacks described in YAML, and the verb that computes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.errors import InputError
from dielectra.optics.colour import colour_of, visible_energies
from dielectra.optics.measured import measured_page
from dielectra.optics.stack import Layer, stack_optics
from dielectra.predictor import predict
from dielectra.stack_description import read_stack
from dielectra.stack_file import compute_stack, describe_stack
from dielectra.units import AxisOptions

EXAMPLE = Path("examples/stack.yaml")
ONE = "layers=[{{{}, thickness_nm: 30}}]"


def test_one_angle_stands_for_a_list_of_one() -> None:
    assert read_stack(EXAMPLE, ["angles=45"]).angles == (45.0,)


def test_the_layer_that_does_not_cover_the_light_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("layers: []\nsubstrate: {data: main/Si/nk/Green-2008.yml}")
    code, _, error = run("stack", tmp_path / "x.yaml", "--unit", "nm", "--range", "100:3000")
    assert code == 2
    told = error.replace("\n", " ")
    assert "exit medium: its spectrum covers 0.8551-4.9594 eV (250 nm to 1450 nm), but" in told
    assert "0.413281-12.3984 eV (100 nm to 3000 nm) are asked for" in told


@pytest.mark.parametrize("name", ["mine.csv", "stack.yaml", "folder.csv"])
def test_what_the_stack_is_made_of_is_not_overwritten(name: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "mine.csv").write_text("wavelength_nm,n,k\n200,1.5,0\n2000,1.5,0\n")
    (tmp_path / "stack.yaml").write_text("layers: [{data: mine.csv, thickness_nm: 90}]")
    before = [path.read_bytes() for path in sorted(tmp_path.glob("[ms]*"))]
    code, _, error = run("stack", tmp_path / "stack.yaml", "--csv", tmp_path / name)
    assert (code, [path.read_bytes() for path in sorted(tmp_path.glob("[ms]*"))]) == (2, before)
    assert any(reason in error for reason in ("is one of the files", "is written as .csv", "is a folder"))


def test_the_example_is_the_stack_made_by_hand() -> None:
    result = compute_stack(read_stack(EXAMPLE), EXAMPLE.parent)
    fluoride = measured_page("main/MgF2/nk/Franta.yml")
    assert fluoride is not None
    layers = [
        Layer(fluoride.spectrum, 100),
        Layer(predict("examples/GaAs.cif"), 500),
        Layer(1.52, 1e6, coherent=False),
    ]
    expected = stack_optics(layers, result.optics.energies, [0, 45, 70])
    np.testing.assert_allclose(result.optics.reflectance, expected.reflectance)
    np.testing.assert_allclose(result.optics.transmittance, expected.transmittance)
    seen = stack_optics(layers, visible_energies())
    assert result.reflected == colour_of(seen.reflectance[0])
    assert result.transmitted == colour_of(seen.transmittance[0])


def test_the_coating_of_the_example_pays() -> None:
    coated = compute_stack(read_stack(EXAMPLE), EXAMPLE.parent).optics.reflectance[0].mean()
    bare = read_stack(EXAMPLE, ["layers=[{structure: GaAs.cif, thickness_nm: 500}]"])
    assert coated < 0.7 * compute_stack(bare, EXAMPLE.parent).optics.reflectance[0].mean()


def test_constants_files_and_formulas_are_materials(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("energy_ev,n,k\n0.5,2,0.1\n6,2,0.1\n")
    stacks = ["index: 2+0.1j", "index: [2, 0.1]", "eps: 3.99+0.4j", "eps: [3.99, 0.4]", "data: mine.csv"]
    answers = [compute_stack(read_stack(EXAMPLE, [ONE.format(entry)]), tmp_path).optics.reflectance for entry in stacks]
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], rtol=1e-12)
    single = compute_stack(read_stack(EXAMPLE, [ONE.format("data: BaF2"), "energies_ev.stop=4"]), tmp_path)
    assert single.optics.reflectance.shape == (3, 281)


def test_a_substrate_without_thickness_has_no_end() -> None:
    overrides = ["layers=[]", "substrate={index: 2.0, thickness_nm: null}", "angles=[0]"]
    answer = compute_stack(read_stack(EXAMPLE, overrides)).optics
    np.testing.assert_allclose(answer.reflectance, 1 / 9)
    np.testing.assert_allclose(answer.absorptance, 0, atol=1e-12)
    plate = compute_stack(read_stack(EXAMPLE, [*overrides, "substrate.thickness_nm=1e+6"])).optics
    np.testing.assert_allclose(plate.reflectance, 2 / 9 / (1 + 1 / 9))


def test_colours_are_left_out_where_a_measurement_does_not_cover_the_visible(tmp_path: Path) -> None:
    (tmp_path / "red.csv").write_text("energy_ev,n\n1.0,2\n2.0,2\n")
    overrides = [ONE.format("data: red.csv"), "energies_ev={start: 1, stop: 2, n: 11}"]
    result = compute_stack(read_stack(EXAMPLE, overrides), tmp_path)
    assert result.reflected is None
    assert describe_stack(result, "x").plain()["colour"] == {"reflected": None, "transmitted": None}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("layers=[{indx: 1, thickness_nm: 3}]", r"unknown option layers.0.indx; did you mean index\?"),
        ("layers=[{index: 1}]", "option layers.0.thickness_nm is missing"),
        ("layers=[{index: 1, thickness_nm: -3}]", "option layers.0.thickness_nm = -3: Input should be greater than 0"),
        (ONE.format("name: x"), "unknown option layers.0.name; known are structure, data"),
        ("layers=[{thickness_nm: 3}]", "option layers.0: give exactly one of structure, data, index, eps; got none"),
        (ONE.format("index: 1, eps: 2"), "exactly one of structure, data, index, eps; got index, eps"),
        (ONE.format("index: 1-1j"), r"option layers.0.index: \(1-1j\) amplifies or vanishes"),
        (ONE.format("data: Si"), "data 'Si' names several measurements; give one of the pages main/Si"),
        (ONE.format("data: NaCl"), "no measurement of 'NaCl' ships with the package; there are AlAs"),
        (ONE.format("data: none.csv"), "none.csv: cannot be read"),
        (ONE.format("structure: none.cif"), "none.cif: no such file"),
        (ONE.format("index: 2, coherent: false"), "30 nm is too thin for an incoherent layer"),
        ("polarisation=x", "option polarisation = 'x'"),
        ("angles=[90]", "option angles.0 = 90: Input should be less than 90"),
        ("angles=[]", "option angles"),
        ("energies_ev.stop=1", r"option energies_ev: stop \(1\) must exceed start \(1.2\)"),
        ("energies_ev.stop=30", "layer 1: its spectrum covers 0-20 eV, but 1.2-30 eV"),
        ("subtrate.index=1", r"unknown option subtrate; did you mean substrate\?"),
        ("substrate.thicknes=3", r"unknown option substrate.thicknes; did you mean thickness_nm\?"),
        ("level=hse", "hse"),
        ("polarisation", "must read option=value"),
    ],
)
def test_a_wrong_description_names_the_option(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compute_stack(read_stack(EXAMPLE, [override]), EXAMPLE.parent)


def test_a_file_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.yaml: cannot be read: no such file"):
        read_stack(tmp_path / "none.yaml")
    file = tmp_path / "list.yaml"
    file.write_text("- 1\n")
    with pytest.raises(InputError) as caught:
        read_stack(file)
    assert str(caught.value).count("list.yaml") == 1


def test_the_verb_prints_a_table_and_json_and_draws(tmp_path: Path, run: Run) -> None:
    code, table, _ = run("stack", EXAMPLE, "--plot", tmp_path / "stack.png", "--set", "polarisation=p")
    assert code == 0
    assert "p light, mean over 1.2-4 eV" in table
    assert "reflected colour at 0 degrees, D65: #" in table
    assert (tmp_path / "stack.png").stat().st_size > 10_000
    document = json.loads(run("stack", EXAMPLE, "--json", "--set", "angles=[0, 60]")[1])
    assert document["angles_deg"] == [0, 60]
    shape = np.shape(document["reflectance"])
    assert shape == np.shape(document["absorptance"]) == (2, len(document["energy_ev"]))
    total = sum(np.array(document[name]) for name in ("reflectance", "transmittance", "absorptance"))
    np.testing.assert_allclose(total, 1)
    assert [layer["material"] for layer in document["layers"]] == ["main/MgF2/nk/Franta.yml", "GaAs"]
    assert document["substrate"] == {"material": "n = 1.52", "thickness_nm": 1e6}
    assert document["colour"]["reflected"]["hex"].startswith("#")


def test_a_stack_in_wavelengths_with_the_absorptance_of_each_layer(tmp_path: Path, run: Run) -> None:
    axis = ("--unit", "nm", "--range", "450:850", "--step", "50")
    code, table, _ = run("stack", EXAMPLE, "--csv", tmp_path / "s.csv", *axis)
    assert code == 0
    assert "mean over 450-850 nm" in table
    comment, header, *rows = (tmp_path / "s.csv").read_text().splitlines()
    assert comment == "# stack.yaml, unpolarised light"
    assert header == (
        "angle_deg,wavelength_nm,reflectance,transmittance,absorptance,"
        "absorptance_1_main_MgF2_nk_Franta.yml,absorptance_2_GaAs,absorptance_3_n_1.52"
    )
    values = np.array([row.split(",") for row in rows], float)
    assert values.shape == (27, 8)
    np.testing.assert_allclose(values[:9, 1], np.arange(450, 851, 50))
    np.testing.assert_allclose(values[:, 5:].sum(axis=1), values[:, 4], atol=1e-5)
    document = json.loads(run("stack", EXAMPLE, "--json", *axis)[1])
    np.testing.assert_allclose(document["wavelength_nm"], np.arange(450, 851, 50))
    np.testing.assert_allclose(np.ravel(document["reflectance"]), values[:, 2], rtol=1e-5)
    assert np.shape(document["layer_absorptance"]) == (3, 3, 9)
    assert "amplitudes" not in document


def test_a_coherent_stack_has_amplitudes(tmp_path: Path, run: Run) -> None:
    file = tmp_path / "film.yaml"
    file.write_text(
        "layers: [{index: 2.0, thickness_nm: 100}]\nsubstrate: {index: 1.5}\npolarisation: p\nangles: [0, 50]\n"
        "axis: {unit: nm, range: '400:800', step: 100}\n"
    )
    document = json.loads(run("stack", file, "--json")[1])
    assert document["wavelength_nm"] == [400, 500, 600, 700, 800]
    amplitudes = document["amplitudes"]
    power = np.square(amplitudes["reflection_re"]) + np.square(amplitudes["reflection_im"])
    np.testing.assert_allclose(power, document["reflectance"])
    run("stack", file, "--csv", tmp_path / "film.csv")
    assert (tmp_path / "film.csv").read_text().splitlines()[1].endswith("r_re,r_im,t_re,t_im")


def test_the_axis_of_the_command_line_replaces_that_of_the_file() -> None:
    description = read_stack(EXAMPLE, ["axis={unit: um, range: '0.5:0.9'}"])
    assert len(compute_stack(description, EXAMPLE.parent).axis.values) == 201
    replaced = compute_stack(description, EXAMPLE.parent, AxisOptions("ev", "1.5:2.5", 0.5))
    np.testing.assert_allclose(replaced.optics.energies, [1.5, 2.0, 2.5])

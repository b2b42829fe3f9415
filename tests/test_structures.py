"""Crystals of every input form, their standard cell, and the messages for input that cannot be used."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.io import write
from ase.neighborlist import neighbor_list
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Molecule, Structure
from pymatgen.io.cif import CifWriter

from conftest import conventional
from dielectra.crystal import Crystal, close_pairs, make_crystal, widest_empty_layer
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.structures import read_structure, read_structures
from dielectra.symmetry import (
    lattice_rotations,
    point_group_rotations,
    space_group,
    spglib_cell,
    standard_form,
    standardise,
)

ROOT = Path(__file__).parents[1]
CUBE = 4.0 * np.eye(3)

CIF_WITH_SYMMETRY = """data_MgO
_symmetry_space_group_name_H-M 'F m -3 m'
_symmetry_Int_Tables_number 225
_cell_length_a 4.212
_cell_length_b 4.212
_cell_length_c 4.212
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Mg1 Mg 0 0 0 {occupancy}
O1 O 0.5 0.5 0.5 1.0
{more}
"""


def to_atoms(crystal: Crystal) -> Atoms:
    """Return the crystal as an object of ASE."""
    return Atoms(crystal.numbers, scaled_positions=crystal.frac_coords, cell=crystal.cell, pbc=True)


def to_structure(crystal: Crystal) -> Structure:
    """Return the crystal as an object of pymatgen."""
    return Structure(crystal.cell, crystal.numbers, crystal.frac_coords)


def to_mapping(crystal: Crystal) -> dict[str, Any]:
    """Return the crystal as the object a JSON line holds."""
    return {
        "lattice": crystal.cell.tolist(),
        "species": to_atoms(crystal).get_chemical_symbols(),
        "frac_coords": crystal.frac_coords.tolist(),
    }


def neighbour_distances(crystal: Crystal, cutoff: float = 4.4) -> list[tuple[int, int, float]]:
    """Return atomic numbers and distance of all neighbours, sorted, found with ASE."""
    first, second, distances = neighbor_list("ijd", to_atoms(crystal), cutoff)
    pairs = zip(crystal.numbers[first].tolist(), crystal.numbers[second].tolist(), distances.tolist(), strict=True)
    return sorted(pairs)


def assert_same_arrangement(one: Crystal, other: Crystal, tolerance: float) -> None:
    """Compare volume, atoms and neighbour distances, which do not depend on the choice of axes and origin."""
    assert one.n_atoms == other.n_atoms
    assert sorted(one.numbers) == sorted(other.numbers)
    assert one.volume == pytest.approx(other.volume, rel=1e-4)
    ours, theirs = np.array(neighbour_distances(one)), np.array(neighbour_distances(other))
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(ours[:, :2], theirs[:, :2])
    np.testing.assert_allclose(ours[:, 2], theirs[:, 2], rtol=0, atol=tolerance)


class TestInputForms:
    """Every form of input gives the same crystal."""

    @pytest.mark.parametrize(
        ("name", "form"),
        [
            ("crystal.cif", "cif"),
            ("POSCAR", "vasp"),
            ("CONTCAR", "vasp"),
            ("POSCAR_relaxed", "vasp"),
            ("crystal.vasp", "vasp"),
            ("crystal.poscar", "vasp"),
            ("crystal.xyz", "extxyz"),
            ("crystal.extxyz", "extxyz"),
            ("crystal.cif.gz", "cif"),
            ("POSCAR.gz", "vasp"),
        ],
    )
    def test_files_written_by_ase(self, crystal: Crystal, tmp_path: Path, name: str, form: str) -> None:
        path = tmp_path / name
        write(path, to_atoms(crystal), format=form)
        for source in (path, str(path)):
            assert_same_arrangement(read_structure(source), crystal, 1e-4)

    @pytest.mark.parametrize("name", ["crystal.jsonl", "crystal.json", "crystal.jsonl.gz"])
    def test_json_lines(self, crystal: Crystal, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        text = json.dumps(to_mapping(crystal)) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        assert_same_arrangement(read_structure(path), crystal, 1e-9)

    def test_json_lines_with_the_other_keys_and_flat_lists(self, aln: Crystal) -> None:
        entry = {
            "cell": aln.cell.ravel().tolist(),
            "numbers": aln.numbers.tolist(),
            "frac_coords": aln.frac_coords.ravel().tolist(),
        }
        assert_same_arrangement(read_structure(entry), aln, 1e-9)

    @pytest.mark.parametrize("convert", [to_atoms, to_structure, to_mapping, lambda crystal: crystal])
    def test_objects(self, crystal: Crystal, convert: Callable[[Crystal], Any]) -> None:
        found = read_structure(convert(crystal))
        np.testing.assert_allclose(found.cell, crystal.cell, atol=1e-12)
        np.testing.assert_array_equal(found.numbers, crystal.numbers)
        np.testing.assert_allclose(found.frac_coords, crystal.frac_coords, atol=1e-12)

    def test_oxidation_states_do_not_matter(self, mgo: Crystal) -> None:
        structure = Structure(mgo.cell, ["Mg2+", "O2-"], mgo.frac_coords)
        assert_same_arrangement(read_structure(structure), mgo, 1e-9)

    def test_cif_with_symmetry(self, mgo: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "mgo.cif"
        path.write_text(CIF_WITH_SYMMETRY.format(occupancy="1.0", more=""))
        found = read_structure(path)
        assert found.n_atoms == 8
        assert_same_arrangement(standardise(found), mgo, 1e-4)

    @pytest.mark.parametrize("number", [14, 62, 136, 148, 186, 216, 221])
    @pytest.mark.parametrize("symmetry", ["listed", "named"])
    @pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")  # spglib's, raised from pymatgen
    def test_cif_of_any_symmetry_reads_as_pymatgen_wrote_it(self, number: int, symmetry: str, tmp_path: Path) -> None:
        lattices = {14: Lattice.monoclinic(6.1, 7.3, 8.2, 100), 62: Lattice.orthorhombic(6.1, 7.3, 8.2)}
        lattices |= {136: Lattice.tetragonal(6.1, 8.2)}
        lattices |= dict.fromkeys((148, 186), Lattice.hexagonal(6.1, 8.2))
        lattice = lattices.get(number, Lattice.cubic(9.1))
        structure = Structure.from_spacegroup(number, lattice, ["Mg", "O"], [[0, 0, 0], [0.3, 0.1, 0.26]])
        text = str(CifWriter(structure, symprec=0.01))
        if symmetry == "named":
            text = re.sub(r"loop_\n _symmetry_equiv_pos_site_id.*?(?=loop_)", "", text, flags=re.DOTALL)
        path = tmp_path / "crystal.cif"
        path.write_text(text)
        found = read_structure(path)
        assert ("x, y, z" in text) == (symmetry == "listed")
        assert_same_arrangement(standardise(found), standardise(read_structure(structure)), 1e-4)

    def test_cif_that_lists_all_atoms_and_the_operations(self, mgo: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "mgo.cif"
        path.write_text(CIF_WITH_SYMMETRY.format(occupancy="1.0", more="Mg2 Mg 0.5 0.5 0 1.0"))
        assert read_structure(path).n_atoms == 8

    def test_several_structures_in_one_file(self, mgo: Crystal, gaas: Crystal, tmp_path: Path) -> None:
        lines = tmp_path / "two.jsonl"
        lines.write_text("\n\n".join(json.dumps(to_mapping(crystal)) for crystal in (mgo, gaas)) + "\n\n")
        frames = tmp_path / "two.extxyz"
        write(frames, [to_atoms(mgo), to_atoms(gaas)])
        for path in (lines, frames):
            assert [crystal.formula for crystal in read_structures(path)] == ["MgO", "GaAs"]
            with pytest.raises(InputError, match="holds more than one structure"):
                read_structure(path)


class TestStandardForm:
    """The primitive cell and its space group come from one call of spglib, and are spglib's own."""

    @pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")
    def test_cell_is_the_one_spglib_makes(self, ladder_part: Path) -> None:
        for record in list(open_dataset(ladder_part).records("ipa"))[:40]:
            given = conventional(record.crystal)
            form = standard_form(given)
            cell = form.crystal
            expected = spglib.standardize_cell(spglib_cell(given), to_primitive=True, symprec=1e-2)
            np.testing.assert_allclose(cell.cell, expected[0], atol=1e-8)
            np.testing.assert_array_equal(cell.numbers, expected[2])
            steps = cell.frac_coords - expected[1]
            np.testing.assert_allclose(steps, steps.round(), atol=1e-8)
            assert form.space_group == space_group(given)


class TestRefusals:
    """Input that cannot be used is refused with a message that names the file and the fault."""

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("nothing.cif", b"", "empty"),
            ("blank.jsonl", b"\n  \n", "holds no structure"),
            ("nothing.jsonl.gz", gzip.compress(b"", mtime=0), "holds no structure"),
            (
                "broken.cif",
                b"data_x\n_cell_length_a 4.0\nloop_\n_atom_site_label\n",
                "holds no atoms",
            ),
            (
                "group.cif",
                CIF_WITH_SYMMETRY.replace("F m -3 m", "Q 7").replace("225", "0").format(occupancy=1, more="").encode(),
                "unknown space group 'Q 7'; list its symmetry operations",
            ),
            ("prose.cif", b"Dear reader, this is no crystal.\n", "cannot be read|holds no structure"),
            ("POSCAR", b"comment\n1.0\n4 0 0\n0 4 0\n", "cannot be read"),
            ("unknown.xyz", b'1\nLattice="4 0 0 0 4 0 0 0 4" pbc="T T T"\nQq 0 0 0\n', "Qq"),
            ("broken.jsonl", b'{"lattice": [4, 0, 0\n', r"line 1: not valid JSON"),
            ("list.jsonl", b"[1, 2]\n", "item 0: expected an object, got int"),
            ("keys.jsonl", b'{"lattice": [], "atoms": []}\n', "needs the keys lattice, species and frac_coords"),
            ("plain.jsonl.gz", b'{"not": "compressed"}\n', "plain.jsonl.gz"),
            ("binary.jsonl", b"\xff\xfe\x00\x01", "binary.jsonl"),
        ],
    )
    def test_unusable_file(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read_structure(path)
        assert name in str(caught.value)

    def test_broken_line_is_named(self, mgo: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "second.jsonl"
        path.write_text(json.dumps(to_mapping(mgo)) + "\n{broken\n")
        with pytest.raises(InputError, match=r"second\.jsonl, line 2: not valid JSON"):
            read_structures(path)

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"absent\.cif: no such file"):
            read_structure(tmp_path / "absent.cif")

    @pytest.mark.parametrize(
        ("occupancy", "more"), [("0.8", ""), ("0.5", "Ca1 Ca 0 0 0 0.5")], ids=["vacancies", "mixed site"]
    )
    def test_disordered_cif(self, tmp_path: Path, occupancy: str, more: str) -> None:
        path = tmp_path / "disordered.cif"
        path.write_text(CIF_WITH_SYMMETRY.format(occupancy=occupancy, more=more))
        with pytest.raises(InputError, match=r"disordered\.cif: has partially occupied sites"):
            read_structure(path)

    @pytest.mark.parametrize("site", [{"Mg": 0.5, "Ca": 0.5}, {"Mg": 0.8}], ids=["mixed site", "vacancies"])
    def test_disordered_pymatgen(self, site: dict[str, float]) -> None:
        with pytest.raises(InputError, match="partially occupied sites"):
            read_structure(Structure(Lattice(CUBE), [site, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]))

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (Atoms("H2O", positions=np.eye(3)), "no lattice"),
            (
                Atoms("MgO", positions=[[0, 0, 0], [2, 2, 2]], cell=CUBE, pbc=[True, True, False]),
                "periodic along 2 of 3",
            ),
            (Atoms("MgO", positions=[[0, 0, 0], [2, 2, 2]], cell=CUBE, pbc=False), "periodic along 0 of 3"),
            (Structure(Lattice(CUBE, pbc=(True, True, False)), ["Mg"], [[0, 0, 0]]), "periodic along 2 of 3"),
            (Atoms(cell=CUBE, pbc=True), "no atoms"),
            (Atoms("X", cell=CUBE, pbc=True), "unknown element"),
            (Molecule(["O"], [[0, 0, 0]]), "not a structure"),
            (None, "not a structure"),
            (3.0, "not a structure"),
        ],
        ids=["no lattice", "slab", "cluster", "pymatgen slab", "no atoms", "dummy atom", "molecule", "None", "number"],
    )
    def test_unusable_object(self, source: object, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read_structure(source)

    @pytest.mark.parametrize(
        ("cell", "species", "frac_coords", "message"),
        [
            (CUBE, ["Mg", "O"], [[0, 0, 0], [0, 0, 0.1]], r"atoms 0 and 1 are 0\.40 angstrom apart"),
            (CUBE, ["Mg", "O"], [[0, 0, 0.02], [1, 2, 2.98]], r"0\.16 angstrom apart"),
            (np.diag([0.4, 4, 4]), ["Mg"], [[0, 0, 0]], r"0\.40 angstrom apart"),
            (CUBE, ["Qq"], [[0, 0, 0]], "unknown element 'Qq'"),
            (CUBE, [0], [[0, 0, 0]], "unknown element 0"),
            (CUBE, [119], [[0, 0, 0]], "unknown element 119"),
            (CUBE, [None], [[0, 0, 0]], "unknown element None"),
            (CUBE, [float("nan")], [[0, 0, 0]], "unknown element nan"),
            (CUBE, ["Mg"], [[0, 0, np.nan]], "not finite"),
            (np.diag([4, 4, np.nan]), ["Mg"], [[0, 0, 0]], "not finite"),
            (np.diag([4, 4, 0]), ["Mg"], [[0, 0, 0]], "no lattice"),
            (CUBE[:2], ["Mg"], [[0, 0, 0]], "needs 9 cell numbers"),
            (CUBE, ["Mg", "O"], [[0, 0, 0]], "3 fractional coordinates for each of its 2 atoms"),
            (CUBE, ["Mg"], [["a", "b", "c"]], "3 fractional coordinates"),
            (CUBE, [], [], "no atoms"),
        ],
    )
    def test_unusable_arrays(self, cell: Any, species: list[Any], frac_coords: Any, message: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            make_crystal(cell, species, frac_coords, "my crystal")
        assert str(caught.value).startswith("my crystal")

    @pytest.mark.parametrize("ask", [standardise, space_group, lattice_rotations, point_group_rotations])
    def test_crystal_without_symmetry_data(self, ask: Callable[[Crystal], Any]) -> None:
        overlapping = Crystal(CUBE, np.array([12, 12]), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1e-4]]))
        with pytest.raises(InputError, match=r"symmetry|space group"):
            ask(overlapping)


class TestClosePairs:
    """Pairs nearer than a bond, in cells wide and narrow, with few and with many atoms, against ASE."""

    @pytest.mark.parametrize("n_atoms", [1, 2, 30, *(pytest.param(n, marks=pytest.mark.slow) for n in (64, 65, 150))])
    @pytest.mark.parametrize("width", [1.5, 5.0, 12.0])
    @pytest.mark.parametrize("cutoff", [0.5, 2.2])
    def test_against_ase(self, n_atoms: int, width: float, cutoff: float) -> None:
        random = np.random.default_rng(n_atoms)
        cell = width * (np.eye(3) + random.uniform(-0.3, 0.3, (3, 3)))
        crystal = Crystal(cell, np.full(n_atoms, 14), random.uniform(-2, 2, (n_atoms, 3)))
        first, second, distances = close_pairs(crystal, cutoff)
        found = neighbor_list("ijd", to_atoms(crystal), cutoff)
        order, expected = np.lexsort((distances, second, first)), np.lexsort((found[2], found[1], found[0]))
        for ours, theirs in zip((first, second, distances), found, strict=True):
            np.testing.assert_allclose(ours[order], theirs[expected], atol=1e-9)


class TestStandardCell:
    """Every choice of cell has the same standard cell."""

    def test_disguises(self, crystal: Crystal, disguise: Callable[[Crystal], Crystal]) -> None:
        expected = standardise(crystal)
        assert expected.n_atoms == crystal.n_atoms
        # Without symmetry the displacements of 1e-3 angstrom stay, as up to 2e-3 in a distance.
        assert_same_arrangement(standardise(disguise(crystal)), expected, 2.5e-3)

    def test_is_idempotent(self, crystal: Crystal) -> None:
        once = standardise(crystal)
        twice = standardise(once)
        np.testing.assert_allclose(twice.cell, once.cell, atol=1e-6)
        assert_same_arrangement(twice, once, 1e-6)  # the origin may move to an equivalent one, as in zinc blende

    @pytest.mark.parametrize(("name", "number"), [("mgo", 225), ("gaas", 216), ("aln", 186), ("triclinic", 1)])
    def test_space_group(
        self, request: pytest.FixtureRequest, disguise: Callable[[Crystal], Crystal], name: str, number: int
    ) -> None:
        assert space_group(disguise(request.getfixturevalue(name))) == number

    @given(
        rows=st.permutations([0, 1, 2]),
        multiples=st.tuples(*[st.integers(-2, 2)] * 3),
        origin=st.tuples(*[st.floats(-3, 3)] * 3),
        order=st.permutations(range(4)),
    )
    def test_any_basis_origin_and_order(
        self, aln: Crystal, rows: list[int], multiples: tuple[int, ...], origin: tuple[float, ...], order: list[int]
    ) -> None:
        basis = np.eye(3)[rows] @ np.array([[1, multiples[0], multiples[1]], [0, 1, multiples[2]], [0, 0, 1]])
        frac_coords = ((aln.frac_coords + origin) @ np.linalg.inv(basis))[order]
        other = Crystal(basis @ aln.cell, aln.numbers[order], frac_coords)
        assert_same_arrangement(standardise(other), aln, 1e-5)


class TestPointGroup:
    """Point groups are groups of orthogonal matrices that leave the lattice alone."""

    @pytest.mark.parametrize(("name", "order"), [("mgo", 48), ("gaas", 24), ("aln", 12), ("triclinic", 1)])
    @pytest.mark.parametrize("disguise", ["rotated", "sheared", "supercell"], indirect=True)
    def test_is_a_group_of_orthogonal_matrices(
        self, request: pytest.FixtureRequest, disguise: Callable[[Crystal], Crystal], name: str, order: int
    ) -> None:
        crystal = disguise(request.getfixturevalue(name))
        rotations = point_group_rotations(crystal)
        assert rotations.shape == (order, 3, 3)
        np.testing.assert_allclose(
            rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (order, 1, 1)), atol=1e-9
        )
        products = np.einsum("aij,bjk->abik", rotations, rotations).reshape(-1, 1, 9)
        assert np.abs(products - rotations.reshape(1, -1, 9)).max(axis=2).min(axis=1).max() < 1e-9
        images = crystal.cell @ rotations.transpose(0, 2, 1) @ np.linalg.inv(crystal.cell)
        np.testing.assert_allclose(images, np.round(images), atol=1e-9)

    def test_lattice_rotations_are_unimodular(self, aln: Crystal) -> None:
        rotations = lattice_rotations(aln)
        assert len(rotations) == 12
        np.testing.assert_allclose(np.abs(np.linalg.det(rotations)), 1, atol=1e-12)


class TestProperties:
    """Volume, formula and vacuum of a crystal."""

    @pytest.mark.parametrize(
        ("species", "formula"),
        [(["O", "Mg"], "MgO"), (["O", "O", "Ti", "O", "Sr"], "SrTiO3"), (["C"] * 4, "C"), (["O", "H", "H"], "H2O")],
    )
    def test_formula(self, species: list[str], formula: str) -> None:
        heights = np.linspace(0, 1, len(species), endpoint=False)
        crystal = make_crystal(10 * np.eye(3), species, np.outer(heights, [0, 0, 1]))
        assert crystal.formula == formula
        assert crystal.n_atoms == len(species)
        assert crystal.volume == pytest.approx(1000)

    def test_elements(self, aln: Crystal) -> None:
        assert aln.elements == {13, 7}

    @pytest.mark.parametrize("disguise", ["rotated", "shifted", "permuted"], indirect=True)
    def test_widest_empty_layer_of_slab(self, disguise: Callable[[Crystal], Crystal]) -> None:
        bulk = make_crystal(4.2 * np.eye(3), ["Mg", "O"], [[0, 0, 0.0], [0.5, 0.5, 0.5]])
        assert widest_empty_layer(disguise(bulk)) == pytest.approx(2.1)
        slab = make_crystal(np.diag([4.2, 4.2, 14.1]), ["Mg", "O"], [[0, 0, 0.0], [0.5, 0.5, 2.1 / 14.1]])
        assert widest_empty_layer(disguise(slab)) == pytest.approx(12.0)

    def test_widest_empty_layer_counts_along_the_normal(self) -> None:
        tilted = make_crystal([[3, 0, 0], [0, 3, 0], [9, 0, 12]], ["C"], [[0.2, 0.9, 0.4]])
        assert widest_empty_layer(tilted) == pytest.approx(12.0)

    def test_bulk_has_no_empty_layer(self, crystal: Crystal) -> None:
        assert widest_empty_layer(crystal) < 4.0


def test_reading_a_crystal_needs_no_torch() -> None:
    """Torch takes seconds to import; a small file of tests starts without it."""
    code = (
        "import sys; from dielectra.structures import scan; print(len([*scan(['examples'])]), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    n_found, has_torch = done.stdout.split()
    assert int(n_found) > 3
    assert has_torch == "False"

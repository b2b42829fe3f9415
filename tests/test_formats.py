"""Structure files of every format: the same crystal from each, and the fault named where one is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.db import connect
from ase.io import write
from pymatgen.core import Structure

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.structures import Entry, Refused, read_structure, read_structures, scan
from dielectra.symmetry import standard_form

BOHR = 0.529177210903
CASES = Path(__file__).parent / "data" / "structures"


def to_atoms(crystal: Crystal) -> Atoms:
    """Return the crystal as an object of ASE."""
    return Atoms(crystal.numbers, scaled_positions=crystal.frac_coords, cell=crystal.cell, pbc=True)


def to_structure(crystal: Crystal) -> Structure:
    """Return the crystal as an object of pymatgen."""
    return Structure(crystal.cell, crystal.numbers, crystal.frac_coords)


def to_optimade(crystal: Crystal) -> dict[str, Any]:
    """Return the crystal as an entry of OPTIMADE."""
    symbols = to_atoms(crystal).get_chemical_symbols()
    return {
        "id": "x",
        "type": "structures",
        "attributes": {
            "lattice_vectors": crystal.cell.tolist(),
            "cartesian_site_positions": (crystal.frac_coords @ crystal.cell).tolist(),
            "species_at_sites": symbols,
            "species": [{"name": s, "chemical_symbols": [s], "concentration": [1.0]} for s in sorted(set(symbols))],
            "dimension_types": [1, 1, 1],
            "structure_features": [],
        },
    }


def assert_same(found: Crystal, expected: Crystal, tolerance: float = 1e-6) -> None:
    """Compare elements, lattice metric and the distances of atoms from the first."""
    assert found.numbers.tolist() == expected.numbers.tolist()
    np.testing.assert_allclose(found.cell @ found.cell.T, expected.cell @ expected.cell.T, atol=tolerance * 10)
    steps = (found.frac_coords - found.frac_coords[0]) - (expected.frac_coords - expected.frac_coords[0])
    np.testing.assert_allclose(steps - steps.round(), 0, atol=tolerance)


class TestSharedCases:
    """The inputs that were refused in the first edition."""

    @pytest.mark.parametrize("name", ["ase", "mp_doc", "optimade_entry", "own_array", "pmg_indent"])
    def test_json(self, name: str) -> None:
        crystal = read_structure(CASES / "forms" / f"{name}.json")
        form = standard_form(crystal)
        assert (crystal.formula, form.space_group, form.crystal.n_atoms) == ("MgO", 225, 2)
        assert crystal.volume == pytest.approx(2 * 2.106**3)
        assert crystal.warnings == ()

    def test_deuterium_in_a_poscar(self) -> None:
        assert read_structure(CASES / "forms" / "POSCAR_D").formula == "LiH"

    def test_a_cell_too_long_to_be_a_crystal(self) -> None:
        with pytest.raises(InputError, match="cell too long to be a crystal"):
            read_structure(CASES / "hostile" / "sigfpe_long_cell.jsonl")


class TestTextFormats:
    """Files as ASE writes them."""

    @pytest.mark.parametrize(
        ("name", "form"),
        [
            ("x.xsf", "xsf"),
            ("x.pwi", "espresso-in"),
            ("scf.in", "espresso-in"),
            ("x.res", "res"),
            ("x.traj", "traj"),
            ("x.json", "json"),
            ("x.gen", "gen"),
            ("x.xyz.gz", "extxyz"),
            ("x.extxyz.bz2", "extxyz"),
            ("nothing_known", "vasp"),
        ],
    )
    def test_written_by_ase(self, crystal: Crystal, tmp_path: Path, name: str, form: str) -> None:
        path = tmp_path / name
        atoms = to_atoms(crystal)
        options = {"pseudopotentials": {s: f"{s}.upf" for s in set(atoms.symbols)}} if form == "espresso-in" else {}
        if form == "vasp":
            crystal = read_structure(atoms[np.argsort(atoms.numbers)])
            atoms = to_atoms(crystal)
            options = {"sort": False}
        write(path, atoms, format=form, **options)
        assert_same(read_structure(path), crystal, 1e-5)

    def test_database(self, mgo: Crystal, gaas: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        with connect(path) as database:
            for crystal in (mgo, gaas):
                database.write(to_atoms(crystal))
            database.write(Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.74]]))
        found = list(scan([path]))
        assert [type(item) for item in found] == [Entry, Entry, Refused]
        assert isinstance(found[1], Entry)
        assert (found[1].crystal.formula, found[1].place) == ("GaAs", "row 2")
        assert isinstance(found[2], Refused)
        assert "row 3: is periodic along 0 of 3" in found[2].reason

    @pytest.mark.parametrize("name", ["geometry.in", "geometry.in.next_step", "x.in"])
    def test_aims(self, aln: Crystal, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        lines = [f"lattice_vector {x} {y} {z}" for x, y, z in aln.cell]
        symbols = to_atoms(aln).get_chemical_symbols()
        cartesian = aln.frac_coords @ aln.cell
        lines += [f"atom_frac {x} {y} {z} {s}" for s, (x, y, z) in zip(symbols[:2], aln.frac_coords[:2], strict=True)]
        lines += [f"  atom {x} {y} {z} {s} # site" for s, (x, y, z) in zip(symbols[2:], cartesian[2:], strict=True)]
        path.write_text("# made by hand\n" + "\n".join(lines) + "\n  initial_moment 0\n")
        assert_same(read_structure(path), aln)

    def test_castep(self, aln: Crystal, tmp_path: Path) -> None:
        rows = "\n".join(" ".join(map(str, row)) for row in aln.cell)
        symbols = to_atoms(aln).get_chemical_symbols()
        frac = "\n".join(f"{s} {x} {y} {z} SPIN=0" for s, (x, y, z) in zip(symbols, aln.frac_coords, strict=True))
        cart = "\n".join(
            f"{s} {x} {y} {z}" for s, (x, y, z) in zip(symbols, aln.frac_coords @ aln.cell / BOHR, strict=True)
        )
        path = tmp_path / "x.cell"
        path.write_text(
            f"! made by hand\n%BLOCK LATTICE_CART\nang\n{rows}\n%ENDBLOCK LATTICE_CART\nFIX_ALL_CELL : true\n"
            f"%BLOCK positions_frac\n{frac}\n%ENDBLOCK positions_frac\n"
        )
        assert_same(read_structure(path), aln)
        path.write_text(
            f"%block lattice_abc\n3.112 3.112 4.982\n90 90 120\n%endblock lattice_abc\n"
            f"%block positions_abs\nbohr\n{cart}\n%endblock positions_abs\n"
        )
        assert_same(read_structure(path), aln)

    def test_shelx_with_symmetry(self, tmp_path: Path) -> None:
        path = tmp_path / "nacl.res"
        path.write_text(
            "TITL salt\nCELL 0.71073 5.64 5.64 5.64 90 90 90\nZERR 4 0 0 0 0 0 0\nLATT 4\n"
            "SYMM -X, -Y, Z\nSYMM X, -Y, -Z\nSYMM -X, Y, -Z\n"
            "SFAC NA CL\nUNIT 4 4\nFVAR 1.0\n"
            "NA1 1 10.00 10.00 10.00 10.125 0.01\nCL1 2 10.5 10.5 10.5 10.125 =\n 0.01\n"
            "HKLF 4\nEND\nQ1 1 0.1 0.1 0.1 11 0.05\n"
        )
        crystal = read_structure(path)
        assert (crystal.formula, crystal.n_atoms, standard_form(crystal).space_group) == ("NaCl", 8, 225)
        path.write_text(path.read_text().replace("10.5 10.125", "10.5 10.06"))
        with pytest.raises(InputError, match=r"partially occupied sites \(CL1\)"):
            read_structure(path)

    @pytest.mark.parametrize(
        ("atoms", "message"),
        [
            ("NA1 1 10 10 10 11\nCL1 2 10.5 10.5 10.5 21\n", "CL1 depends on a free variable"),
            ("NA1 1 10 10 10 11\n", "UNIT counts 4 atoms of CL, but no site is one"),
        ],
    )
    def test_shelx_that_is_disordered_or_lacks_sites(self, atoms: str, message: str, tmp_path: Path) -> None:
        path = tmp_path / "x.res"
        path.write_text(f"CELL 0.7 2.82 2.82 2.82 90 90 90\nLATT -1\nSFAC NA CL\nUNIT 4 4\nFVAR 1 0.5\n{atoms}END\n")
        with pytest.raises(InputError, match=message):
            read_structure(path)

    @pytest.mark.parametrize("end", ["HKLF 4\n", ""])
    def test_peaks_of_shelx_are_no_atoms(self, end: str, tmp_path: Path) -> None:
        path = tmp_path / "x.res"
        atoms = "NA1 1 10 10 10 11\nCL1 2 10.5 10.5 10.5 11\n"
        factors = "SFAC NA 4.7 3.2 3.1 8.8 1.2 0.3 1.1 129.4 0.6 0 0 0 1 23\nSFAC CL\n"
        head = f"CELL 0.7 3 3 3 90 90 90\nLATT -1\n{factors}"
        path.write_text(f"{head}{atoms}{end}Q1 1 0.25 0.25 0.25 11 0.05 1.2\n")
        assert read_structure(path).formula == "NaCl"

    @pytest.mark.parametrize(
        ("positions", "n_atoms", "message"),
        [
            ("crystal\nLi 0 0 0\nH 1/2 1/2 0.5d0", 2, ""),
            ("{crystal}\nLi1 0 0 0 0 0 0\nH_a 2*0.25 0.5 5.0D-1 ! comment", 2, ""),
            ("(alat)\nLi 0 0 0\nH 0.25*sqrt(4) 0.5 0.5", 2, ""),
            ("crystal\nLi 0 0 0\nH 0.5 0.5 0.5", 3, "lists 2 atoms, nat is 3"),
            ("crystal\nLi 0 0 0\nH 0.5 0.5 0.5", 1, "lists 2 atoms, nat is 1"),
            ("crystal\nLi 0 0 0\nH 0.5 0,5 0.5", 2, r"atom 2 \(H\): '0,5' is not a number; write a decimal point"),
            ("crystal_sg\nLi 0 0 0\nH 0.5 0.5 0.5", 2, "in 'crystal_sg'; give all atoms"),
        ],
    )
    def test_espresso_positions(self, positions: str, n_atoms: int, message: str, tmp_path: Path) -> None:
        path = tmp_path / "pw.in"
        system = f"&system\nibrav=2, celldm(1)=7.71d0, nat={n_atoms}, ntyp=2\n/\n"
        path.write_text(f"{system}ATOMIC_SPECIES\nLi 6.94 x\nH 1 x\nAtomic_Positions {positions}\nK_POINTS gamma\n")
        if message:
            with pytest.raises(InputError, match=message):
                read_structure(path)
        else:
            assert standard_form(read_structure(path)).space_group == 225

    @pytest.mark.parametrize(
        ("card", "system", "volume"),
        [
            ("CELL_PARAMETERS (alat= 7.71)", "", (7.71 * BOHR) ** 3 / 4),
            ("CELL_PARAMETERS alat", ", A=4.08", 4.08**3 / 4),
            ("CELL_PARAMETERS {bohr}", "", BOHR**3 / 4),
            ("CELL_PARAMETERS angstrom", ", A=4.08", "pw.x takes one"),
            ("CELL_PARAMETERS alat", "", "need celldm"),
            ("K_POINTS gamma", ", A=4", "there are no CELL_PARAMETERS"),
        ],
    )
    def test_espresso_cells(self, card: str, system: str, volume: float | str, tmp_path: Path) -> None:
        path = tmp_path / "pw.in"
        vectors = "0 1/2 1/2\n0.5 0 0.5\n.5 .5 0\n"
        path.write_text(f"&system\nibrav=0{system}, nat=1\n/\nATOMIC_POSITIONS crystal\nLi 0 0 0\n{card}\n{vectors}")
        if isinstance(volume, str):
            with pytest.raises(InputError, match=volume):
                read_structure(path)
        elif volume > 1:
            assert read_structure(path).volume == pytest.approx(volume)
        else:
            with pytest.raises(InputError, match=r"atoms in 0\.037 cubic angstrom"):
                read_structure(path)

    def test_espresso_lattices(self, tmp_path: Path) -> None:
        path = tmp_path / "pw.in"
        path.write_text(
            "&control\n/\n&system\nibrav=2, A=4.08, nat=2, ntyp=2\n/\n&electrons\n/\nATOMIC_SPECIES\nLi 6.94 Li.upf\n"
            "D 2.014 D.upf\nATOMIC_POSITIONS crystal\nLi 0 0 0\nD 0.5 0.5 0.5\nK_POINTS gamma\n"
        )
        crystal = read_structure(path)
        assert (crystal.formula, crystal.volume) == ("LiH", pytest.approx(4.08**3 / 4))

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.xsf", "SLAB\nPRIMVEC\n4 0 0\n0 4 0\n0 0 20\n", "slab, chain or molecule"),
            ("x.xsf", "CRYSTAL\nPRIMVEC\n4 0 0\n0 4 0\n0 0 4\nPRIMCOORD\n900000000 1\n14 0 0 0\n", "900000000 atoms"),
            ("x.xyz", "1000000000000\n\nH 0 0 0\n", "number of atoms is '1000000000000'"),
            ("x.xyz", '2\nLattice="4 0 0 0 4 0 0 0 4"\nMg 0 0 0\n', "2 atoms, but"),
            ("x.xyz", "1\nmolecule\nH 0 0 0\n", "no lattice"),
            ("geometry.in", "lattice_vector 4 0 0\natom 0 0 0 Si\n", "three lines with lattice_vector"),
            ("x.xsf", "ATOMS\n14 0 0 0\n", "slab, chain or molecule"),
            ("x.cell", "%BLOCK LATTICE_CART\nfurlong\n4 0 0\n0 4 0\n0 0 4\n%ENDBLOCK LATTICE_CART\n", "unit 'furlong'"),
            ("x.cell", "%BLOCK LATTICE_CART\n4 0 0\n0 4 0\n%ENDBLOCK LATTICE_CART\n", "2 vectors"),
            ("x.res", "TITL\nSFAC MG\nMG 1 0 0 0 11\n", "no CELL"),
            ("x.pckl", "cos\nsystem\n", "pickled files are never read"),
            ("x.traj", "- of Ulm", "cannot be read as a trajectory"),
            ("x.db", "SQLite format 3", "cannot be read"),
            ("x.txt", "some prose\n", "not known as a structure file"),
            ("x.json", '{"a": ' * 100_000, "nested too deeply|not valid JSON"),
            ("x.jsonl", '{"lattice": [' + "9" * 400 + "]}", "a number of 400 digits"),
        ],
    )
    def test_damaged(self, name: str, content: str, message: str, tmp_path: Path) -> None:
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(InputError, match=message) as caught:
            read_structure(path)
        assert name in str(caught.value)

    def test_a_bad_frame_costs_no_other(self, mgo: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "x.xyz"
        write(path, to_atoms(mgo), format="extxyz")
        good = path.read_text()
        path.write_text(good + good.replace("Mg", "Qq") + good)
        found = list(scan([path]))
        assert [type(item) for item in found] == [Entry, Refused, Entry]
        assert isinstance(found[1], Refused)
        assert "x.xyz, frame 1: " in found[1].reason


class TestPoscar:
    """POSCAR of every version."""

    HEAD = "{title}\n{scale}\n0 2.106 2.106\n2.106 0 2.106\n2.106 2.106 0\n{species}1 1\n"
    SITES = "Direct\n0 0 0\n.5 .5 .5\n"

    def poscar(self, title: str = "x", scale: str = "1.0", species: str = "Mg O\n", sites: str = SITES) -> str:
        return self.HEAD.format(title=title, scale=scale, species=species) + sites

    @pytest.mark.parametrize(
        "text",
        [
            {},
            {"scale": "-18.681", "species": "Mg_pv O_s\n"},
            {"scale": "1.0 1.0 1.0"},
            {"sites": "Selective dynamics\nDirect\n0 0 0 T T T\n.5 .5 .5 F F F\n"},
            {"sites": "Cartesian\n0 0 0\n2.106 2.106 2.106\n\n0 0 0\n"},
            {"sites": "K\n0 0 0 Mg\n2.106 2.106 2.106 O\n"},
            {"species": "Mg/0a1b2c3d O/0a1b2c3d\n"},
            {"scale": "1.0D0", "species": "  Mg   O  ! elements\n"},
        ],
    )
    def test_versions(self, text: dict[str, str], tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(**text))
        crystal = read_structure(path)
        assert (crystal.formula, crystal.warnings) == ("MgO", ())
        assert crystal.volume == pytest.approx(18.681, rel=1e-4)
        assert standard_form(crystal).space_group == 225

    def test_vasp_4_takes_the_elements_of_the_potcar(self, tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(species=""))
        with pytest.raises(InputError, match=r"names no elements \(VASP 4\); put its POTCAR"):
            read_structure(path)
        (tmp_path / "POTCAR").write_text("  PAW_PBE Mg\n   VRHFIN =Mg: 3s3p\n  PAW_PBE O\n   VRHFIN =O: s2p4\n")
        assert (read_structure(path).formula, read_structure(path).warnings) == ("MgO", ())

    @pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
    def test_vasp_4_takes_the_elements_of_the_potcar_in_its_folder_of_an_archive(
        self, ending: str, tmp_path: Path
    ) -> None:
        potcar = "".join(f"  PAW_PBE {name}\n   VRHFIN ={name}: x\n" for name in ("Mg", "O"))
        for place, text in (
            ("a/POSCAR", self.poscar(species="")),
            ("a/POTCAR", potcar),
            ("b/POSCAR", self.poscar(species="")),
        ):
            (tmp_path / "run" / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "run" / place).write_text(text)
        kind = {".zip": "zip", ".tar": "tar", ".tar.gz": "gztar"}[ending]
        archive = Path(shutil.make_archive(str(tmp_path / "runs"), kind, tmp_path / "run"))
        good, bad = sorted(scan([archive]), key=lambda item: item.name)
        assert isinstance(good, Entry)
        assert good.crystal.formula == "MgO"
        assert isinstance(bad, Refused)
        assert "names no elements (VASP 4)" in bad.reason

    def test_vasp_4_takes_the_elements_of_titles_of_the_potcar(self, tmp_path: Path) -> None:
        (tmp_path / "POTCAR").write_text(" TITEL  = PAW_PBE Mg_pv 13Apr2007\n TITEL  = PAW_PBE O 08Apr2002\n")
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(species=""))
        assert (read_structure(path).formula, read_structure(path).warnings) == ("MgO", ())

    @pytest.mark.parametrize(
        "sites", ["Direct\n0 0 0 Mg1\n.5 .5 .5 O1\n", "Sel\nDirect\n0 0 0 T T F Mg\n.5 .5 .5 F F F O\n"]
    )
    def test_vasp_4_takes_the_elements_behind_the_coordinates_aloud(self, sites: str, tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(species="", sites=sites))
        crystal = read_structure(path)
        assert crystal.formula == "MgO"
        assert "Mg O are those of the labels behind the coordinates" in crystal.warnings[0]

    @pytest.mark.parametrize(
        ("text", "potcar", "doubt"),
        [
            ({"species": "", "title": "Mg O"}, "Zn S", "elements are Zn S, but Mg O by the comment line"),
            (
                {"sites": "Direct\n0 0 0 O\n.5 .5 .5 Mg\n"},
                "",
                "are Mg O, but O Mg by the labels behind the coordinates",
            ),
        ],
    )
    def test_elements_that_contradict_each_other(
        self, text: dict[str, str], potcar: str, doubt: str, tmp_path: Path
    ) -> None:
        (tmp_path / "POTCAR").write_text("".join(f" VRHFIN ={name}: x\n" for name in potcar.split()))
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(**text))
        (warning,) = read_structure(path).warnings
        assert doubt in warning

    def test_flags_without_the_line_that_announces_them_are_no_fluorine(self, tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(sites="Direct\n0 0 0 F F F\n.5 .5 .5 T T T\n"))
        assert read_structure(path).warnings == ()

    def test_every_frame_of_an_xdatcar(self, tmp_path: Path) -> None:
        """The cell of the third is its own; the second is damaged and costs no other."""
        frame = "Direct configuration= {}\n0 0 0\n{}\n"
        head = self.poscar(sites="")
        wider = head.replace("2.106", "2.2")
        path = tmp_path / "XDATCAR"
        path.write_text(
            head + frame.format(1, ".5 .5 .5") + frame.format(2, ".5 .5") + wider + frame.format(3, ".5 .5 .5")
        )
        first, second, third = scan([path])
        assert isinstance(first, Entry)
        assert isinstance(second, Refused)
        assert isinstance(third, Entry)
        assert (first.place, third.place) == ("frame 0", "frame 2")
        assert third.crystal.volume / first.crystal.volume == pytest.approx((2.2 / 2.106) ** 3)

    def test_vasp_4_takes_the_elements_of_the_comment_aloud(self, tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(title="Mg O", species=""))
        crystal = read_structure(path)
        assert crystal.formula == "MgO"
        assert "are those of the comment" in crystal.warnings[0]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ({"sites": "Direct\n0 0 0\n.5 ,5 .5\n"}, "line 10: ',5' is not a number; write a decimal point"),
            ({"sites": "Direct\n0 0 0\n"}, "2 atoms, but|needs 3 numbers"),
            ({"species": "Mg\n"}, "names 1 elements and 2 numbers"),
            ({"species": "Mg Xx\n"}, "unknown element 'Xx'"),
            ({"scale": "0"}, "no lattice"),
            ({"scale": "-1 1 1"}, "of three scales none may be negative"),
            ({"scale": "nan"}, "line 2: 'nan' is not a number"),
            ({"scale": "1e200"}, "too long|not finite"),
        ],
    )
    def test_damaged(self, text: dict[str, str], message: str, tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar(**text))
        with pytest.raises(InputError, match=message):
            read_structure(path)

    def test_a_million_atoms_declared(self, tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        path.write_text(self.poscar().replace("1 1\n", "999999999 1\n"))
        with pytest.raises(InputError, match="holds 1000000000 atoms"):
            read_structure(path)


class TestJson:
    """Documents of other programs."""

    @pytest.mark.slow
    def test_every_document(self, crystal: Crystal, tmp_path: Path) -> None:
        from pymatgen.entries.computed_entries import ComputedStructureEntry  # takes three seconds

        structure = to_structure(crystal)
        entry = ComputedStructureEntry(structure, -1.0)
        documents = [
            structure.as_dict(),
            entry.as_dict(),
            [structure.as_dict()],
            {"data": [{"material_id": "mp-1", "structure": structure.as_dict()}]},
            {"data": to_optimade(crystal)},
            {"data": [to_optimade(crystal)], "meta": {}},
            to_optimade(crystal),
            {
                "lattice_mat": crystal.cell.tolist(),
                "coords": crystal.frac_coords.tolist(),
                "elements": to_atoms(crystal).get_chemical_symbols(),
            },
        ]
        path = tmp_path / "x.json"
        for document in documents:
            for indent in (None, 1):
                path.write_text(json.dumps(document, indent=indent, default=float))
                assert_same(read_structure(path), crystal)

    def test_keys_of_a_document_go_with_its_crystal(self, mgo: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        path.write_text(json.dumps([{"material_id": "mp-1265", "structure": to_structure(mgo).as_dict()}]))
        (entry,) = scan([path])
        assert isinstance(entry, Entry)
        assert entry.data["material_id"] == "mp-1265"

    def test_structures_by_name(self, mgo: Crystal, gaas: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        path.write_text(json.dumps({"a": to_structure(mgo).as_dict(), "b": to_structure(gaas).as_dict()}))
        assert [(entry.place, entry.crystal.formula) for entry in scan([path])] == [
            ("line 1, a", "MgO"),
            ("line 1, b", "GaAs"),
        ]

    @pytest.mark.parametrize("missing", ["abc", "xyz"])
    def test_each_site_in_coordinates_of_its_own(self, missing: str, gaas: Crystal, tmp_path: Path) -> None:
        document = to_structure(gaas).as_dict()
        del document["sites"][1][missing]
        path = tmp_path / "x.json"
        path.write_text(json.dumps(document))
        assert_same(read_structure(path), gaas)

    def test_lattice_by_lengths_and_angles(self, gaas: Crystal, tmp_path: Path) -> None:
        document = to_structure(gaas).as_dict()
        del document["lattice"]["matrix"]
        path = tmp_path / "x.json"
        path.write_text(json.dumps(document))
        assert standard_form(read_structure(path)).space_group == 216
        for site in document["sites"]:
            del site["abc"]
        path.write_text(json.dumps(document))
        with pytest.raises(InputError, match="site 0 has neither abc nor, in the axes of a matrix, xyz"):
            read_structure(path)

    def test_statements_that_contradict_each_other(self, mgo: Crystal, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        document = to_structure(mgo).as_dict()
        document["sites"][1]["xyz"] = [1.0, 1.0, 1.0]
        document["lattice"]["a"] = 9.9
        path.write_text(json.dumps(document))
        length, place = read_structure(path).warnings
        assert "abc and xyz of its sites differ by up to" in place
        assert "its lattice names lengths of 9.9" in length
        summary = {"formula_pretty": "MgO2", "density": 7.2, "nsites": 4, "structure": to_structure(mgo).as_dict()}
        path.write_text(json.dumps(summary))
        told = " ".join(read_structure(path).warnings)
        for doubt in ("not the given formula Mg O2", "the file says 7.2", "2 atoms, the file says 4"):
            assert doubt in told

    def test_a_value_that_is_no_number_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        good = {"lattice": [[0, 2, 2], [2, 0, 2], [2, 2, 0]], "species": ["Mg", "O"]}
        for lattice, coords, message in (
            (good["lattice"], [[0, 0, 0], ["1/2", 0.5, 0.5]], "atom 1 has '1/2', which is not a number"),
            (
                [[0, "2,1", 2], [2, 0, 2], [2, 2, 0]],
                [[0, 0, 0], [0.5] * 3],
                "the cell has '2,1', which is not a number",
            ),
            (
                [[0, float("nan"), 2], [2, 0, 2], [2, 2, 0]],
                [[0, 0, 0], [0.5] * 3],
                r"not finite numbers \(in the cell\)",
            ),
        ):
            path.write_text(json.dumps({**good, "lattice": lattice, "frac_coords": coords}))
            with pytest.raises(InputError, match=message):
                read_structure(path)

    def test_one_bad_item_costs_no_other(self, tmp_path: Path) -> None:
        good = json.loads((CASES / "forms" / "own_array.json").read_text())[0]
        path = tmp_path / "x.json"
        path.write_text(json.dumps([good, {"lattice": 3}, 7, good], indent=2))
        found = list(scan([path]))
        assert [type(item) for item in found] == [Entry, Refused, Refused, Entry]
        assert [item.name.partition("#")[2] for item in found] == ["0", "1", "2", "3"]
        assert isinstance(found[1], Refused)
        assert "x.json, item 1: needs the keys lattice, species and frac_coords" in found[1].reason

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"structure_features": ["disorder"]}, "has disorder"),
            ({"dimension_types": [1, 1, 0]}, "periodic along 2 of 3"),
            ({"species": [{"name": "Mg", "chemical_symbols": ["Mg", "Ca"], "concentration": [0.5, 0.5]}]}, "partially"),
            ({"lattice_vectors": [[None] * 3] * 3}, "not finite|span a volume"),
            ({"species_at_sites": None}, "species_at_sites is of type NoneType"),
            (
                {"species": [{"name": "O", "chemical_symbols": ["O"], "attached": ["H"], "nattached": [1]}]},
                "'H'. attached",
            ),
            ({"structure_features": ["site_attachments"]}, "has site_attachments"),
            ({"chemical_formula_reduced": "H2MgO2"}, "formula H2 Mg O2 has hydrogen, but no site is hydrogen"),
        ],
    )
    def test_optimade_that_is_no_crystal(
        self, change: dict[str, Any], message: str, mgo: Crystal, tmp_path: Path
    ) -> None:
        document = to_optimade(mgo)
        document["attributes"].update(change)
        path = tmp_path / "x.json"
        path.write_text(json.dumps(document))
        with pytest.raises(InputError, match=message):
            read_structure(path)


class TestText:
    """A file's text in Python."""

    def test_cif(self) -> None:
        assert read_structure((CASES / "cif" / "nacl_hall_only.cif").read_text()).formula == "NaCl"

    @pytest.mark.parametrize("name", ["names/a/POSCAR", "forms/pmg_indent.json"])
    def test_others(self, name: str) -> None:
        assert read_structures((CASES / name).read_text())[0].formula == "MgO"

    def test_messages_do_not_repeat_it(self) -> None:
        with pytest.raises(InputError, match=r"^text: "):
            read_structure("some\nprose\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xsf", "PRIMVEC\n1 0 0\n0 1 0\n0 0 1\nPRIMCOORD\n\n"),
        (
            "a.json",
            '{"lattice_vectors": [[4,0,0],[0,4,0],[0,0,4]], "species_at_sites": ["Si"], "structure_features": 0.5}',
        ),
        (
            "a.json",
            (
                '{"lattice_vectors": [[4,0,0],[0,4,0],[0,0,4]], "species_at_sites": ["Si"], '
                '"species": [{"name": "Si", "chemical_symbols": ["Si"], "concentration": 0.5}]}'
            ),
        ),
        ("a.pwi", "&system\nibrav=1, celldm(1)=" + "2*" * 3000 + "2, nat=1\n/\nATOMIC_POSITIONS crystal\nSi 0 0 0\n"),
        ("a.pwi", "&system\nibrav=1, celldm(1)=9, nat=1\n/\nATOMIC_POSITIONS crystal\nSi 0 0 " + "2*" * 3000 + "2\n"),
    ],
)
def test_whatever_a_parser_trips_over_is_an_error_of_ours(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=name):
        read_structure(path)


class TestImplausible:
    """Crystals that can be read but hardly exist."""

    @pytest.mark.parametrize(("factor", "message"), [(0.5, "g/cm3 is above|apart, less than"), (3.0, "cubic angstrom")])
    def test_density(self, factor: float, message: str, tmp_path: Path) -> None:
        path = tmp_path / "POSCAR"
        shutil.copy(CASES / "names" / "a" / "POSCAR", path)
        path.write_text(path.read_text().replace("1.0", str(factor), 1))
        notes = " ".join(read_structure(path).warnings)
        assert any(part in notes for part in message.split("|"))

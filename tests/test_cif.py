"""CIFs: every way to give symmetry, damaged values, contradictions; a crystal is proved by the file or refused."""

from __future__ import annotations

import time
from pathlib import Path

import gemmi
import numpy as np
import pytest

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.structures import Entry, Refused, read_structure, scan
from dielectra.symmetry import standard_form

CASES = Path(__file__).parent / "data" / "structures"
SALT = "Na1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5"
SILICON = "Si1 Si 0 0 0"


def cif(
    symmetry: str = "_space_group_IT_number 225",
    sites: str = SALT,
    lengths: tuple[float, ...] = (5.64, 5.64, 5.64),
    angles: tuple[float, ...] = (90, 90, 90),
    more: str = "",
) -> str:
    """Return the text of a CIF with one block."""
    cell = "\n".join(f"_cell_length_{axis} {length}" for axis, length in zip("abc", lengths, strict=True))
    cell += "".join(f"\n_cell_angle_{a} {angle}" for a, angle in zip(("alpha", "beta", "gamma"), angles, strict=True))
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")[
        : len(sites.split("\n")[0].split())
    ]
    loop = "\n".join(["loop_", *(f"_atom_site_{column}" for column in columns), sites])
    return f"data_x\n{symmetry}\n{cell}\n{more}\n{loop}\n"


def read(text: str, tmp_path: Path) -> Crystal:
    """Return the crystal of the text of a CIF."""
    path = tmp_path / "x.cif"
    path.write_text(text)
    return read_structure(path)


def listed(symbol: str) -> str:
    """Return a loop of the operations of a space group."""
    operations = gemmi.find_spacegroup_by_name(symbol).operations()
    return "loop_\n_symmetry_equiv_pos_as_xyz\n" + "\n".join(f"'{operation.triplet()}'" for operation in operations)


class TestSharedCases:
    """The inputs that failed in the first edition."""

    @pytest.mark.parametrize(
        ("name", "formula", "n_atoms", "group", "n_primitive"),
        [
            ("nacl_hall_only", "NaCl", 8, 225, 2),
            ("nacl_number_only", "NaCl", 8, 225, 2),
            ("mag_dots", "MgO", 8, 225, 2),
            ("si_o1_itcode", "Si", 8, 227, 2),
            ("nacl_frac_third", "NaCl", 8, 225, 2),
            ("nacl_bom", "NaCl", 8, 225, 2),
            ("missing_value", "MgO", 8, 225, 2),
        ],
    )
    def test_read(self, name: str, formula: str, n_atoms: int, group: int, n_primitive: int) -> None:
        crystal = read_structure(CASES / "cif" / f"{name}.cif")
        assert (crystal.formula, crystal.n_atoms) == (formula, n_atoms)
        form = standard_form(crystal)
        assert (form.space_group, form.crystal.n_atoms) == (group, n_primitive)

    def test_magnetic_moments_are_ignored_aloud(self, tmp_path: Path) -> None:
        text = (CASES / "cif" / "mag_dots.cif").read_text()
        axes = "".join(f"_atom_site_moment.crystalaxis_{axis}\n" for axis in "xyz")
        for moment, is_magnetic in (("0 0 2.5(2)", True), ("0.0 0 0(2)", False), ("? . 0", False)):
            path = tmp_path / "x.mcif"
            path.write_text(f"{text}loop_\n_atom_site_moment.label\n{axes}Mg1 {moment}\n")
            crystal = read_structure(path)
            assert crystal.formula == "MgO"
            assert any("magnetic moments are ignored" in note for note in crystal.warnings) == is_magnetic

    @pytest.mark.parametrize(
        "tags",
        [
            "_atom_site_moment.crystalaxis_mx -1",
            "_atom_site_moment.Cartn_z 0.5(1)",
            "_atom_site_moment.modulus 4",
            "_parent_propagation_vector.kxkykz '[1/2 1/2 1/2]'",
        ],
    )
    def test_order_of_any_form_is_ignored_aloud(self, tags: str, tmp_path: Path) -> None:
        crystal = read(cif(more=tags), tmp_path)
        assert (crystal.n_atoms, len(crystal.warnings)) == (8, 1)
        assert "magnetic moments are ignored" in crystal.warnings[0]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("cif/nacl_hm_identity", "the listed operations form P 1, but the file gives the name F m -3 m"),
            ("cif/ice_dot", "atom H1 has no coordinates"),
            ("cif/nacl_noangles", "has no _cell_angle_alpha"),
            ("cif/brucite_noH", "formula H2 Mg O2 has hydrogen, but no site is hydrogen"),
            ("cif/pauling_mix_labelonly", "site 'Mg,Ca' is mixed by its label, so disordered"),
            ("cif/symop_bad", r"holds '\?', which is not a symmetry operation"),
            ("hostile/hang_comma_decimal", "atom Mg: x is '0,25', which is not a number; write a decimal point"),
            ("hostile/accepted_negative_length", "cell length a = -4.2 angstrom"),
        ],
    )
    def test_refused(self, name: str, message: str) -> None:
        start = time.process_time()
        with pytest.raises(InputError, match=message):
            read_structure(CASES / f"{name}.cif")
        assert time.process_time() - start < 5

    def test_a_bad_block_does_not_take_the_good_one_along(self) -> None:
        path = CASES / "cif" / "multi_onebad.cif"
        good, bad = scan([path])
        assert isinstance(good, Entry)
        assert (good.name, good.place, good.crystal.formula) == (f"{path}#0", "block a", "MgO")
        assert isinstance(bad, Refused)
        assert (bad.name, bad.place) == (f"{path}#1", "block b")
        assert "multi_onebad.cif, block b: has partially occupied sites (Na1" in bad.reason


class TestSymmetry:
    """Whatever names the space group gives the same crystal."""

    @pytest.mark.parametrize(
        "symmetry",
        [
            *(
                f"_symmetry_space_group_name_H-M '{name}'"
                for name in (
                    "F m -3 m",
                    "Fm-3m",
                    "F m 3 m",
                    "Fm3m",
                    "F 4/m -3 2/m",
                    "F4/m-32/m",
                    "FM-3M",
                    "F m -3 m (225)",
                    "F m 3bar m",
                    "F m -3 m :1",
                )
            ),
            "_space_group.name_H-M_alt 'F m -3 m'",
            "_space_group.name_Hall '-F 4 2 3'",
            "_space_group.IT_number 225\n_symmetry_space_group_name_H-M ?",
            listed("F m -3 m"),
            listed("F m -3 m").replace("_symmetry_equiv_pos_as_xyz", "_space_group_symop.operation_xyz"),
            listed("F m -3 m") + "\n_space_group_name_Hall '-F 4 2 3'\n_space_group_IT_number 225",
        ],
    )
    def test_rock_salt(self, symmetry: str, tmp_path: Path) -> None:
        crystal = read(cif(symmetry), tmp_path)
        assert (crystal.n_atoms, standard_form(crystal).space_group, crystal.warnings) == (8, 225, ())

    @pytest.mark.parametrize(
        ("symmetry", "n_atoms"),
        [
            ("_symmetry_space_group_name_H-M 'F d -3 m :1'", 8),
            ("_symmetry_space_group_name_H-M 'Fd-3m:2'", 16),
            ("_symmetry_space_group_name_H-M 'F d -3 m S'", 8),
            ("_symmetry_space_group_name_H-M 'F d -3 m Z'", 16),
            ("_space_group_name_H-M_alt 'F 41/d -3 2/m (origin choice 1)'", 8),
            ("_space_group_name_H-M_alt 'F\u00a0d\u00a0-3\u00a0m :1'", 8),
            ("_symmetry_space_group_name_H-M 'F d 3 m Z'", 16),
            ("_space_group_name_H-M_alt 'F d -3 m'\n_space_group_IT_coordinate_system_code 2", 16),
            ("_space_group_IT_number 227\n_space_group_IT_coordinate_system_code 1", 8),
            ("_space_group_name_Hall 'F 4d 2 3 -1d'\n_space_group_name_H-M_alt 'F d -3 m'", 8),
            ("_space_group_name_H-M_alt 'F d -3 m'\n_chemical_formula_sum Si\n_cell_formula_units_Z 8", 8),
        ],
    )
    def test_origin(self, symmetry: str, n_atoms: int, tmp_path: Path) -> None:
        assert read(cif(symmetry, SILICON, (5.431,) * 3), tmp_path).n_atoms == n_atoms

    @pytest.mark.parametrize("symmetry", ["_symmetry_space_group_name_H-M 'F d -3 m'", "_space_group_IT_number 227"])
    def test_an_origin_that_nothing_tells_is_asked_for(self, symmetry: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"which setting.*:1 makes Si8 of 2\.33 g/cm3; .*:2 makes Si16 of 4\.66"):
            read(cif(symmetry, SILICON, (5.431,) * 3), tmp_path)

    @pytest.mark.parametrize(
        ("name", "lengths", "angles", "n_atoms"),
        [
            ("R -3 m", (4.0, 4.0, 10.0), (90, 90, 120), 3),
            ("R -3 m:H", (4.0, 4.0, 10.0), (90, 90, 120), 3),
            ("R -3 m H", (4.0, 4.0, 10.0), (90, 90, 120), 3),
            ("R -3 m", (4.0, 4.0, 4.0), (70, 70, 70), 1),
            ("R -3 m R", (4.0, 4.0, 4.0), (70, 70, 70), 1),
            ("R -3 2/m", (4.0, 4.0, 10.0), (90, 90, 120), 3),
        ],
    )
    def test_rhombohedral_axes(
        self, name: str, lengths: tuple[float, ...], angles: tuple[float, ...], n_atoms: int, tmp_path: Path
    ) -> None:
        text = cif(f"_space_group_name_H-M_alt '{name}'", "As1 As 0 0 0", lengths, angles)
        assert read(text, tmp_path).n_atoms == n_atoms

    @pytest.mark.parametrize("name", ["P 21/c", "P 1 21/c 1", "P2_1/c", "P 1 21/c 1:b1", "P21/n", "P 1 1 21/b"])
    def test_monoclinic(self, name: str, tmp_path: Path) -> None:
        angles = (90, 90, 100) if name == "P 1 1 21/b" else (90, 100, 90)
        text = cif(f"_space_group_name_H-M_alt '{name}'", "O1 O 0.1 0.2 0.3", (6.1, 7.3, 8.2), angles)
        crystal = read(text, tmp_path)
        assert (crystal.n_atoms, standard_form(crystal).space_group) == (4, 14)

    @pytest.mark.parametrize("name", ["P n m a", "Pnma", "P 21/n 21/m 21/a", "P b n m", "P n m a "])
    def test_orthorhombic(self, name: str, tmp_path: Path) -> None:
        crystal = read(cif(f"_space_group_name_H-M_alt '{name}'", "O1 O 0.1 0.2 0.3", (6.1, 7.3, 8.2)), tmp_path)
        assert (crystal.n_atoms, standard_form(crystal).space_group) == (8, 62)

    def test_every_setting_of_the_tables_is_read_from_its_operations_name_and_hall_symbol(self) -> None:
        from dielectra.structures.cif_items import Block
        from dielectra.structures.cif_symmetry import stated_symmetry

        for group in list(gemmi.spacegroup_table())[::11]:
            cell = np.diag([5.0, 5.0, 5.0])
            if group.number in range(143, 195) and group.ext != "R":
                cell = np.array([[5.0, 0, 0], [-2.5, 5 * np.sqrt(0.75), 0], [0, 0, 6.0]])
            texts = (f"_space_group_name_Hall '{group.hall}'", f"_space_group_name_H-M_alt '{group.xhm()}'")
            for text in texts:
                block = Block(gemmi.cif.read_string(f"data_x\n{text}\n").sole_block(), "x")
                found = stated_symmetry(block, cell).settings
                assert [setting.number for setting in found] == [group.number], group.xhm()
                assert len(found[0].operations) == len(group.operations())

    def test_a_wrong_name_of_a_file_that_lists_all_atoms_is_a_warning(self, tmp_path: Path) -> None:
        half = "Na1 Na 0 0 0\nNa2 Na 0 .5 .5\nNa3 Na .5 0 .5\nNa4 Na .5 .5 0"
        sites = half + "\n" + half.replace("Na", "Cl").replace(" 0 0 0", " .5 .5 .5").replace("0 .5 .5", ".5 0 0")
        sites = sites.replace("Cl3 Cl .5 0 .5", "Cl3 Cl 0 .5 0").replace("Cl4 Cl .5 .5 0", "Cl4 Cl 0 0 .5")
        crystal = read(cif("_space_group_name_H-M_alt 'F m -3 m'\n" + listed("P 1"), sites), tmp_path)
        assert crystal.n_atoms == 8
        assert "the listed operations form P 1" in crystal.warnings[0]

    def test_no_symmetry_at_all_is_a_warning(self, tmp_path: Path) -> None:
        crystal = read(cif("", SALT), tmp_path)
        assert crystal.n_atoms == 2
        assert "says nothing of symmetry" in crystal.warnings[0]

    def test_the_crystal_system_alone_is_a_warning(self, tmp_path: Path) -> None:
        crystal = read(cif("_symmetry_cell_setting cubic\n_cell_modulation_dimension 0", SALT), tmp_path)
        assert crystal.n_atoms == 2
        assert "nothing of symmetry but its crystal system cubic" in crystal.warnings[0]

    @pytest.mark.parametrize(
        ("symmetry", "message"),
        [
            ("_space_group_name_H-M_alt 'F m -3 m'\n_space_group_IT_number 221", "different groups or settings"),
            ("_space_group_name_H-M_alt 'F m -3 m'\n_space_group_name_Hall '-P 4 2 3'", "different groups or settings"),
            ("_space_group_IT_number 231", "space group number 231; they go from 1 to 230"),
            ("_space_group_IT_number 2.5", "space group number 2.5"),
            ("_space_group_name_Hall 'rubbish'", "unknown Hall symbol 'rubbish'"),
            ("_space_group_name_H-M_alt 'F m -3 q'", "unknown space group 'F m -3 q'"),
            ("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,y,z\ny,z,x", "3 listed symmetry operations are not a group"),
            ("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\nx+y,x+y,z", "is no rotation of a lattice"),
            ("_space_group_name_H-M_alt 'P 63/m m c'", "the cell does not fit the space group P 63/m m c"),
            ("_space_group_magn.name_BNS 'R_I -3 c'", "without magnetic symmetry operations"),
            ("_space_group_magn.number_OG 15.7.98", "without magnetic symmetry operations"),
            ("_space_group_magn.name_UNI 'C2/c.1_c[C2/m]'", "without magnetic symmetry operations"),
            ("_space_group_IT_number 225\n_space_group_magn.number_UNI 98", "without magnetic symmetry operations"),
            ("_parent_space_group.IT_number 225", "of its own symmetry only _parent_space_group_it_number"),
            (
                "loop_\n_parent_propagation_vector.id\n_parent_propagation_vector.kxkykz\n1 '[1/2 0 0]'",
                "propagation_vec",
            ),
            ("_space_group_name_schoenflies Oh^5", "of its own symmetry only _space_group_name_schoenflies"),
            ("_cell_modulation_dimension 1", "modulated"),
            ("_space_group_magn.ssg_number_BNS 62.1.9.4.m442.1", "modulated"),
            (
                "loop_\n_space_group_symop_ssg_id\n_space_group_symop_ssg_operation_algebraic\n1 x1,x2,x3,x4",
                "modulated",
            ),
            ("_space_group_IT_number 225\n_cell_wave_vector_x 0.25", "modulated"),
            ("_space_group_IT_number 225\n_atom_site_moment_Fourier_param.cos 1.5", "modulated"),
            ("_space_group_IT_number 225\n_atom_site_displace_Fourier_param_cos 0.1", "modulated"),
        ],
    )
    def test_contradictions_and_damage_are_refused(self, symmetry: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=message):
            read(cif(symmetry), tmp_path)


class TestSites:
    """Sites are read as they are meant, or the one that cannot be is named."""

    @pytest.mark.parametrize("value", ["1/2", ".5", "0.5(2)", "5E-1", "5d-1", "+0.500", "-1/2"])
    def test_numbers(self, value: str, tmp_path: Path) -> None:
        assert read(cif(sites=f"Na1 Na 0 0 0\nCl1 Cl {value} {value} {value}"), tmp_path).n_atoms == 8

    @pytest.mark.parametrize("value", ["0,5", "nan", "inf", "1e999", "x", "1/0", "0.5.1", "--1", "9" * 400, "1e9"])
    def test_damaged_numbers_name_their_atom(self, value: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"atom Cl1: y|far outside the cell"):
            read(cif(sites=f"Na1 Na 0 0 0\nCl1 Cl 0.5 {value} 0.5"), tmp_path)

    @pytest.mark.parametrize(
        ("tag", "value", "message"),
        [
            ("_cell_length_b", "?", "has no _cell_length_b"),
            ("_cell_length_b", ".", "has no _cell_length_b"),
            ("_cell_length_b", "5,64", "_cell_length_b is '5,64', which is not a number; write a decimal point"),
            ("_cell_length_b", "0", "cell length b = 0"),
            ("_cell_length_b", "1e300", r"cell length b = 1e\+300"),
            ("_cell_angle_beta", "190", "cell angle beta = 190 degrees"),
            ("_cell_angle_beta", "1e-9", "cell angle|do not span"),
            ("_cell_angle_gamma", "nan", "_cell_angle_gamma is 'nan'"),
        ],
    )
    def test_damaged_cells_name_their_tag(self, tag: str, value: str, message: str, tmp_path: Path) -> None:
        lines = [f"{tag} {value}" if line.startswith(tag) else line for line in cif().split("\n")]
        with pytest.raises(InputError, match=message):
            read("\n".join(lines), tmp_path)

    @pytest.mark.parametrize(
        ("site", "formula"),
        [("MG1", "MgO"), ("Mg2+", "MgO"), ("Mg_a", "MgO"), ("Mg", "MgO")],
    )
    def test_labels_without_type(self, site: str, formula: str, tmp_path: Path) -> None:
        text = cif(sites=f"{site} X 0 0 0\nOw1 X .5 .5 .5", lengths=(4.212,) * 3)
        text = text.replace("_atom_site_type_symbol\n", "").replace(" X ", " ")
        assert read(text, tmp_path).formula == formula

    def test_a_formula_tells_what_a_label_means(self, tmp_path: Path) -> None:
        text = cif(sites="CA1 X 0 0 0\nO1 X .5 .5 .5", lengths=(4.81,) * 3).replace("_atom_site_type_symbol\n", "")
        text = text.replace(" X ", " ")
        with pytest.raises(InputError, match="atom CA1: its label may mean Ca or C"):
            read(text, tmp_path)
        assert read(text.replace("data_x", "data_x\n_chemical_formula_sum 'Ca O'"), tmp_path).formula == "CaO"

    def test_deuterium_is_hydrogen(self, tmp_path: Path) -> None:
        text = cif(sites="Li1 Li 0 0 0\nD1 D .5 .5 .5", lengths=(4.08,) * 3, more="_chemical_formula_sum 'Li D'")
        crystal = read(text, tmp_path)
        assert (crystal.formula, crystal.warnings) == ("LiH", ())

    @pytest.mark.parametrize(
        ("sites", "message"),
        [
            ("Mg/Ca1 Mg 0 0 0", "mixed by its label"),
            ("(Mg,Ca) Mg 0 0 0", "mixed by its label"),
            ("Mg0.5Ca0.5 Mg 0 0 0", "mixed by its label"),
            ("M1 Mg,Ca 0 0 0", "mixed by its label"),
            ("Mg1 Mg 0 0 0\nCa1 Ca 0 0 0", "sites Mg1 and Ca1 share a position"),
            ("Mg1 Mg 0 0 0 0.5", "partially occupied"),
            ("Mg1 Mg 0 0 0 a", "occupancy of atom Mg1 is 'a'"),
            ("M1 M 0 0 0", "atom M1: unknown element 'M'"),
            ("W1 OH 0 0 0", "OH is a group of atoms"),
        ],
    )
    def test_disorder_and_unknown_sites(self, sites: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=message):
            read(cif(sites=sites), tmp_path)

    def test_hydrogens_of_a_column_are_missed(self, tmp_path: Path) -> None:
        text = cif(sites="O1 O 0 0 0 2").replace("_atom_site_occupancy", "_atom_site_attached_hydrogens")
        with pytest.raises(InputError, match="atom O1 has 2 hydrogens without positions"):
            read(text, tmp_path)


class TestClaims:
    """What the file says of its atoms elsewhere is compared with them."""

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ("_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 2", "4 formula units Na Cl in the cell.*Z = 2"),
            ("_chemical_formula_sum 'Na Cl2'", "Na4 Cl4 in the cell, which is not the given formula Na Cl2"),
            ("_exptl_crystal_density_diffrn 4.3", r"density of 2\.16 g/cm3, the file says 4\.3"),
            ("_chemical_formula_weight 99\n_cell_formula_units_Z 4", r"weighs 233\.8 dalton, .* 4 formula units of 99"),
            ("_cell_volume 190", "volume of 179.4 cubic angstrom, the file says 190"),
        ],
    )
    def test_warnings(self, more: str, message: str, tmp_path: Path) -> None:
        import re

        crystal = read(cif(more=more), tmp_path)
        assert len(crystal.warnings) == 1
        assert re.search(message, crystal.warnings[0])

    @pytest.mark.parametrize(
        "formula",
        [
            "_chemical_formula_moiety 'Mg 2+, 2(O H 1-)'",
            "_chemical_formula_structural 'Mg (O H)2'",
            "_chemical_formula_iupac '[Mg (O D)2]'",
            "_chemical_formula_moiety 'Mg O2, x H2O'",
        ],
    )
    def test_hydrogen_that_stands_in_a_formula_of_free_form_only(self, formula: str, tmp_path: Path) -> None:
        sites = "Mg1 Mg 0 0 0\nO1 O 0.3333 0.6667 0.22"
        text = cif("_space_group_name_H-M_alt 'P -3 m 1'", sites, (3.15, 3.15, 4.77), (90, 90, 120), formula)
        with pytest.raises(InputError, match="its formula has hydrogen, but no site is hydrogen; add the hydrogens"):
            read(text, tmp_path)

    @pytest.mark.parametrize("text", ["'Halite, from Hallstatt'", "'Na1+, Cl1-'", "?", "'Na Ph'"])
    def test_prose_and_salts_are_no_hydrogen(self, text: str, tmp_path: Path) -> None:
        assert read(cif(more=f"_chemical_formula_moiety {text}"), tmp_path).warnings == ()

    def test_agreement_is_silent(self, tmp_path: Path) -> None:
        more = "_chemical_formula_sum 'Cl Na'\n_cell_formula_units_Z 4\n_cell_volume 179.4(1)\n"
        assert read(cif(more=more + "_exptl_crystal_density_diffrn 2.16"), tmp_path).warnings == ()

    def test_a_missing_element_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="has K, but no such site is given"):
            read(cif(more="_chemical_formula_sum 'K Na Cl'"), tmp_path)

    def test_one_tag_with_two_values_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"gives _cell_length_a twice, '5\.64' and '6'"):
            read(cif(more="_cell_length_a 6"), tmp_path)


class TestFiles:
    """Bytes, line ends and damaged blocks."""

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_encodings_and_line_ends(self, encoding: str, end: str, tmp_path: Path) -> None:
        path = tmp_path / "x.cif"
        path.write_bytes(cif(more="_publ_author_name 'J. Müller'").replace("\n", end).encode(encoding))
        assert read_structure(path).n_atoms == 8

    def test_core_dictionary_of_dots(self, tmp_path: Path) -> None:
        text = cif().replace("_cell_", "_cell.").replace("_atom_site_", "_atom_site.")
        text = text.replace("_space_group_IT", "_space_group.IT")
        assert read(text, tmp_path).n_atoms == 8

    def test_cartesian_coordinates(self, tmp_path: Path) -> None:
        text = cif("_space_group_name_H-M_alt 'P 1'", "Mg1 Mg 0 0 0\nO1 O 2.1 2.1 2.1", (4.2, 4.2, 4.2))
        crystal = read(text.replace("_fract_", ".Cartn_"), tmp_path)
        np.testing.assert_allclose(crystal.frac_coords[1], 0.5)

    def test_a_syntax_error_costs_one_block(self, tmp_path: Path) -> None:
        path = tmp_path / "three.cif"
        damaged = "data_bad\nloop_\n_a\n_b\n1 2\n;\ndata_in_text\n;\n"
        path.write_text(cif().replace("data_x", "data_one") + damaged + cif().replace("data_x", "data_two"))
        found = list(scan([path]))
        assert [type(item) for item in found] == [Entry, Refused, Entry]
        assert isinstance(found[1], Refused)
        line = cif().count("\n") + 2
        assert f"three.cif, block bad: cannot be read (line {line}: Wrong number of values" in found[1].reason

    @pytest.mark.parametrize(
        "text",
        [
            "data_x\n" + "_a 1\n" * 2_500_000,
            cif(sites="\n".join(f"Na{i} Na 0.{i:06} 0 0" for i in range(400_000))),
            cif(sites="\n".join(f"Na{i} Na 0.{i:06} 0 0" for i in range(5000))),
            cif(sites="A" * 1_000_000 + " Na 0 0 0"),
            cif(f"_space_group_name_H-M_alt '{'F ' * 500_000}'"),
            cif(more=f"_chemical_formula_sum '{'Na1 ' * 300_000}!'"),
            cif("loop_\n_symmetry_equiv_pos_as_xyz\n" + "x,y,z\n" * 300_000),
        ],
        ids=["tags", "sites", "5000 sites", "label", "name", "formula", "operations"],
    )
    def test_any_content_is_answered_soon(self, text: str, tmp_path: Path) -> None:
        path = tmp_path / "x.cif"
        path.write_text(text)
        start = time.process_time()
        assert len(list(scan([path]))) == 1
        assert time.process_time() - start < 5


class TestSpecialPositions:
    """A site within 0.1 angstrom of a special position lies on it."""

    @pytest.mark.parametrize("third", ["0.3333", "0.333", "0.33"])
    def test_a_third_in_few_digits(self, third: str, tmp_path: Path) -> None:
        x, y = third, str(round(1 - float(third), 4))
        sites = f"Zn1 Zn {x} {y} 0\nO1 O {x} {y} 0.382"
        crystal = read(cif("_space_group_name_H-M_alt 'P 63 m c'", sites, (3.25, 3.25, 5.2), (90, 90, 120)), tmp_path)
        np.testing.assert_allclose(crystal.frac_coords[0, :2], [1 / 3, 2 / 3], atol=1e-12)
        assert standard_form(crystal).space_group == 186

    def test_a_site_off_it_by_little(self, tmp_path: Path) -> None:
        crystal = read(cif(sites="Na1 Na 0 0 0\nCl1 Cl 0.495 0.5 0.5"), tmp_path)
        assert crystal.n_atoms == 8
        assert standard_form(crystal).space_group == 225

    def test_a_general_position_stays(self, tmp_path: Path) -> None:
        sites = "Mg1 Mg 0.1 0.2 0.3\nO1 O 0.4 0.1 0.2"
        crystal = read(cif("_space_group_name_H-M_alt 'P 1 21/c 1'", sites, (5, 6, 7), (90, 100, 90)), tmp_path)
        assert crystal.n_atoms == 8
        np.testing.assert_array_equal(crystal.frac_coords[0], [0.1, 0.2, 0.3])


class TestManyBlocks:
    """Files of many crystals: each block stands for itself."""

    def test_thousands_of_crystals_come_one_by_one(self, tmp_path: Path) -> None:
        """Together they have more tags than one structure may have, and their first crystal does not wait for them."""
        path = tmp_path / "many.cif"
        path.write_text("".join(cif().replace("data_x", f"data_{index}") for index in range(12_000)))
        read(cif(), tmp_path)  # so that imports are not timed
        start = time.process_time()
        found = scan([path])
        names = [next(found).name for _ in range(50)]
        assert names == [f"{path}#{index}" for index in range(50)]
        assert time.process_time() - start < 6

    @pytest.mark.slow
    def test_thousands_take_no_longer_each(self, tmp_path: Path) -> None:
        """Half of them are crystals, each in a cell of its own, half cannot be used; each is checked in full.

        Time is compared with that of a tenth as many, so that a slow or busy machine does not decide on the test.
        """
        read(cif(), tmp_path)  # so that imports are not timed
        seconds = {}
        for count in (550, 5_500):
            path = tmp_path / f"{count}.cif"
            path.write_text(
                "".join(
                    cif(lengths=(a, a, a) if index % 2 else (a, a, 6.0)).replace("data_x", f"data_{index}")
                    for index, a in enumerate(np.linspace(5.6, 5.7, count).round(6).tolist())
                )
            )
            start = time.process_time()
            found = list(scan([path]))
            seconds[count] = time.process_time() - start
            crystals = [one for one in found if isinstance(one, Entry)]
            assert (len(crystals), len(found)) == (count // 2, count)
            assert all("does not fit the space group" in one.reason for one in found if isinstance(one, Refused))
            assert {one.crystal.n_atoms for one in crystals} == {8}
            assert len({one.crystal.volume for one in crystals}) == count // 2
        assert seconds[5_500] < 1.7 * 10 * seconds[550]

    def test_blocks_without_a_crystal_take_little_time(self, tmp_path: Path) -> None:
        path = tmp_path / "many.cif"
        path.write_text("".join(f"data_{index}\n_cell_length_a 4\n" for index in range(30_000)))
        start = time.process_time()
        found = list(scan([path]))
        assert len(found) == 20_001
        assert "its blocks after the first 20,000 are left out; split the file" in found[-1].reason
        assert time.process_time() - start < 5

    def test_one_of_them_is_refused_without_reading_all(self, tmp_path: Path) -> None:
        path = tmp_path / "many.cif"
        path.write_text("".join(cif().replace("data_x", f"data_{index}") for index in range(12_000)))
        read(cif(), tmp_path)  # so that imports are not timed
        start = time.process_time()
        with pytest.raises(InputError, match="holds more than one structure"):
            read_structure(path)
        assert time.process_time() - start < 3

    def test_a_text_field_without_an_end_swallows_no_block(self, tmp_path: Path) -> None:
        path = tmp_path / "many.cif"
        open_field = "data_open\n_a\n;\nwithout an end\n"
        path.write_text(open_field + "".join(cif().replace("data_x", f"data_{index}") for index in range(3)))
        refused, *crystals = scan([path])
        assert isinstance(refused, Refused)
        assert "block open: cannot be read" in refused.reason
        assert [one.place for one in crystals] == ["block 0", "block 1", "block 2"]
        assert all(isinstance(one, Entry) for one in crystals)

    def test_two_of_them_swallow_none_either(self, tmp_path: Path) -> None:
        path = tmp_path / "many.cif"
        blocks = [cif().replace("data_x", f"data_{index}") for index in range(4)]
        cut = ["data_cut\n_a\n;\nwithout an end\n"] * 2
        path.write_text("".join((cut[0], *blocks[:2], cut[1], *blocks[2:])))
        found = list(scan([path]))
        assert [one.place for one in found if isinstance(one, Entry)] == [f"block {index}" for index in range(4)]
        assert any(isinstance(one, Refused) and "block cut: cannot be read" in one.reason for one in found)

    def test_the_line_of_a_fault_is_that_of_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "two.cif"
        path.write_text(cif() + "data_bad\nloop_\n_a\n_b\n1 2 3\n")
        line = path.read_text().count("\n", 0, path.read_text().index("data_bad")) + 1
        refused = list(scan([path]))[1]
        assert isinstance(refused, Refused)
        assert f"line {line + 1}: Wrong number of values" in refused.reason

    @pytest.mark.parametrize("text", ["data_\n" * 2_000_000, "data_a\n" + ";\n" * 2_000_000], ids=["empty", "fields"])
    def test_endless_rows_of_nothing(self, text: str, tmp_path: Path) -> None:
        path = tmp_path / "x.cif"
        path.write_text(text)
        start = time.process_time()
        (found,) = scan([path])
        assert isinstance(found, Refused)
        assert "split the file" in found.reason
        assert time.process_time() - start < 5

"""Lattices of pw.x against cell lengths and angles, and against pw.x itself where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase.cell import Cell

from dielectra.errors import InputError
from dielectra.structures.espresso import lattice_vectors, read_pw_input
from dielectra.units import BOHR

PSEUDOPOTENTIAL = Path("/usr/share/espresso/pseudo/Si.pbe-rrkj.UPF")
GAN = 3.19**2 * np.sqrt(0.75) * 5.19
LATTICES = {
    "cubic P": ("ibrav=1, A=4.0", 64.0, 4, (90, 90, 90)),
    "cubic F": ("ibrav=2, A=4.0", 16.0, 4 / np.sqrt(2), (60, 60, 60)),
    "cubic I": ("ibrav=-3, A=4.0", 32.0, 4 * np.sqrt(3) / 2, (109.471, 109.471, 109.471)),
    "hexagonal": ("ibrav=4, A=3.19, C=5.19", GAN, 3.19, (90, 90, 120)),
    "hexagonal, celldm": (
        f"ibrav=4, celldm(1)={3.19 / BOHR}, celldm(3)={5.19 / 3.19}",
        3.19**2 * np.sqrt(0.75) * 5.19,
        3.19,
        (90, 90, 120),
    ),
    "trigonal": ("ibrav=5, A=4.0, cosAB=0.3", 4**3 * np.sqrt(1 - 3 * 0.09 + 2 * 0.027), 4, (72.542, 72.542, 72.542)),
    "trigonal along 111": ("ibrav=-5, A=4, cosAB=0.3", 4**3 * np.sqrt(0.784), 4, (72.542, 72.542, 72.542)),
    "tetragonal I": ("ibrav=7, A=3, C=5", 22.5, np.sqrt(4.5 + 6.25), None),
    "orthorhombic P": ("ibrav=8, A=3, B=4, C=5", 60.0, 3, (90, 90, 90)),
    "orthorhombic C": ("ibrav=-9, A=3, B=4, C=5", 30.0, 2.5, None),
    "orthorhombic A": ("ibrav=91, A=3, B=4, C=5", 30.0, 3, None),
    "orthorhombic F": ("ibrav=10, A=3, B=4, C=5", 15.0, np.sqrt(34) / 2, None),
    "orthorhombic I": ("ibrav=11, A=3, B=4, C=5", 30.0, np.sqrt(50) / 2, None),
    "monoclinic, unique c": ("ibrav=12, A=3, B=4, C=5, cosAB=0.2", 60 * np.sqrt(0.96), 3, (90, 90, 78.463)),
    "monoclinic, unique b": ("ibrav=-12, A=3, B=4, C=5, cosAC=0.2", 60 * np.sqrt(0.96), 3, (90, 78.463, 90)),
    "monoclinic C, unique c": ("ibrav=13, A=3, B=4, C=5, cosAB=0.2", 30 * np.sqrt(0.96), np.sqrt(34) / 2, None),
    "monoclinic C, unique b": ("ibrav=-13, A=3, B=4, C=5, cosAC=0.2", 30 * np.sqrt(0.96), 2.5, None),
    "triclinic": (
        "ibrav=14, A=3, B=4, C=5, cosBC=0.1, cosAC=0.2, cosAB=0.3",
        60 * np.sqrt(1 + 2 * 0.006 - 0.01 - 0.04 - 0.09),
        3,
        (84.261, 78.463, 72.542),
    ),
}


def pw_input(lattice: str) -> str:
    return (
        f"&CONTROL\n calculation='scf', pseudo_dir='{PSEUDOPOTENTIAL.parent}', outdir='out'\n/\n"
        f"&SYSTEM\n {lattice}, nat=1, ntyp=1, ecutwfc=4\n/\n"
        "&ELECTRONS\n electron_maxstep=1, scf_must_converge=.false.\n/\n"
        f"ATOMIC_SPECIES\nSi 28 {PSEUDOPOTENTIAL.name}\nATOMIC_POSITIONS crystal\nSi 0.1 0.2 0.3\nK_POINTS gamma\n"
    )


@pytest.mark.parametrize("name", LATTICES)
def test_lattices_have_their_volume_and_shape(name: str) -> None:
    lattice, volume, first, angles = LATTICES[name]
    crystal = read_pw_input(pw_input(lattice))
    cell = Cell(crystal.cell)
    assert crystal.volume == pytest.approx(volume, rel=1e-5)
    assert cell.handedness == 1
    assert cell.lengths()[0] == pytest.approx(first)
    assert angles is None or cell.angles() == pytest.approx(angles, abs=1e-3)
    assert crystal.frac_coords == pytest.approx(np.array([[0.1, 0.2, 0.3]]))


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("pw.x") is None or not PSEUDOPOTENTIAL.is_file(), reason="needs pw.x: Debian's quantum-espresso"
)
@pytest.mark.parametrize("name", LATTICES)
def test_lattices_are_those_of_pw(name: str, tmp_path: Path) -> None:
    text = pw_input(LATTICES[name][0])
    run = subprocess.run(["pw.x"], input=text, cwd=tmp_path, capture_output=True, text=True, check=False)
    scale = float(re.search(r"lattice parameter \(alat\)\s+=\s+(\S+)", run.stdout)[1]) * BOHR
    rows = re.findall(r"a\([123]\) = \(\s*(\S+)\s+(\S+)\s+(\S+)\s*\)", run.stdout)
    assert read_pw_input(text).cell == pytest.approx(scale * np.array(rows, float), abs=1e-4)


@pytest.mark.parametrize(
    ("lattice", "message"),
    [
        ("ibrav=4, A=3.19", "needs c"),
        ("ibrav=8, A=3, C=2", "needs b"),
        ("ibrav=7", "neither celldm"),
        ("ibrav=99, A=3", "ibrav 99 is no lattice type"),
        ("ibrav=1, A=3, celldm(1)=5", "pw.x takes one"),
        ("A=3", "has no ibrav"),
        ("ibrav=14, A=3, B=3, C=3, cosAB=60, cosAC=60, cosBC=60", "cosines of its angles are between -1 and 1; got 60"),
        ("ibrav=1, A=3, assume_isolated='2D'", "no crystal in three dimensions"),
    ],
)
def test_lattices_that_lack_something_are_refused(lattice: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_pw_input(pw_input(lattice))


def test_unknown_types_are_named() -> None:
    with pytest.raises(ValueError, match="ibrav 15"):
        lattice_vectors(15, 1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("label", "mass", "element"),
    [
        ("Si1", "28.0855", 14),
        ("si_b", "28", 14),
        ("D", "2.014", 1),
        ("H", "2.0", 1),
        ("C1", "12.d0", 6),
        ("Fe", "0", 26),
    ],
)
def test_species_are_elements(label: str, mass: str, element: int) -> None:
    text = pw_input("ibrav=1, A=4").replace("Si 28", f"{label} {mass}").replace("Si 0.1", f"{label} 0.1")
    crystal = read_pw_input(text)
    assert (crystal.numbers.tolist(), crystal.warnings) == ([element], ())


def test_species_that_contradict_themselves_are_refused_or_warned() -> None:
    text = pw_input("ibrav=1, A=4")
    with pytest.raises(InputError, match=r"CA is Ca by its label and C by its mass of 12\.01"):
        read_pw_input(text.replace("Si 28", "CA 12.01").replace("Si 0.1", "CA 0.1"))
    with pytest.raises(InputError, match="Ge is not among ATOMIC_SPECIES"):
        read_pw_input(text.replace("Si 0.1", "Ge 0.1"))
    assert "Si has a mass of 1, Si one of 28.09" in read_pw_input(text.replace("Si 28", "Si 1.0")).warnings[0]

"""Read the crystal of an input of pw.x (Quantum ESPRESSO), whatever way its lattice is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import ISOTOPES, Crystal, make_crystal
from dielectra.elements import MASSES, NUMBERS
from dielectra.errors import InputError
from dielectra.files import understanding
from dielectra.structures.espresso_cards import Card, cell_of_card, positions_of_card, read_cards
from dielectra.structures.numbers import floats
from dielectra.units import BOHR

MASS_TOLERANCE = 0.1
"""Relative difference of masses within which a species is the element of its label."""

UNIQUE_B = (-12, -13)
"""Monoclinic lattice types whose angle is that of the first and third vector."""


def read_pw_input(text: str, where: str = "input of pw.x") -> Crystal:
    """Read the crystal of a pw.x input; its lattice may be given by ``ibrav`` or by CELL_PARAMETERS.

    Lattice parameters are ``celldm(1)`` to ``celldm(6)``, or ``A``, ``B``, ``C``, ``cosAB``, ``cosAC``, ``cosBC``.

    Raises
    ------
    InputError
        If it is no input of pw.x, or its lattice is given otherwise.
    """
    from ase.io import espresso

    reader: Any = espresso  # untyped
    with understanding(where, "an input of pw.x"):
        sections, lines = reader.read_fortran_namelist(text.splitlines(keepends=True))
        system: Mapping[str, Any] = sections.get("system", {})
        cards = read_cards(lines, where)
        if "ATOMIC_POSITIONS" not in cards or "nat" not in system:
            raise InputError(f"{where}: holds no atoms; an input of pw.x has nat and ATOMIC_POSITIONS")
        isolated = str(system.get("assume_isolated", "none")).strip().lower()
        if isolated not in ("", "none"):
            raise InputError(f"{where}: is no crystal in three dimensions (assume_isolated {isolated[:20]!r})")
        cell, scale = _lattice(system, cards.get("CELL_PARAMETERS"), where)
        if not abs(np.linalg.det(cell)) > 1e-3:
            raise InputError(f"{where}: has no lattice; the three lattice vectors must span a volume")
        labels, positions = positions_of_card(cards["ATOMIC_POSITIONS"], int(system["nat"]), cell, scale, where)
        species, doubts = _species(labels, cards.get("ATOMIC_SPECIES"), where)
    return make_crystal(cell, species, positions, where, doubts)


def _species(labels: Sequence[str], card: Card | None, where: str) -> tuple[list[str], list[str]]:
    """Return the element of each label such as ``Fe1``, and doubts where the masses of its species say other things.

    Raises
    ------
    InputError
        If a label is no species, or its mass is that of the element of its first letter: ``CA`` of 12.01.
    """
    symbols = {label: re.sub(r"[^A-Za-z].*$", "", label).capitalize() for label in labels}
    if card is None:
        return [symbols[label] for label in labels], []
    masses = {
        row[0].lower(): floats(row[1:], 1, f"{where}: mass of {row[0][:20]}")[0] if len(row) > 1 else 0.0
        for row in card.rows
    }
    doubts = []
    for label, symbol in symbols.items():
        mass = masses.get(label.lower(), masses.get(symbol.lower()))
        if mass is None:
            raise InputError(f"{where}: atom {label[:20]} is not among ATOMIC_SPECIES; add it, or mend its label")
        known, shorter = (MASSES[NUMBERS[name]] if name in NUMBERS else 0.0 for name in (symbol, symbol[:1]))
        if not mass > 0 or not known or abs(mass / known - 1) < MASS_TOLERANCE or symbol in ("H", *ISOTOPES):
            continue
        if shorter and abs(mass / shorter - 1) < MASS_TOLERANCE:
            raise InputError(
                f"{where}: {label[:20]} is {symbol} by its label and {symbol[:1]} by its mass of {mass:g}; "
                f"write {symbol[:1]}1 for another kind of {symbol[:1]}"
            )
        doubts.append(f"{label[:20]} has a mass of {mass:g}, {symbol} one of {known:.4g}; the label is believed")
    return [symbols[label] for label in labels], doubts


def _lattice(system: Mapping[str, Any], card: Card | None, where: str) -> tuple[FloatArray, float]:
    """Return the lattice vectors and the lattice parameter in angstrom."""
    if "ibrav" not in system:
        advice = "give all atoms and the lattice by ibrav" if "space_group" in system else "give the lattice"
        raise InputError(f"{where}: has no ibrav; {advice}")
    try:
        ibrav = int(system["ibrav"])
        parameters = lattice_parameters(system)
        if ibrav == 0:
            if card is None:
                raise ValueError("ibrav is 0, and there are no CELL_PARAMETERS")
            return cell_of_card(card, parameters[0], where)
        if parameters[0] == 0:
            raise ValueError("neither celldm(1) nor A gives the lattice parameter")
        if card is not None:
            raise ValueError(f"ibrav {ibrav} and CELL_PARAMETERS are both given; pw.x takes one")
        return parameters[0] * lattice_vectors(ibrav, *parameters[1:]), parameters[0]
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: its lattice cannot be read: {error}") from error


def lattice_parameters(system: Mapping[str, Any]) -> tuple[float, float, float, float, float, float]:
    """Return a (angstrom, 0 where it is not given), b/a, c/a and the cosines of bc, ac and ab, 0 where not given.

    ``celldm(4)`` is the cosine of the one angle a lattice type has, but for the triclinic one and those of the unique
    axis b (documentation of pw.x).

    Parameters
    ----------
    system
        The namelist SYSTEM, keys in lower case.

    Raises
    ------
    ValueError
        If both ways are mixed, or a number is none.
    """
    ibrav = int(system["ibrav"])
    dimensions = [float(system.get(f"celldm({n})", 0.0)) for n in range(1, 7)]
    if not any(dimensions):
        a, b, c, *cosines = (float(system.get(key, 0.0)) for key in ("a", "b", "c", "cosbc", "cosac", "cosab"))
        if a == 0:
            return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        bc, ac, ab = cosines
        return a, b / a, c / a, bc, ac, ab
    if any(key in system for key in ("a", "b", "c")):
        raise ValueError("celldm and A, B, C are both given; pw.x takes one")
    a, b, c, *cosines = dimensions
    bc, ac, ab = cosines if ibrav == 14 or ibrav in UNIQUE_B else (0.0, 0.0, cosines[0])
    return a * BOHR, b, c, bc, ac, ab


def lattice_vectors(ibrav: int, b: float, c: float, bc: float, ac: float, ab: float) -> FloatArray:
    """Return pw.x's lattice vectors as rows, in units of the first lattice parameter.

    Parameters
    ----------
    ibrav
        Lattice type of pw.x's documentation.
    b, c
        Second and third lattice parameter over the first.
    bc, ac, ab
        Cosines of the angles between the lattice parameters; the trigonal angle is `ab`.

    Raises
    ------
    ValueError
        If the lattice type is unknown, or a parameter it needs is missing or makes no lattice.
    """
    if (ibrav in NEEDS_B and not b > 0) or (ibrav in NEEDS_C and not c > 0):
        raise ValueError(f"the lattice of ibrav {ibrav} needs {'b' if ibrav in NEEDS_B and not b > 0 else 'c'}")
    if max(abs(bc), abs(ac), abs(ab)) >= 1:
        raise ValueError(f"cosines of its angles are between -1 and 1; got {bc:g}, {ac:g}, {ab:g}")
    sine_ab, sine_ac = np.sqrt(1 - ab**2), np.sqrt(1 - ac**2)
    vectors: dict[int, list[list[float]]] = {
        1: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        2: [[-0.5, 0, 0.5], [0, 0.5, 0.5], [-0.5, 0.5, 0]],
        3: [[0.5, 0.5, 0.5], [-0.5, 0.5, 0.5], [-0.5, -0.5, 0.5]],
        -3: [[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]],
        4: [[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, c]],
        6: [[1, 0, 0], [0, 1, 0], [0, 0, c]],
        7: [[0.5, -0.5, c / 2], [0.5, 0.5, c / 2], [-0.5, -0.5, c / 2]],
        8: [[1, 0, 0], [0, b, 0], [0, 0, c]],
        9: [[0.5, b / 2, 0], [-0.5, b / 2, 0], [0, 0, c]],
        -9: [[0.5, -b / 2, 0], [0.5, b / 2, 0], [0, 0, c]],
        91: [[1, 0, 0], [0, b / 2, -c / 2], [0, b / 2, c / 2]],
        10: [[0.5, 0, c / 2], [0.5, b / 2, 0], [0, b / 2, c / 2]],
        11: [[0.5, b / 2, c / 2], [-0.5, b / 2, c / 2], [-0.5, -b / 2, c / 2]],
        12: [[1, 0, 0], [b * ab, b * sine_ab, 0], [0, 0, c]],
        -12: [[1, 0, 0], [0, b, 0], [c * ac, 0, c * sine_ac]],
        13: [[0.5, 0, -c / 2], [b * ab, b * sine_ab, 0], [0.5, 0, c / 2]],
        -13: [[0.5, b / 2, 0], [-0.5, b / 2, 0], [c * ac, 0, c * sine_ac]],
    }
    if ibrav in (5, -5):
        return _trigonal(ibrav, ab)
    if ibrav == 14:
        height = 1 + 2 * bc * ac * ab - bc**2 - ac**2 - ab**2
        third = [c * ac, c * (bc - ac * ab) / sine_ab, c * np.sqrt(height) / sine_ab]
        vectors[14] = [[1, 0, 0], [b * ab, b * sine_ab, 0], third]
    if ibrav not in vectors:
        raise ValueError(f"ibrav {ibrav} is no lattice type of pw.x")
    return np.array(vectors[ibrav], float)


NEEDS_B = (8, 9, -9, 91, 10, 11, 12, -12, 13, -13, 14)
NEEDS_C = (4, 6, 7, *NEEDS_B)


def _trigonal(ibrav: int, cosine: float) -> FloatArray:
    """Return trigonal vectors with the threefold axis along z (``ibrav`` 5) or along [111] (-5)."""
    x, y, z = np.sqrt((1 - cosine) / 2), np.sqrt((1 - cosine) / 6), np.sqrt((1 + 2 * cosine) / 3)
    if ibrav == 5:
        return np.array([[x, -y, z], [0, 2 * y, z], [-x, -y, z]])
    u, v = z - 2 * np.sqrt(2) * y, z + np.sqrt(2) * y
    return np.asarray(np.array([[u, v, v], [v, u, v], [v, v, u]]) / np.sqrt(3))

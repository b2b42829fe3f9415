"""The cards of an input of pw.x that hold its crystal: CELL_PARAMETERS and ATOMIC_POSITIONS."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import refuse_too_many
from dielectra.errors import InputError
from dielectra.structures.numbers import floats
from dielectra.units import BOHR

NAMES = re.compile(
    r"\s*(ATOMIC_SPECIES|ATOMIC_POSITIONS|K_POINTS|ADDITIONAL_K_POINTS|CELL_PARAMETERS|CONSTRAINTS|OCCUPATIONS|"
    r"ATOMIC_VELOCITIES|ATOMIC_FORCES|SOLVENTS|HUBBARD)\b(.*)",
    re.I,
)
EXPRESSION = re.compile(r"(?:sqrt(?=\()|[\d.+\-*/^()eE])+")
SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
ALAT = re.compile(r"alat\s*=\s*(\S+)")
LONGEST_EXPRESSION = 100


class Card(NamedTuple):
    """A card: what stands behind its name (``alat``, ``crystal``, empty), and the words of each line below."""

    unit: str
    rows: list[list[str]]


def read_cards(lines: Sequence[str], where: str) -> dict[str, Card]:
    """Return the cards of an input by their names in capitals.

    Raises
    ------
    InputError
        If one is there twice.
    """
    found: dict[str, Card] = {}
    rows: list[list[str]] = []
    for line in lines:
        plain = re.split(r"[!#]", line)[0]
        heading = NAMES.fullmatch(plain.rstrip("\n"))
        if heading:
            name, rows = heading[1].upper(), []
            if name in found:
                raise InputError(f"{where}: has {name} twice; keep one")
            found[name] = Card(heading[2].strip(" \t(){}").lower(), rows)
        elif plain.strip():
            rows.append(plain.split())
    return found


def cell_of_card(card: Card, scale: float, where: str) -> tuple[FloatArray, float]:
    """Return the lattice vectors in angstrom, and the unit of ``alat``, which is the first vector's length by default.

    Parameters
    ----------
    scale
        Lattice parameter that the namelist gives, angstrom; 0 where it gives none.
    """
    if len(card.rows) < 3:
        raise InputError(f"{where}: CELL_PARAMETERS has {len(card.rows)} vectors; a lattice has 3")
    vectors = np.array([_numbers(row, f"{where}: vector {n} of the cell") for n, row in enumerate(card.rows[:3], 1)])
    unit = re.split(r"[\s=]", card.unit)[0] or ("alat" if scale else "bohr")
    if stated := ALAT.fullmatch(card.unit):  # as pw.x prints it
        scale = floats([stated[1]], 1, f"{where}: alat")[0] * BOHR
    if unit == "alat" and not scale:
        raise InputError(f"{where}: CELL_PARAMETERS in alat need celldm(1) or A")
    if unit not in ("alat", "bohr", "angstrom"):
        raise InputError(f"{where}: CELL_PARAMETERS in {unit[:20]!r}; units are alat, bohr and angstrom")
    if unit != "alat" and scale:
        raise InputError(f"{where}: CELL_PARAMETERS in {unit} and a lattice parameter in &SYSTEM; pw.x takes one")
    cell = vectors * {"alat": scale, "bohr": BOHR, "angstrom": 1.0}[unit]
    return cell, scale or float(np.linalg.norm(cell[0]))


def positions_of_card(
    card: Card, n_atoms: int, cell: FloatArray, scale: float, where: str
) -> tuple[list[str], FloatArray]:
    """Return the labels of the atoms and their fractional coordinates, shape ``(n_atoms, 3)``.

    Raises
    ------
    InputError
        If their number is not `n_atoms`, a coordinate is no number, or their unit is unknown.
    """
    unit = card.unit.split()[0] if card.unit else "alat"
    matrices = {
        "alat": scale * np.linalg.inv(cell),
        "bohr": BOHR * np.linalg.inv(cell),
        "angstrom": np.linalg.inv(cell),
        "crystal": np.eye(3),
    }
    if unit not in matrices:
        raise InputError(f"{where}: ATOMIC_POSITIONS in {unit[:20]!r}; give all atoms, in {', '.join(matrices)}")
    refuse_too_many(n_atoms, where)
    if len(card.rows) != n_atoms or n_atoms == 0:
        raise InputError(f"{where}: ATOMIC_POSITIONS lists {len(card.rows)} atoms, nat is {n_atoms}; mend either")
    rows = [_numbers(row[1:], f"{where}: atom {n} ({row[0][:20]})") for n, row in enumerate(card.rows, 1)]
    return [row[0] for row in card.rows], np.array(rows) @ matrices[unit]


def _numbers(words: Sequence[str], what: str) -> list[float]:
    """Return three numbers, each of which may be an expression such as ``1/3`` or ``0.5*sqrt(3)``."""
    return floats([_evaluated(word) for word in words[:3]], 3, what)


def _evaluated(word: str) -> str:
    """Return the value of an expression as a word; other words as they are."""
    plain = re.sub(r"(?<=[\d.])[dD](?=[\d+-])", "e", word)
    if len(word) > LONGEST_EXPRESSION or not EXPRESSION.fullmatch(plain):
        return word
    try:
        return repr(_value(ast.parse(plain.replace("^", "**"), mode="eval").body))
    except (ValueError, SyntaxError, ArithmeticError, TypeError):
        return word


def _value(node: ast.expr) -> float:
    """Evaluate numbers, the four operations, powers and square roots."""
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]  # the expression has numbers only
    if isinstance(node, ast.UnaryOp):
        return SIGNS[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp):
        return OPERATIONS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return math.sqrt(_value(node.args[0]))
    raise ValueError(f"{ast.dump(node)[:40]} is no expression of numbers")

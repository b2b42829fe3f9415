"""Read ``vasprun.xml`` of VASP: its dielectric functions and its crystal."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.files import reading
from dielectra.importing.vasp_responses import SETTINGS, Block, Run, make_block, make_run, open_file, table_of

HEAVY = ("eigenvalues", "projected", "dos", "scstep", "dynmat", "kpoints", "varray")
"""Elements that are dropped as soon as they are read: they may be a thousand times larger than the rest."""

HEADER = ("generator", "incar", "atominfo")


def read_vasprun(path: Path) -> Run:
    """Read ``vasprun.xml``, gzipped or not. Of one that is cut off what stands whole is read.

    Raises
    ------
    InputError
        If it cannot be read, or is no XML of VASP.
    """
    blocks: list[Block] = []
    problems: list[str] = []
    settings: dict[str, str] = {}
    species: list[str] = []
    structure: tuple[list[list[str]], list[list[str]]] | None = None
    seen = False
    try:
        with reading(path), open_file(path) as file:
            for _, element in ET.iterparse(file, events=("end",)):  # noqa: S314  (expat bounds its entities)
                seen = seen or element.tag in HEADER
                if element.tag == "i" and element.get("name") in ("version", *SETTINGS):
                    settings[str(element.get("name"))] = (element.text or "").strip()
                elif element.tag == "dielectricfunction":
                    _add_block(element, blocks, problems)
                elif element.tag == "atominfo":
                    species = [
                        (row.findtext("c") or "").strip() for row in element.iterfind("array[@name='atoms']//rc")
                    ]
                elif element.tag == "structure":
                    structure = _rows(element, "basis"), _rows(element, "positions")
                if element.tag in (*HEAVY, "dielectricfunction", "structure") and not _inside_structure(element):
                    element.clear()
    except ET.ParseError as error:
        if not blocks:
            raise InputError(f"{path}: not a whole XML file ({error}); did the run end?") from error
        problems.append(f"cut off ({error}); what stands before was read")
    if not seen:
        raise InputError(f"{path}: is no vasprun.xml")
    crystal = _crystal(structure, species, path) if structure is not None else None
    return make_run(blocks, settings.get("version", ""), settings, problems, crystal)


def _inside_structure(element: ET.Element) -> bool:
    return element.tag == "varray" and element.get("name") in ("basis", "positions")


def _rows(structure: ET.Element, name: str) -> list[list[str]]:
    return [(row.text or "").split() for row in structure.iterfind(f".//varray[@name='{name}']/v")]


def _crystal(structure: tuple[list[list[str]], list[list[str]]], species: list[str], path: Path) -> Crystal:
    basis, positions = structure
    return make_crystal(basis, species, positions, str(path))


def _add_block(element: ET.Element, blocks: list[Block], problems: list[str]) -> None:
    comment = (element.get("comment") or "").strip()
    try:
        blocks.append(make_block(comment, _table(element.find("real")), _table(element.find("imag"))))
    except InputError as error:
        problems.append(f"response {comment or 'without a name'!r}: {error}")


def _table(part: ET.Element | None) -> FloatArray | None:
    """Return energy and six components of every row; None where the part is missing."""
    if part is None:
        return None
    fields = [(field.text or "").strip().lower() for field in part.iter("field")]
    if fields and fields[1:7] != ["xx", "yy", "zz", "xy", "yz", "zx"]:
        raise InputError(f"its columns are {', '.join(fields)}; VASP's are energy, xx, yy, zz, xy, yz, zx")
    return table_of((row.text or "").split() for row in part.iter("r"))

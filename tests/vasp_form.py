"""Write files in VASP's form, as versions 5.4, 6.3 and 6.4 write them, with numbers that the tests choose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dielectra.crystal import Crystal

ENERGIES = np.linspace(0.0, 20.0, 41)
DENSITY, CURRENT = "density-density", "current-current"
HEAD = "HEAD OF MICROSCOPIC DIELECTRIC TENSOR (INDEPENDENT PARTICLE)"
RPA = "INVERSE MACROSCOPIC DIELECTRIC TENSOR (including local field effects in RPA (Hartree))"
DFT = "INVERSE MACROSCOPIC DIELECTRIC TENSOR (test charge-test charge, local field effects in DFT)"
ENERGY = "".join(f'<i name="{name}"> -1.0 </i>' for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy"))
ENERGY = f"<energy>{ENERGY}</energy>"
REDUCIBLE = "1 + v P,  with REDUCIBLE POLARIZABILTY P=P_0 (1 -(v+f) P_0)^-1"


class Response(NamedTuple):
    """One response as the file has it: its name, and six components in VASP's order, ``(6, n)``."""

    comment: str
    real: np.ndarray
    imaginary: np.ndarray


def response(comment: str, seed: int, decimals: int = 4) -> Response:
    """Return numbers without any symmetry, so that no component can be taken for another."""
    dice = np.random.default_rng(seed)
    centres = np.array([5.0, 6.0, 7.0, 8.0, 9.0, 10.0])[:, None] + seed / 10
    weights = np.array([40.0, 35.0, 30.0, 3.0, 2.0, 1.0])[:, None] * dice.uniform(0.9, 1.1, (6, 1))
    eps = weights / (centres**2 - (ENERGIES + 0.1j) ** 2) + np.array([1, 1, 1, 0, 0, 0])[:, None]
    return Response(comment, eps.real.round(decimals), eps.imag.round(decimals))


def write_vasprun(
    path: Path, crystal: Crystal, responses: Sequence[Response], version: str = "6.3.2", **incar: str
) -> Path:
    """Write ``vasprun.xml``."""
    structure = _structure(crystal)
    counts = {symbol: _symbols(crystal).count(symbol) for symbol in dict.fromkeys(_symbols(crystal))}
    kinds = list(counts)
    atoms = "".join(f"<rc><c>{s:2s}</c><c>{kinds.index(s) + 1:4d}</c></rc>\n" for s in _symbols(crystal))
    types = "".join(
        f"<rc><c>{n:4d}</c><c>{s:2s}</c><c>1.0</c><c>1.0</c><c>  PAW_PBE {s} 01Jan2001 </c></rc>\n"
        for s, n in counts.items()
    )
    settings = "".join(f'<i type="string" name="{key}">{value}</i>\n' for key, value in incar.items())
    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
        f'  <i name="program" type="string">vasp </i>\n  <i name="version" type="string">{version}  </i>\n'
        '  <i name="subversion" type="string">complex parallel </i>\n  <i name="platform" type="string">LinuxIFC </i>\n'
        f'  <i name="date" type="string">2023 01 01 </i>\n </generator>\n <incar>\n{settings} </incar>\n'
        ' <kpoints>\n  <generation param="Gamma"><v type="int" name="divisions"> 1 1 1 </v></generation>\n'
        '  <varray name="kpointlist"><v> 0.0 0.0 0.0 </v></varray><varray name="weights"><v> 1.0 </v></varray>'
        "\n </kpoints>\n"
        ' <parameters><separator name="electronic"><i name="CSHIFT">      0.10000000</i>'
        '<i type="int" name="NELM">60</i><i type="int" name="NSW">0</i><i type="int" name="IBRION">-1</i>'
        "</separator></parameters>\n"
        f" <atominfo>\n  <atoms> {crystal.n_atoms} </atoms>\n  <types> {len(kinds)} </types>\n"
        '  <array name="atoms"><dimension dim="1">ion</dimension><field type="string">element</field>'
        f'<field type="int">atomtype</field><set>\n{atoms}</set></array>\n'
        '  <array name="atomtypes"><dimension dim="1">type</dimension><field type="int">atomspertype</field>'
        '<field type="string">element</field><field>mass</field><field>valence</field>'
        f'<field type="string">pseudopotential</field><set>\n{types}</set></array>\n </atominfo>\n'
        f' <structure name="initialpos">{structure}</structure>\n <calculation>\n'
        f" <scstep>{ENERGY}</scstep>\n <structure>{structure}</structure>\n"
        f' <varray name="forces">{"<v> 0.0 0.0 0.0 </v>" * crystal.n_atoms}</varray>\n'
        f" {ENERGY}\n{''.join(map(_xml_response, responses))} </calculation>\n"
        f' <structure name="finalpos">{structure}</structure>\n</modeling>\n'
    )
    return path


def write_outcar(path: Path, crystal: Crystal, responses: Sequence[Response], version: str = "6.3.2") -> Path:
    """Write the parts of ``OUTCAR`` that say version, crystal and response."""
    symbols = _symbols(crystal)
    counts = {symbol: symbols.count(symbol) for symbol in dict.fromkeys(symbols)}
    lines = [f" vasp.{version} 27Jun22 (build Jul 04 2022 11:47:50) complex", ""]
    for symbol in counts:
        lines += [f" POTCAR:    PAW_PBE {symbol} 01Jan2001", f"   VRHFIN ={symbol}: s2p2"]
    lines += [
        f"   ions per type =         {'   '.join(map(str, counts.values()))}",
        "   CSHIFT =0.1000    complex shift",
    ]
    lines += [
        " volume of cell :       40.58",
        "      direct lattice vectors                 reciprocal lattice vectors",
    ]
    reciprocal = np.linalg.inv(crystal.cell).T
    lines += [
        "".join(f"{x:13.9f}" for x in (*row, *other)) for row, other in zip(crystal.cell, reciprocal, strict=True)
    ]
    lines += ["", " position of ions in fractional coordinates (direct lattice) "]
    lines += [" " + "".join(f"{x:12.8f}" for x in row) for row in crystal.frac_coords]
    lines += [""]
    for entry in responses:
        for kind, values in (("IMAGINARY", entry.imaginary), ("     REAL", entry.real)):
            name = f"(independent particle, no local field effects) {entry.comment}".rstrip()
            lines += [f"  frequency dependent {kind} DIELECTRIC FUNCTION {name}"]
            lines += ["     E(ev)      X         Y         Z        XY        YZ        ZX", f"  {'-' * 86}"]
            lines += ["".join(f"{x:12.6f}" for x in row) for row in np.column_stack([ENERGIES, values.T])]
            lines += [" ", ""]
    path.write_text("\n".join(lines) + "\n")
    return path


def _symbols(crystal: Crystal) -> list[str]:
    from ase.data import chemical_symbols

    return [chemical_symbols[number] for number in crystal.numbers]


def _structure(crystal: Crystal) -> str:
    rows = "".join("<v>" + "".join(f"{x:17.8f}" for x in row) + " </v>\n" for row in crystal.cell)
    places = "".join("<v>" + "".join(f"{x:17.8f}" for x in row) + " </v>\n" for row in crystal.frac_coords)
    rec = "".join("<v>" + "".join(f"{x:17.8f}" for x in row) + " </v>\n" for row in np.linalg.inv(crystal.cell).T)
    return (
        f'<crystal><varray name="basis">\n{rows}</varray><i name="volume"> {crystal.volume:.8f} </i>'
        f'<varray name="rec_basis">\n{rec}</varray></crystal><varray name="positions">\n{places}</varray>'
    )


def _xml_response(entry: Response) -> str:
    fields = "".join(f"<field>{name}</field>" for name in ("energy", "xx", "yy", "zz", "xy", "yz", "zx"))
    comment = f' comment="{entry.comment}"' if entry.comment else ""
    parts = []
    for name, values in (("imag", entry.imaginary), ("real", entry.real)):
        table = np.column_stack([ENERGIES, values.T])
        rows = "".join("<r>" + "".join(f"{x:10.4f} " for x in row) + "</r>\n" for row in table)
        dimension = '<dimension dim="1">gridpoints</dimension>'
        parts.append(f"<{name}><array>{dimension}{fields}<set>\n{rows}</set></array></{name}>\n")
    return f"<dielectricfunction{comment}>\n{''.join(parts)}</dielectricfunction>\n"

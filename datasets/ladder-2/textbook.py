"""Crystals that people try first, by prototype, with measured lattice constants in angstrom from standard tables.

Sources: Madelung, Semiconductors: Data Handbook (Springer, 2004); Wyckoff, Crystal Structures (Wiley, 1963); CRC
Handbook of Chemistry and Physics. Lattice constants are facts and carry no licence.
"""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

CUBIC = {
    "diamond": "C 3.567 Si 5.431 Ge 5.658",
    "zincblende": "BN 3.616 BP 4.538 BAs 4.777 AlP 5.467 AlAs 5.661 AlSb 6.136 GaN 4.52 GaP 5.451 GaAs 5.653 "
    "GaSb 6.096 "
    "InP 5.869 InAs 6.058 InSb 6.479 SiC 4.360 ZnO 4.62 ZnS 5.409 ZnSe 5.668 ZnTe 6.104 CdS 5.832 CdSe "
    "6.077 CdTe 6.482 HgS 5.852 CuCl 5.416 CuBr 5.691 CuI 6.043 AgI 6.495 BeS 4.870 BeSe 5.139 BeTe 5.626 "
    "MgS 5.622 MgSe 5.91 MgTe 6.42",
    "rocksalt": "LiH 4.084 LiF 4.026 LiCl 5.140 LiBr 5.501 LiI 6.00 NaF 4.634 NaCl 5.640 NaBr 5.973 NaI 6.473 KF "
    "5.344 KCl 6.293 KBr 6.600 KI 7.066 RbF 5.652 RbCl 6.581 RbBr 6.889 RbI 7.342 CsF 6.014 AgF 4.936 "
    "AgCl 5.550 AgBr 5.775 MgO 4.212 CaO 4.811 SrO 5.160 BaO 5.539 CdO 4.695 MgS 5.203 CaS 5.695 SrS "
    "6.024 BaS 6.387 MgSe 5.463 CaSe 5.916 SrSe 6.246 BaSe 6.593 CaTe 6.356 SrTe 6.660 BaTe 7.005 PbS "
    "5.936 PbSe 6.124 PbTe 6.462 SnTe 6.327 ScN 4.501 YN 4.877 LaN 5.305 NaH 4.880 KH 5.708",
    "cesiumchloride": "CsCl 4.123 CsBr 4.286 CsI 4.567 TlCl 3.834 TlBr 3.985 TlI 4.198",
}
WURTZITE = (
    "AlN 3.112 4.982 .382 GaN 3.189 5.186 .377 InN 3.538 5.703 .379 ZnO 3.250 5.207 .382 ZnS 3.823 6.261 .375 "
    "CdS 4.136 6.714 .377 CdSe 4.299 7.011 .376 BeO 2.698 4.377 .378 SiC 3.076 5.048 .376 AgI 4.592 7.510 .375 "
    "CuCl 3.910 6.420 .375 MgTe 4.548 7.390 .375 BN 2.553 4.228 .375"
)
FLUORITE = (
    "CaF2 5.463 SrF2 5.800 BaF2 6.200 CdF2 5.388 PbF2 5.940 SrCl2 6.977 BaCl2 7.311 CeO2 5.411 ZrO2 5.07 HfO2 5.08 "
    "Li2O 4.619 Na2O 5.560 K2O 6.449 Rb2O 6.755 Li2S 5.720 Na2S 6.539 K2S 7.406 Li2Se 6.002 Na2Se 6.825 K2Se 7.692 "
    "Li2Te 6.517 Na2Te 7.329 K2Te 8.168 Be2C 4.342 Mg2Si 6.351 Mg2Ge 6.393 Mg2Sn 6.763 HgF2 5.54"
)
RUTILE = (
    "TiO2 4.594 2.959 .305 SnO2 4.737 3.186 .307 GeO2 4.395 2.860 .306 SiO2 4.179 2.665 .306 PbO2 4.955 3.383 .309 "
    "MgF2 4.621 3.052 .303 ZnF2 4.703 3.134 .303 MgH2 4.517 3.020 .304 PdF2 4.956 3.389 .305 TeO2 4.79 3.77 .30"
)
PEROVSKITE = (
    "SrTiO3 3.905 BaTiO3 4.000 CaTiO3 3.840 PbTiO3 3.97 SrZrO3 4.109 BaZrO3 4.193 BaHfO3 4.171 SrHfO3 4.09 PbZrO3 4.16 "
    "KTaO3 3.989 KNbO3 4.021 NaTaO3 3.929 NaNbO3 3.949 BaSnO3 4.116 SrSnO3 4.035 LaAlO3 3.79 YAlO3 3.68 LaGaO3 3.89 "
    "LaScO3 4.05 LaLuO3 4.19 KMgF3 3.989 NaMgF3 3.955 KZnF3 4.055 RbMgF3 4.08 KCaF3 4.37 RbCaF3 4.455 CsCaF3 4.523 "
    "CsCdF3 4.465 RbCdF3 4.399 KCdF3 4.293 LiBaF3 3.996 CsPbCl3 5.605 CsPbBr3 5.874 CsPbI3 6.289 CsSnCl3 5.56 "
    "CsSnBr3 5.80 CsSnI3 6.219 CsGeCl3 5.434 CsGeBr3 5.60 CsCaCl3 5.396 CsSrCl3 5.62 RbPbF3 4.79 CsPbF3 4.80"
)
CORUNDUM = (
    "Al2O3 4.759 12.991 .3522 .3062 Ga2O3 4.983 13.433 .3556 .3074 In2O3 5.487 14.510 .3576 .298 "
    "Rh2O3 5.108 13.81 .348 .295 Lu2O3 5.44 13.9 .355 .305 Sc2O3 5.17 13.7 .355 .305"
)
CHALCOPYRITE = (
    "CuAlS2 5.334 10.444 .275 CuGaS2 5.347 10.474 .2539 CuInS2 5.523 11.133 .2295 CuAlSe2 5.602 10.946 .269 "
    "CuGaSe2 5.614 11.022 .259 CuInSe2 5.784 11.616 .231 AgGaS2 5.757 10.304 .291 AgGaSe2 5.985 10.904 .276 "
    "AgInSe2 6.104 11.714 .260 ZnSiP2 5.399 10.435 .2691 ZnGeP2 5.465 10.771 .2582 ZnSnP2 5.651 11.302 .239 "
    "CdSiP2 5.678 10.431 .2967 CdGeP2 5.741 10.775 .2819 ZnSiAs2 5.606 10.890 .2658 ZnGeAs2 5.672 11.153 .2500 "
    "CdGeAs2 5.945 11.217 .2785 CdSnP2 5.900 11.518 .265 AgAlS2 5.695 10.26 .29 CuInTe2 6.179 12.36 .225"
)
LAYERED = (  # CdI2 prototype: a, c, height of the anion
    "ZrS2 3.662 5.813 .25 HfS2 3.635 5.837 .25 ZrSe2 3.770 6.138 .25 HfSe2 3.748 6.159 .25 SnS2 3.648 5.899 .25 "
    "SnSe2 3.811 6.137 .25 PtS2 3.543 5.039 .25 PtSe2 3.728 5.081 .255 CdI2 4.240 6.835 .25 PbI2 4.557 6.979 .265 "
    "MgCl2 3.636 5.927 .25 MgBr2 3.81 6.26 .25 MgI2 4.14 6.88 .25 CaI2 4.48 6.96 .25 ZnI2 4.25 6.54 .25"
)
MOLYBDENITE = (
    "MoS2 3.160 12.294 .621 MoSe2 3.288 12.900 .621 MoTe2 3.519 13.964 .621 "
    "WS2 3.153 12.323 .6225 WSe2 3.282 12.937 .621"
)
OTHERS = {  # symbols, positions, space group, a b c alpha beta gamma
    "TiO2-anatase": ("Ti O", [(0, 0, 0), (0, 0, 0.2081)], 141, (3.785, 3.785, 9.514, 90, 90, 90)),
    "SiO2-quartz": ("Si O", [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.7858)], 152, (4.913, 4.913, 5.405, 90, 90, 120)),
    "GeO2-quartz": ("Ge O", [(0.4513, 0, 1 / 3), (0.397, 0.302, 0.7576)], 152, (4.987, 4.987, 5.652, 90, 90, 120)),
    "SiO2-cristobalite": ("Si O", [(0, 0, 0), (0.125, 0.125, 0.125)], 227, (7.16, 7.16, 7.16, 90, 90, 90)),
    "BN-hexagonal": ("B N", [(1 / 3, 2 / 3, 0.25), (1 / 3, 2 / 3, 0.75)], 194, (2.504, 2.504, 6.661, 90, 90, 120)),
    "Se-trigonal": ("Se", [(0.2254, 0, 1 / 3)], 152, (4.368, 4.368, 4.958, 90, 90, 120)),
    "Te-trigonal": ("Te", [(0.2636, 0, 1 / 3)], 152, (4.457, 4.457, 5.929, 90, 90, 120)),
    "P-black": ("P", [(0, 0.1017, 0.0808)], 64, (3.3136, 10.478, 4.3763, 90, 90, 90)),
    "Cu2O": ("Cu O", [(0, 0, 0), (0.25, 0.25, 0.25)], 224, (4.270, 4.270, 4.270, 90, 90, 90)),
    "Ag2O": ("Ag O", [(0, 0, 0), (0.25, 0.25, 0.25)], 224, (4.728, 4.728, 4.728, 90, 90, 90)),
    "PbO-litharge": ("Pb O", [(0, 0.5, 0.2345), (0, 0, 0)], 129, (3.976, 3.976, 5.023, 90, 90, 90)),
    "SnO-litharge": ("Sn O", [(0, 0.5, 0.2383), (0, 0, 0)], 129, (3.803, 3.803, 4.838, 90, 90, 90)),
    "Bi2Te3": ("Bi Te Te", [(0, 0, 0.4), (0, 0, 0), (0, 0, 0.2097)], 166, (4.386, 4.386, 30.497, 90, 90, 120)),
    "Bi2Se3": ("Bi Se Se", [(0, 0, 0.3985), (0, 0, 0), (0, 0, 0.2115)], 166, (4.138, 4.138, 28.64, 90, 90, 120)),
    "Sb2Te3": ("Sb Te Te", [(0, 0, 0.3988), (0, 0, 0), (0, 0, 0.2128)], 166, (4.264, 4.264, 30.458, 90, 90, 120)),
    "CuAlO2": ("Cu Al O", [(0, 0, 0), (0, 0, 0.5), (0, 0, 0.1099)], 166, (2.858, 2.858, 16.958, 90, 90, 120)),
    "CuGaO2": ("Cu Ga O", [(0, 0, 0), (0, 0, 0.5), (0, 0, 0.1073)], 166, (2.977, 2.977, 17.171, 90, 90, 120)),
    "AgAlO2": ("Ag Al O", [(0, 0, 0), (0, 0, 0.5), (0, 0, 0.117)], 166, (2.890, 2.890, 18.27, 90, 90, 120)),
    "LiNbO3": (
        "Nb Li O",
        [(0, 0, 0), (0, 0, 0.2787), (0.0492, 0.3446, 0.0647)],
        161,
        (5.148, 5.148, 13.863, 90, 90, 120),
    ),
    "LiTaO3": (
        "Ta Li O",
        [(0, 0, 0), (0, 0, 0.279), (0.0492, 0.3436, 0.0687)],
        161,
        (5.154, 5.154, 13.784, 90, 90, 120),
    ),
    "CaCO3-calcite": ("Ca C O", [(0, 0, 0), (0, 0, 0.25), (0.2568, 0, 0.25)], 167, (4.990, 4.990, 17.061, 90, 90, 120)),
    "MgCO3": ("Mg C O", [(0, 0, 0), (0, 0, 0.25), (0.2775, 0, 0.25)], 167, (4.633, 4.633, 15.013, 90, 90, 120)),
    "NaNO3": ("Na N O", [(0, 0, 0), (0, 0, 0.25), (0.2450, 0, 0.25)], 167, (5.070, 5.070, 16.82, 90, 90, 120)),
    "La2O3": (
        "La O O",
        [(1 / 3, 2 / 3, 0.2467), (1 / 3, 2 / 3, 0.6471), (0, 0, 0)],
        164,
        (3.937, 3.937, 6.129, 90, 90, 120),
    ),
    "ZrO2-tetragonal": ("Zr O", [(0, 0, 0), (0, 0.5, 0.1855)], 137, (3.64, 3.64, 5.27, 90, 90, 90)),
    "HfO2-tetragonal": ("Hf O", [(0, 0, 0), (0, 0.5, 0.20)], 137, (3.65, 3.65, 5.32, 90, 90, 90)),
    "HgI2": ("Hg I", [(0, 0, 0), (0, 0.5, 0.1389)], 137, (4.370, 4.370, 12.440, 90, 90, 90)),
    "GeS": ("Ge S", [(0.1224, 0.25, 0.1064), (0.8491, 0.25, 0.503)], 62, (10.47, 3.641, 4.299, 90, 90, 90)),
    "SnS": ("Sn S", [(0.1194, 0.25, 0.1198), (0.8508, 0.25, 0.4793)], 62, (11.200, 3.987, 4.334, 90, 90, 90)),
    "GeSe": ("Ge Se", [(0.1213, 0.25, 0.106), (0.8534, 0.25, 0.502)], 62, (10.84, 3.834, 4.39, 90, 90, 90)),
    "GaSe": ("Ga Se", [(1 / 3, 2 / 3, 0.1737), (1 / 3, 2 / 3, 0.602)], 194, (3.755, 3.755, 15.95, 90, 90, 120)),
    "GaS": ("Ga S", [(1 / 3, 2 / 3, 0.1710), (1 / 3, 2 / 3, 0.602)], 194, (3.587, 3.587, 15.492, 90, 90, 120)),
    "FeS2-pyrite": ("Fe S", [(0, 0, 0), (0.3848, 0.3848, 0.3848)], 205, (5.416, 5.416, 5.416, 90, 90, 90)),
    "BiOCl": ("Bi Cl O", [(0, 0.5, 0.171), (0, 0.5, 0.645), (0, 0, 0)], 129, (3.887, 3.887, 7.354, 90, 90, 90)),
    "AlF3": ("Al F", [(0, 0, 0), (0.4275, 0, 0.25)], 167, (4.931, 4.931, 12.446, 90, 90, 120)),
    "MgAl2O4": (
        "Mg Al O",
        [(0.125, 0.125, 0.125), (0.5, 0.5, 0.5), (0.2624, 0.2624, 0.2624)],
        227,
        (8.083, 8.083, 8.083, 90, 90, 90),
    ),
    "ReO3-WO3": ("W O", [(0, 0, 0), (0.5, 0, 0)], 221, (3.78, 3.78, 3.78, 90, 90, 90)),
    "ScF3": ("Sc F", [(0, 0, 0), (0.5, 0, 0)], 221, (4.017, 4.017, 4.017, 90, 90, 90)),
    "Cu3N": ("N Cu", [(0, 0, 0), (0.5, 0, 0)], 221, (3.817, 3.817, 3.817, 90, 90, 90)),
}

MEASURED = {  # further compounds with measured optical constants
    "EuS-rocksalt": ("Eu S", [(0, 0, 0), (0.5, 0.5, 0.5)], 225, (5.968, 5.968, 5.968, 90, 90, 90)),
    "Fe2O3-corundum": ("Fe O", [(0, 0, 0.3553), (0.3059, 0, 0.25)], 167, (5.038, 5.038, 13.772, 90, 90, 120)),
    "LaAlO3-rhombohedral": (
        "La Al O",
        [(0, 0, 0.25), (0, 0, 0), (0.5253, 0, 0.25)],
        167,
        (5.365, 5.365, 13.111, 90, 90, 120),
    ),
    "Cs2AgBiBr6-elpasolite": (
        "Cs Ag Bi Br",
        [(0.25, 0.25, 0.25), (0.5, 0.5, 0.5), (0, 0, 0), (0.2506, 0, 0)],
        225,
        (11.271, 11.271, 11.271, 90, 90, 90),
    ),
}


def measured_crystals() -> Iterator[tuple[str, Atoms]]:
    """Yield the textbook crystals and further ones that were measured; ladder-2's pool holds the former only."""
    yield from textbook_crystals()
    for name, (symbols, sites, group, lattice) in MEASURED.items():
        yield f"tb-{name}", _place(symbols.split(), sites, group, lattice)


def textbook_crystals() -> Iterator[tuple[str, Atoms]]:
    """Yield a name, such as ``tb-GaAs-zincblende``, and the primitive cell of every crystal."""
    for prototype, table in CUBIC.items():
        for formula, a in _rows(table, 1):
            yield f"tb-{formula}-{prototype}", bulk(formula, prototype, a=a)
    for formula, a, c, u in _rows(WURTZITE, 3):
        yield f"tb-{formula}-wurtzite", bulk(formula, "wurtzite", a=a, c=c, u=u)
    for formula, a in _rows(FLUORITE, 1):
        yield f"tb-{formula}-fluorite", _fluorite(formula, a)
    for formula, a, c, x in _rows(RUTILE, 3):
        yield f"tb-{formula}-rutile", _place(_kinds(formula), [(0, 0, 0), (x, x, 0)], 136, (a, a, c, 90, 90, 90))
    for formula, a in _rows(PEROVSKITE, 1):
        sites = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)]
        symbols = _kinds(formula)
        if formula == "LiBaF3":  # inverse perovskite: the small ion is in the octahedron
            symbols = [symbols[1], symbols[0], symbols[2]]
        yield f"tb-{formula}-perovskite", _place(symbols, sites, 221, (a, a, a, 90, 90, 90))
    for formula, a, c, z, x in _rows(CORUNDUM, 4):
        yield f"tb-{formula}-corundum", _place(_kinds(formula), [(0, 0, z), (x, 0, 0.25)], 167, (a, a, c, 90, 90, 120))
    for formula, a, c, x in _rows(CHALCOPYRITE, 3):
        sites = [(0, 0, 0), (0, 0, 0.5), (x, 0.25, 0.125)]
        yield f"tb-{formula}-chalcopyrite", _place(_kinds(formula), sites, 122, (a, a, c, 90, 90, 90))
    for formula, a, c, z in _rows(LAYERED, 3):
        sites = [(0, 0, 0), (1 / 3, 2 / 3, z)]
        yield f"tb-{formula}-layered", _place(_kinds(formula), sites, 164, (a, a, c, 90, 90, 120))
    for formula, a, c, z in _rows(MOLYBDENITE, 3):
        sites = [(1 / 3, 2 / 3, 0.25), (1 / 3, 2 / 3, z)]
        yield f"tb-{formula}-molybdenite", _place(_kinds(formula), sites, 194, (a, a, c, 90, 90, 120))
    for name, (symbols, sites, group, lattice) in OTHERS.items():
        yield f"tb-{name}", _place(symbols.split(), sites, group, lattice)


def _rows(table: str, n_numbers: int) -> Iterator[tuple]:
    words = table.split()
    for start in range(0, len(words), n_numbers + 1):
        yield words[start], *map(float, words[start + 1 : start + 1 + n_numbers])


def _kinds(formula: str) -> list[str]:
    return list(dict.fromkeys(Atoms(formula).get_chemical_symbols()))


def _fluorite(formula: str, a: float) -> Atoms:
    first, second = _kinds(formula)
    counts = Atoms(formula).get_chemical_symbols()
    single, double = (first, second) if counts.count(first) == 1 else (second, first)
    return _place([single, double], [(0, 0, 0), (0.25, 0.25, 0.25)], 225, (a, a, a, 90, 90, 90))


def _place(symbols: list[str], sites: list[tuple[float, float, float]], group: int, lattice: tuple) -> Atoms:
    setting = 2 if group == 224 or (len(sites) == 3 and group == 227) else 1  # origin at the centre of inversion
    return crystal(symbols, sites, spacegroup=group, setting=setting, cellpar=lattice, primitive_cell=False)

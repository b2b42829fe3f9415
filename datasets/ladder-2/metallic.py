"""Crystals that are likely metals, by prototype: measured lattice constants in angstrom, and intermetallics by rule.

Sources of the constants: Villars, Calvert, Pearson's Handbook (ASM, 1991); Wyckoff, Crystal Structures (Wiley, 1963);
CRC Handbook of Chemistry and Physics; the elements from the reference states of ASE. Lattice constants are facts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, reference_states
from textbook import _kinds, _place, _rows

ELEMENTS = (
    "Li Be Na Mg Al K Ca Sc Ti V Cr Fe Co Ni Cu Zn Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd Cs Ba La Ce Eu Yb Lu Hf Ta "
    "W Re Os Ir Pt Au Tl Pb In"
)
ROCKSALT = (
    "TiC 4.328 ZrC 4.698 HfC 4.639 VC 4.163 NbC 4.470 TaC 4.455 TiN 4.240 ZrN 4.578 HfN 4.525 VN 4.139 NbN 4.392 "
    "TaN 4.33 MoC 4.27 TiO 4.177 ScS 5.190 YS 5.493 LaS 5.854 ScSe 5.398 YSe 5.711 LaSe 6.066 YTe 6.114 LaTe "
    "6.429 ZrS 5.17 PdH 4.09 NiH 3.74 SnAs 5.725 SnSb 6.13 ScP 5.312 ZrP 5.27 LaC 5.3 CeS 5.778 CeN 5.020 WN 4.13 "
    "WC 4.22 MoN 4.20"
)
CAESIUM_CHLORIDE = (
    "NiAl 2.887 CoAl 2.863 FeAl 2.909 RuAl 2.95 PdAl 3.049 IrAl 2.983 RhAl 2.98 TiFe 2.976 TiCo 2.991 TiNi 3.015 "
    "TiRu 3.06 TiOs 3.07 HfRu 3.225 HfCo 3.164 ZrCo 3.196 ZrRu 3.253 ZrOs 3.263 ScRh 3.206 ScCo 3.145 ScNi 3.171 "
    "ScCu 3.256 ScAg 3.412 ScAu 3.370 ScPd 3.283 ScPt 3.268 ScRu 3.203 YCu 3.477 YAg 3.619 YAu 3.559 YRh 3.410 "
    "YZn 3.577 YMg 3.810 LaZn 3.759 LaCd 3.905 LaMg 3.965 LaAg 3.814 CuZn 2.954 CuPd 2.988 CuBe 2.702 NiBe 2.621 "
    "CoBe 2.615 PdBe 2.813 AuZn 3.146 AuCd 3.323 AgZn 3.156 AgCd 3.330 AgMg 3.314 AuMg 3.266 CaTl 3.851 CaHg "
    "3.758 SrCd 4.003 SrHg 3.930 SrTl 4.024 BaCd 4.207 BaHg 4.125 LiAg 3.168 LiHg 3.287 LiTl 3.431 MgHg 3.449 "
    "MgTl 3.635 NiGa 2.885 CoGa 2.880 RhGa 3.010 IrGa 3.004 PdIn 3.246 NiIn 3.099"
)
AUCU3 = (
    "AuCu3 3.748 AlNi3 3.572 TiPt3 3.904 AlZr3 4.372 ScAl3 4.101 YAl3 4.234 GaNi3 3.585 SiNi3 3.506 GeNi3 3.574 "
    "TiCo3 3.614 ScPt3 3.958 ScPd3 3.981 YPd3 4.074 TiRh3 3.823 TiIr3 3.845 ZrRh3 3.926 ZrIr3 3.943 HfRh3 3.911 "
    "HfIr3 3.935 VRh3 3.784 VIr3 3.812 NbRh3 3.857 NbIr3 3.886 TaRh3 3.860 TaIr3 3.886 InPt3 3.992 SnPt3 4.004 "
    "SnPd3 3.976 PbPd3 4.022 PbPt3 4.053 CaPb3 4.901 CaSn3 4.742 CaTl3 4.804 LaSn3 4.769 LaIn3 4.732 LaPb3 4.903 "
    "YIn3 4.594 YPb3 4.815 ScIn3 4.477 NaPb3 4.884 ZrHg3 4.365 TiHg3 4.165"
)
LAVES = (
    "MgCu2 7.034 CaAl2 8.038 YAl2 7.854 ScAl2 7.582 LaAl2 8.148 ZrV2 7.439 ZrMo2 7.596 ZrW2 7.621 HfMo2 7.560 "
    "NaAu2 7.803 BiAu2 7.958 PbAu2 7.927 KBi2 9.501 CaPt2 7.629 YNi2 7.181 YCo2 7.216 ScNi2 6.926 ScCo2 6.921 "
    "LaRu2 7.702 CsBi2 9.746"
)
FLUORITE = (
    "TiH2 4.454 ZrH2 4.780 HfH2 4.708 NbH2 4.566 VH2 4.270 ScH2 4.783 YH2 5.205 LaH2 5.663 CoSi2 5.365 NiSi2 "
    "5.406 AuAl2 5.997 PtAl2 5.922 AuGa2 6.076 AuIn2 6.502 PtGa2 5.923 PtSn2 6.426 PtIn2 6.366"
)
NICKEL_ARSENIDE = (
    "NiAs 3.618 5.034 NiSb 3.938 5.138 PtSn 4.100 5.432 PdSb 4.078 5.593 PtSb 4.126 5.481 PtBi 4.315 5.490 AuSn "
    "4.323 5.523 NiTe 3.957 5.354 CoTe 3.886 5.360 PdTe 4.127 5.663 NiSn 4.048 5.123 IrSb 3.978 5.521 CoSb 3.866 "
    "5.188 RhTe 3.987 5.661"
)
ALUMINIUM_BORIDE = (
    "MgB2 3.086 3.524 AlB2 3.009 3.262 TiB2 3.030 3.230 ZrB2 3.169 3.530 HfB2 3.141 3.470 VB2 2.998 3.057 NbB2 "
    "3.089 3.303 TaB2 3.088 3.241 ScB2 3.146 3.517 YB2 3.298 3.843 CrB2 2.969 3.066 MoB2 3.04 3.06 CaGa2 4.323 "
    "4.323 LaGa2 4.320 4.416 BaGa2 4.432 5.066 SrGa2 4.344 4.732"
)
PEROVSKITE = (
    "SrVO3 3.842 SrRuO3 3.93 SrMoO3 3.975 SrNbO3 4.02 BaMoO3 4.040 CaVO3 3.77 LaNiO3 3.84 SrIrO3 3.94 BaNbO3 4.08 "
    "NaWO3 3.866 KWO3 3.94 LiWO3 3.75"
)
ANTIPEROVSKITE = (  # centre, corner, three on the faces
    "C Mg Ni 3.812 C Al Ti 4.156 N Al Ti 4.112 N In Ti 4.190 C Zn Ni 3.66 N Zn Ni 3.77 C Al Sc 4.480 C In Sc "
    "4.554 N In Sc 4.51 N In La 5.10 C Sn La 5.11 C In La 5.13 B Rh Sc 4.08 C Sn Sc 4.51"
)
HEUSLER = (  # twice, on the corner, at the centre
    "Ni Ti Al 5.865 Co Ti Al 5.848 Ni Zr Sn 6.270 Ni Hf Sn 6.243 Pd Zr Al 6.390 Pd Hf Al 6.367 Cu Ti Al 6.010 Ni "
    "Nb Sn 6.160 Ni V Al 5.80 Ni Ti Sn 6.097 Pd Sc Sn 6.503 Ni Ti In 6.099 Ni Sc Sn 6.28 Cu Sc Al 6.199 Pd Ti In "
    "6.38 Li Cu Si 6.07"
)
RUTILE = (
    "RuO2 4.492 3.107 .306 IrO2 4.505 3.159 .308 OsO2 4.500 3.184 .308 RhO2 4.489 3.090 .306 VO2 4.555 2.853 .300 "
    "MoO2 4.86 2.79 .30 ReO2 4.79 2.81 .30 TaO2 4.709 3.065 .30 NbO2 4.84 2.99 .29 WO2 4.86 2.77 .30"
)
IODIDE = (
    "TiSe2 3.540 6.008 .2555 TiTe2 3.777 6.498 .263 ZrTe2 3.950 6.630 .26 HfTe2 3.949 6.651 .265 VSe2 3.353 6.101 "
    ".257 TaS2 3.365 5.897 .2500 TaSe2 3.477 6.272 .268 NiTe2 3.855 5.265 .25 PdTe2 4.037 5.132 .25 PtTe2 4.026 "
    "5.221 .25 CoTe2 3.804 5.405 .25 IrTe2 3.930 5.393 .25 RhTe2 3.923 5.410 .25 SiTe2 4.289 6.732 .265"
)
MOLYBDENITE = "NbSe2 3.442 12.540 .6172 NbS2 3.324 11.950 .621 TaS2 3.314 12.097 .621 TaSe2 3.436 12.696 .618"
OTHERS = {
    "WC": ("W C", [(0, 0, 0), (1 / 3, 2 / 3, 0.5)], 187, (2.906, 2.906, 2.837, 90, 90, 120)),
    "MoP": ("Mo P", [(0, 0, 0), (1 / 3, 2 / 3, 0.5)], 187, (3.222, 3.222, 3.191, 90, 90, 120)),
    "TaN-WC": ("Ta N", [(0, 0, 0), (1 / 3, 2 / 3, 0.5)], 187, (2.935, 2.935, 2.880, 90, 90, 120)),
    "ReO3": ("Re O", [(0, 0, 0), (0.5, 0, 0)], 221, (3.745, 3.745, 3.745, 90, 90, 90)),
    "NbO": ("Nb O", [(0.5, 0, 0), (0, 0.5, 0.5)], 221, (4.210, 4.210, 4.210, 90, 90, 90)),
    "Sn-white": ("Sn", [(0, 0, 0)], 141, (5.831, 5.831, 3.182, 90, 90, 90)),
    "Ga": ("Ga", [(0, 0.1525, 0.0785)], 64, (4.520, 7.663, 4.526, 90, 90, 90)),
    "MoSi2": ("Mo Si", [(0, 0, 0), (0, 0, 0.333)], 139, (3.202, 3.202, 7.843, 90, 90, 90)),
    "WSi2": ("W Si", [(0, 0, 0), (0, 0, 0.333)], 139, (3.211, 3.211, 7.829, 90, 90, 90)),
    "LaC2": ("La C", [(0, 0, 0), (0, 0, 0.403)], 139, (3.934, 3.934, 6.572, 90, 90, 90)),
    "YC2": ("Y C", [(0, 0, 0), (0, 0, 0.397)], 139, (3.664, 3.664, 6.169, 90, 90, 90)),
    "TiAl": ("Ti Al", [(0, 0, 0), (0.5, 0.5, 0.5)], 123, (2.832, 2.832, 4.070, 90, 90, 90)),
    "CuAu": ("Cu Au", [(0, 0, 0), (0.5, 0.5, 0.5)], 123, (2.800, 2.800, 3.670, 90, 90, 90)),
    "PdZn": ("Pd Zn", [(0, 0, 0), (0.5, 0.5, 0.5)], 123, (2.896, 2.896, 3.346, 90, 90, 90)),
    "LaB6": ("La B", [(0, 0, 0), (0.1993, 0.5, 0.5)], 221, (4.157, 4.157, 4.157, 90, 90, 90)),
    "YB6": ("Y B", [(0, 0, 0), (0.199, 0.5, 0.5)], 221, (4.100, 4.100, 4.100, 90, 90, 90)),
    "LiFeAs": ("Li Fe As", [(0, 0.5, 0.3459), (0, 0, 0), (0, 0.5, 0.7635)], 129, (3.791, 3.791, 6.364, 90, 90, 90)),
    "FeSe": ("Fe Se", [(0, 0, 0), (0, 0.5, 0.2672)], 129, (3.773, 3.773, 5.526, 90, 90, 90)),
    "Nb3Sn": ("Nb Sn", [(0.25, 0, 0.5), (0, 0, 0)], 223, (5.290, 5.290, 5.290, 90, 90, 90)),
    "V3Si": ("V Si", [(0.25, 0, 0.5), (0, 0, 0)], 223, (4.722, 4.722, 4.722, 90, 90, 90)),
    "PdCoO2": ("Pd Co O", [(0, 0, 0), (0, 0, 0.5), (0, 0, 0.1112)], 166, (2.830, 2.830, 17.743, 90, 90, 120)),
    "PtCoO2": ("Pt Co O", [(0, 0, 0), (0, 0, 0.5), (0, 0, 0.114)], 166, (2.823, 2.823, 17.808, 90, 90, 120)),
    "Ti2C": ("C Ti", [(0, 0, 0), (1 / 3, 2 / 3, 0.25)], 164, (3.06, 3.06, 4.80, 90, 90, 120)),
    "Ag2F": ("F Ag", [(0, 0, 0), (1 / 3, 2 / 3, 0.30)], 164, (2.989, 2.989, 5.710, 90, 90, 120)),
    "Ca2N": ("N Ca", [(0, 0, 0), (0, 0, 0.2680)], 166, (3.624, 3.624, 19.100, 90, 90, 120)),
}
ALLOYED = (
    "Li Be Na Mg Al K Ca Sc Ti V Cu Zn Ga Rb Sr Y Zr Nb Mo Ru Rh Pd Ag Cd In Sn Ba La Hf Ta W "
    "Re Os Ir Pt Au Hg Tl Pb Bi"
)
N_ALLOYS = 110
ALLOY_SEED = 1


def measured_metals() -> Iterator[tuple[str, Atoms]]:
    """Yield a name, such as ``me-TiN-rocksalt``, and the cell of every crystal with measured lattice constants."""
    for symbol in ELEMENTS.split():
        state = reference_states[atomic_numbers[symbol]]
        if state and state["symmetry"] in ("fcc", "bcc", "hcp", "bct"):
            yield f"me-{symbol}-{state['symmetry']}", bulk(symbol)
    for formula, a in _rows(ROCKSALT, 1):
        yield f"me-{formula}-rocksalt", bulk(formula, "rocksalt", a=a)
    for formula, a in _rows(CAESIUM_CHLORIDE, 1):
        yield f"me-{formula}-cesiumchloride", bulk(formula, "cesiumchloride", a=a)
    for formula, a in _rows(AUCU3, 1):
        yield f"me-{formula}-AuCu3", _cubic(_kinds(formula), [(0, 0, 0), (0, 0.5, 0.5)], 221, a)
    for formula, a in _rows(LAVES, 1):
        yield f"me-{formula}-Laves", _cubic(_kinds(formula), [(0, 0, 0), (0.625, 0.625, 0.625)], 227, a)
    for formula, a in _rows(FLUORITE, 1):
        yield f"me-{formula}-fluorite", _cubic(_kinds(formula), [(0, 0, 0), (0.25, 0.25, 0.25)], 225, a)
    for formula, a, c in _rows(NICKEL_ARSENIDE, 2):
        sites = [(0, 0, 0), (1 / 3, 2 / 3, 0.25)]
        yield f"me-{formula}-NiAs", _place(_kinds(formula), sites, 194, (a, a, c, 90, 90, 120))
    for formula, a, c in _rows(ALUMINIUM_BORIDE, 2):
        sites = [(0, 0, 0), (1 / 3, 2 / 3, 0.5)]
        yield f"me-{formula}-AlB2", _place(_kinds(formula), sites, 191, (a, a, c, 90, 90, 120))
    for formula, a in _rows(PEROVSKITE, 1):
        sites = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)]
        yield f"me-{formula}-perovskite", _cubic(_kinds(formula), sites, 221, a)
    for formula, a, c, x in _rows(RUTILE, 3):
        yield f"me-{formula}-rutile", _place(_kinds(formula), [(0, 0, 0), (x, x, 0)], 136, (a, a, c, 90, 90, 90))
    for formula, a, c, z in _rows(IODIDE, 3):
        sites = [(0, 0, 0), (1 / 3, 2 / 3, z)]
        yield f"me-{formula}-layered", _place(_kinds(formula), sites, 164, (a, a, c, 90, 90, 120))
    for formula, a, c, z in _rows(MOLYBDENITE, 3):
        sites = [(1 / 3, 2 / 3, 0.25), (1 / 3, 2 / 3, z)]
        yield f"me-{formula}-molybdenite", _place(_kinds(formula), sites, 194, (a, a, c, 90, 90, 120))
    yield from _ternaries()
    for name, (symbols, sites, group, lattice) in OTHERS.items():
        yield f"me-{name}", _place(symbols.split(), sites, group, lattice)


def alloys() -> Iterator[tuple[str, Atoms]]:
    """Yield intermetallics of two metals drawn at random, of cell volumes that are the sums of the elements' volumes.

    Prototypes are CsCl, AuCu3, CuAu and the full Heusler's binary form AlFe3.
    """
    draw = random.Random(ALLOY_SEED)
    seen: set[tuple[str, str, str]] = set()
    while len(seen) < N_ALLOYS:
        first, second = draw.sample(ALLOYED.split(), 2)
        prototype = draw.choice(("CsCl", "CsCl", "AuCu3", "CuAu", "AlFe3"))
        if (first, second, prototype) in seen or (prototype in ("CsCl", "CuAu") and (second, first, prototype) in seen):
            continue
        seen.add((first, second, prototype))
        yield f"me-{first}-{second}-{prototype}-alloy", _alloy(first, second, prototype)


def _ternaries() -> Iterator[tuple[str, Atoms]]:
    words = ANTIPEROVSKITE.split()
    for start in range(0, len(words), 4):
        centre, corner, face, a = words[start : start + 4]
        sites = [(0.5, 0.5, 0.5), (0, 0, 0), (0, 0.5, 0.5)]
        yield f"me-{corner}{centre}{face}3-antiperovskite", _cubic([centre, corner, face], sites, 221, float(a))
    words = HEUSLER.split()
    for start in range(0, len(words), 4):
        twice, corner, centre, a = words[start : start + 4]
        sites = [(0.25, 0.25, 0.25), (0, 0, 0), (0.5, 0.5, 0.5)]
        yield f"me-{twice}2{corner}{centre}-Heusler", _cubic([twice, corner, centre], sites, 225, float(a))


def _alloy(first: str, second: str, prototype: str) -> Atoms:
    one, other = _atomic_volume(first), _atomic_volume(second)
    if prototype == "CsCl":
        return bulk(first + second, "cesiumchloride", a=(one + other) ** (1 / 3))
    if prototype == "AuCu3":
        return _cubic([first, second], [(0, 0, 0), (0, 0.5, 0.5)], 221, (one + 3 * other) ** (1 / 3))
    if prototype == "AlFe3":
        sites = [(0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)]
        return _cubic([first, second, second], sites, 225, (4 * (one + 3 * other)) ** (1 / 3))
    a = ((one + other) / 2 * 4) ** (1 / 3)
    return _place([first, second], [(0, 0, 0), (0.5, 0.5, 0.5)], 123, (a / 2**0.5, a / 2**0.5, a, 90, 90, 90))


ATOMIC_VOLUMES = {"Ga": 19.6, "Sn": 27.0, "Hg": 23.4, "Bi": 35.4, "In": 26.2}
"""Of elements whose reference state has another structure, cubic angstrom."""


def _atomic_volume(symbol: str) -> float:
    if symbol in ATOMIC_VOLUMES:
        return ATOMIC_VOLUMES[symbol]
    atoms = bulk(symbol)
    return float(atoms.get_volume() / len(atoms))


def _cubic(symbols: list[str], sites: list[tuple[float, float, float]], group: int, a: float) -> Atoms:
    return _place(symbols, sites, group, (a, a, a, 90, 90, 90))

"""A data set, opened once: its parts found, and whatever was found out about them passed on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dielectra.arrays import FloatArray, SingleArray
from dielectra.crystal import Crystal
from dielectra.data.labels import Labels
from dielectra.data.schema import PROPERTIES, Metal, Record, inside_window, tensor_from_row
from dielectra.data.store import RowGroup, find_parts, row_groups
from dielectra.errors import InputError
from dielectra.files import reading
from dielectra.levels import LEVELS, check_level, gap_columns
from dielectra.spectrum import Spectrum
from dielectra.target import DIELECTRIC, Part, Target

STRUCTURE = ("id", "formula", "level", "split", "cell", "numbers", "frac_coords", "window", "protocol")
GAPS = ("gap_direct", "gap_indirect")
SPECTRA = {"re": "eps1", "im": "eps2"}


def open_dataset(source: str | Path | DataSet, protocol: str | None = None) -> DataSet:
    """Open a data set; one that is open already is returned.

    Parameters
    ----------
    source
        A name below ``datasets/``, a folder of parts, or one part.
    protocol
        Read only records of this protocol.

    Raises
    ------
    InputError
        If nothing is found; the message lists the data sets at hand.
    """
    if isinstance(source, DataSet):
        return source
    return DataSet(str(source), tuple(find_parts(source)), protocol)


@dataclass(frozen=True, eq=False)
class DataSet:
    """The Parquet parts of one data set.

    A material may have several levels, and at a level several protocols: then the record in the last part counts.

    Attributes
    ----------
    source
        As it was given.
    parts
        The files, sorted by name.
    protocol
        The only protocol whose records are read; None reads all.
    """

    source: str
    parts: tuple[Path, ...]
    protocol: str | None = None

    @property
    def name(self) -> str:
        """Return the name of the data set, without folders."""
        return Path(self.source).name

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 digest of every part by file name."""
        return {part.name: _sha256(part) for part in self.parts}

    @property
    def digest(self) -> str:
        """Return one short digest of the content, whatever the names of the parts."""
        return hashlib.sha256(json.dumps(sorted(self.hashes.values())).encode()).hexdigest()[:10]

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """Return the levels of theory of the spectra, in the order of the ladder."""
        found = set()
        for group in self._groups(["level", "metal"]):
            levels, metals = (group.table.column(name).to_pylist() for name in ("level", "metal"))
            found |= {level for level, metal in zip(levels, metals, strict=True) if not metal}
        return tuple(sorted(found, key=[*LEVELS, *sorted(found - LEVELS.keys())].index))

    @cached_property
    def ids(self) -> frozenset[str]:
        """Return the ids of all materials."""
        return frozenset(name for group in self._groups(["id"]) for name in group.table.column("id").to_pylist())

    @cached_property
    def grid(self) -> FloatArray:
        """Return the photon energies of all parts, shape ``(n_energies,)``, eV.

        Raises
        ------
        InputError
            If the grids of the parts differ.
        """
        grid: FloatArray | None = None
        for group in self._groups(["level"]):
            if grid is not None and not np.array_equal(grid, group.energies):
                raise InputError(f"{group.part}: its energy grid differs from that of the other parts; resample it")
            grid = group.energies
        if grid is None:
            raise InputError(f"{self.source}: holds no record")
        return grid

    @cached_property
    def broadening(self) -> float | None:
        """Return the Lorentzian broadening in eV that the parts declare, None where they do not or differ."""
        value = self._declared(b"broadening_eV")
        try:
            return float(value) if value else None
        except ValueError as error:
            raise InputError(f"{self.name}: declares the broadening {value!r}, which is not a number") from error

    @cached_property
    def engine(self) -> str | None:
        """Return the code that computed the data set, as its parts declare it, None where they do not or differ."""
        return self._declared(b"engine")

    def properties(self, column: str) -> dict[str, Any]:
        """Return one scalar column by material id; empty where no part has the column."""
        found: dict[str, Any] = {}
        for part in self.parts:
            if column in _schema(part).names:
                with reading(part):
                    table = pq.read_table(part, columns=["id", column])
                found |= dict(zip(table.column("id").to_pylist(), table.column(column).to_pylist(), strict=True))
        return found

    def target(self, *levels: str, parts: tuple[Part, ...] = ("im",), rank: int = 0) -> Target:
        """Return the spectra of some levels, from low to high, as a target: on this grid, with this broadening."""
        return Target.model_validate(
            {
                "levels": tuple(check_level(level) for level in levels),
                "parts": parts,
                "rank": rank,
                "energies": tuple(self.grid.tolist()),
                "broadening": self.broadening,
            }
        )

    def labels(self, target: Target | str) -> Labels:
        """Read what a network trains on, a row group at a time, so that memory stays near the size of the result.

        Parameters
        ----------
        target
            What to read: spectra, or a column of numbers named by the target's quantity. The name of a level stands
            for the isotropic imaginary part at it.

        Raises
        ------
        InputError
            If a column or the highest level is missing, the grids differ, a part is damaged, or a spectrum is not
            finite.
        """
        target = self.target(target) if isinstance(target, str) else target
        is_number = target.quantity != DIELECTRIC
        columns = [target.quantity] if is_number else [SPECTRA[part] for part in target.parts]
        if not is_number and not target.is_on_grid(self.grid):
            raise InputError(f"{self.source}: its energy grid differs from that of the target; resample the data")
        collected = _Collected(self.source, target)
        for group in self._groups([*STRUCTURE, *GAPS, "metal", *columns, "eps2"]):
            if is_number:
                collected.add_numbers(group)
            else:
                collected.add_spectra(group.of_levels(target.levels))
        return collected.labels(self.levels)

    def records(self, level: str | None = None) -> Iterator[Record]:
        """Yield the full records, those of all levels unless one is named.

        Raises
        ------
        InputError
            If a column is missing, a part is damaged, or a spectrum is not finite.
        """
        for group in self._groups(None):
            chosen = group.of_levels(self.levels if level is None else [level])
            real, imaginary = chosen.components("eps1"), chosen.components("eps2")
            rows = chosen.table.drop_columns(["eps1", "eps2"]).to_pylist()
            for row, eps1, eps2 in zip(rows, real, imaginary, strict=True):
                inside = inside_window(group.energies, row["window"])
                tensor = tensor_from_row(eps1, eps2, len(group.energies))[:, :, inside]
                provenance = json.loads(row.get("provenance") or "{}")
                try:
                    spectrum = Spectrum(group.energies[inside], tensor, row["level"], group.broadening, provenance)
                except InputError as error:
                    raise InputError(f"{group.part}, record {row['id']}: {error}") from error
                found = {key: row.get(key) for key in PROPERTIES}
                yield Record(row["id"], row["formula"], row["split"], group.crystal(row), spectrum, found)

    def metals(self) -> Iterator[Metal]:
        """Yield the crystals that were found to have no gap."""
        for group in self._groups([*STRUCTURE, *PROPERTIES, "eps2"]):
            rows = group.table.filter(pc.fill_null(group.table.column("metal"), False))
            for row in rows.to_pylist():
                found, n_values = {key: row.get(key) for key in PROPERTIES}, len(row["eps2"] or ())
                crystal = group.crystal(row)
                yield Metal(row["id"], row["formula"], row["split"], crystal, row["level"], found, n_values)

    def rows(self, *columns: str) -> Iterator[dict[str, Any]]:
        """Yield chosen columns of every row, metals included, and always ``level`` and ``protocol``.

        A column that an old part lacks is None in its rows.
        """
        names = (*columns, "level", "protocol")
        for group in self._groups(list(columns)):
            for row in group.table.to_pylist():
                yield {name: row.get(name) for name in names}

    def _groups(self, columns: list[str] | None) -> Iterator[RowGroup]:
        """Yield row groups, of the chosen protocol only."""
        wanted = columns if columns is None else [*dict.fromkeys([*columns, "level", "protocol"])]
        for group in row_groups(self.parts, wanted):
            if self.protocol is None:
                yield group
            else:
                keep = [name == self.protocol for name in group.table.column("protocol").to_pylist()]
                yield group._replace(table=group.table.filter(np.array(keep, bool)))

    def _declared(self, key: bytes) -> str | None:
        values = {(_schema(part).metadata or {}).get(key) for part in self.parts}
        value = values.pop() if len(values) == 1 else None
        return value.decode(errors="replace") if value else None


def _sha256(part: Path) -> str:
    with reading(part), part.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _schema(part: Path) -> pa.Schema:
    with reading(part):
        return pq.read_schema(part)


@dataclass
class _Collected:
    """Values by material id, while parts are read."""

    source: str
    target: Target
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    gaps: dict[str, SingleArray] = field(default_factory=dict)
    crystals: dict[str, Crystal] = field(default_factory=dict)
    values: dict[tuple[str, str], tuple[SingleArray, SingleArray]] = field(default_factory=dict)
    protocols: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def add_spectra(self, group: RowGroup) -> None:
        """Add the spectra of a row group."""
        if group.table.num_rows == 0:
            return
        parts = [group.components(SPECTRA[part]).astype(np.float32) for part in self.target.parts]
        if self.target.rank == 0:
            parts = [part[:, :3].mean(axis=1, dtype=np.float32, keepdims=True) for part in parts]
        values = np.stack(parts, axis=1)
        broken = []
        spectra = [name for name in SPECTRA.values() if name in group.table.column_names]
        for row, value in zip(group.table.drop_columns(spectra).to_pylist(), values, strict=True):
            inside = inside_window(group.energies, row["window"])
            if not np.isfinite(value[:, :, inside]).all():
                broken.append(row["id"])
            weights = np.broadcast_to(inside.astype(np.float32), (len(parts), len(inside)))
            self._add(group, row, np.where(inside, value, np.float32(0.0)), weights)
        if broken:
            raise InputError(
                f"{group.part}: {len(broken)} spectra hold NaN or infinite values ({', '.join(broken[:5])}); "
                "remove these records"
            )

    def add_numbers(self, group: RowGroup) -> None:
        """Add the numbers of a column; ``metal`` is 0 for crystals with a spectrum."""
        name = self.target.quantity
        if name not in group.table.column_names:
            raise InputError(f"{group.part}: lacks the column {name}; targets are dielectric or a column of numbers")
        for row in group.table.drop_columns(["eps2"]).to_pylist():
            number = float(row["metal"] or 0) if name == "metal" else row[name]
            if number is not None and row["level"] in self.target.levels:
                value = np.full((1, 1, 1), number, np.float32)
                self._add(group, row, value, np.ones((1, 1), np.float32))

    def _add(self, group: RowGroup, row: dict[str, Any], value: SingleArray, weights: SingleArray) -> None:
        key = (row["id"], row["level"])
        if key in self.values and self.protocols[key] == row["protocol"]:
            raise InputError(f"{self.source}: holds material(s) {row['id']} more than once; remove the extra part")
        if row["id"] not in self.crystals:
            self.crystals[row["id"]] = group.crystal(row)
        self.rows[row["id"]] = row
        gaps = self.gaps.setdefault(row["id"], np.full(2 * len(GAPS), np.nan, np.float32))
        gaps[gap_columns(row["level"])] = [np.nan if row.get(name) is None else row[name] for name in GAPS]
        self.values[key], self.protocols[key] = (value, weights), row["protocol"]

    def labels(self, present: tuple[str, ...]) -> Labels:
        """Return what was collected; nothing at the highest level is an error."""
        target = self.target
        if not any(level == target.level for _, level in self.values):
            what = "spectrum" if target.quantity == DIELECTRIC else target.quantity
            raise InputError(
                f"{self.source}: holds no {target.level} {what}; its levels are {', '.join(present) or 'none'}"
            )
        ids = list(self.rows)
        values = np.zeros((len(ids), *target.shape), np.float32)
        weights = np.zeros((len(ids), len(target.levels), len(target.parts), len(target.grid)), np.float32)
        for i, name in enumerate(ids):
            for j, level in enumerate(target.levels):
                if (name, level) in self.values:
                    values[i, j], weights[i, j] = self.values[name, level]
        rows = [self.rows[name] for name in ids]
        splits, formulas = [row["split"] or "" for row in rows], [row["formula"] for row in rows]
        gaps = np.array([self.gaps[name] for name in ids]).reshape(len(ids), 2 * len(GAPS))
        return Labels(target, ids, formulas, splits, [self.crystals[name] for name in ids], values, weights, gaps)

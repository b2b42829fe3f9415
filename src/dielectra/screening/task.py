"""The task of a screening: predict the crystals of one piece of a pool and write a shard of the result."""

from __future__ import annotations

import ctypes
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from dielectra.errors import InputError
from dielectra.files import reading, whole_file
from dielectra.jobs.clock import CpuClock
from dielectra.models.admission import Admitted, Refusal, find_form
from dielectra.screening.columns import Predicted, Wanted, columns_of, schema_of, table_of
from dielectra.screening.deaths import Deaths
from dielectra.screening.pieces import Piece, piece_of
from dielectra.screening.shards import RESULTS, SUFFIX
from dielectra.screening.spectra import Kept
from dielectra.structures import Entry, Refused

if TYPE_CHECKING:
    from dielectra.models.model import ModelLike

KIND = "screening"
BATCH = 64
"""Number of crystals that are admitted and predicted together."""

ID_KEYS = ("id", "mat_id", "material_id", "immutable_id", "jid")
"""Keys of a structure's data by which it is named; the first that is there."""

LONGEST_ID = 200
MALLOC_OPTIONS = ((-1, 2**31 - 1), (-2, 2**26), (-3, 2**30))
"""glibc's M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD, bytes."""

SECONDS = TypeAdapter(dict[str, float])

Row = dict[str, Any]


class Settings(BaseModel):
    """What fixes a screening; the keys of its job table.

    ``digest`` is that of the model's cards, which hold those of its weights. The device is among the settings because
    rows of a GPU and of the CPU differ in their last digits.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    digest: str
    level: str
    wavelengths_nm: tuple[float, ...]
    thickness_nm: float
    spectra: bool
    pool: dict[str, tuple[int, int]]
    device: str = "cpu"

    @property
    def wanted(self) -> Wanted:
        """Return what is derived of each crystal."""
        return Wanted(self.wavelengths_nm, self.thickness_nm, self.spectra)


class ScreeningTask(NamedTuple):
    """Predict pieces of a pool; a :class:`dielectra.jobs.task.Task`."""

    fixed: Settings
    kind: str = KIND
    results: str = RESULTS
    suffix: str = SUFFIX

    def settings(self) -> dict[str, Any]:
        """Return model, level, wavelengths and pool."""
        return self.fixed.model_dump(mode="json")

    def run(self, payload: Any, result: Path, log: Path) -> None:
        """Predict the crystals of a piece and write its shard; a crystal that cannot be used is a row with its reason.

        A crystal in which the process dies (a crash of compiled code, a hang) costs a new attempt each time; after two
        deaths with it alone it is passed over.
        """
        clock = CpuClock()
        _keep_freed_memory()
        model = _model(self.fixed)
        clock.lap("start")
        rows: list[Row] = []
        deaths = Deaths(log)
        for first, batch in _batches(piece_of(payload), clock):
            for begin, end in deaths.parts(first, first + len(batch)):
                entries = batch[begin - first : end - first]
                if deaths.killed(begin, end):
                    rows.append(_row(entries[0]) | {"reason": deaths.reason})
                    continue
                with deaths.watching(begin, end):
                    rows += _predicted(entries, model, self.fixed.wanted, clock)
        energies = model.card.target.grid
        kept = Kept(energies, model.level or model.card.target.level, model.card.target.broadening)
        schema = schema_of(self.fixed.wanted)
        table = table_of(rows, schema)
        clock.lap("writing")
        metadata = {**kept.metadata(), "model": self.fixed.model, "cpu_seconds": json.dumps(clock.seconds)}
        with whole_file(result) as temporary:
            pq.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")
        deaths.forget()

    def cost(self, result: Path) -> dict[str, float]:
        """Return the CPU seconds by part that a shard notes."""
        with reading(result):
            metadata = pq.read_schema(result).metadata or {}
        return SECONDS.validate_json(metadata.get(b"cpu_seconds", b"{}"))


def open_screening(settings: Mapping[str, Any], trusted: Sequence[str] = ()) -> ScreeningTask:  # noqa: ARG001
    """Return the task of a screening from its settings.

    Raises
    ------
    InputError
        If they are not those of a screening.
    """
    try:
        return ScreeningTask(Settings.model_validate(dict(settings)))
    except ValidationError as error:
        raise InputError(f"the job table does not hold the settings of a screening: {error}") from error


def digest_of(model: str) -> str:
    """Return the digest of a model's cards."""
    from dielectra.models.card import CARD
    from dielectra.models.store import model_files, model_folder

    cards = [file.read_bytes() for file in model_files(model_folder(model)) if file.name == CARD]
    return hashlib.sha256(b"".join(cards)).hexdigest()


def _model(fixed: Settings) -> ModelLike:
    from dielectra.models.device import choose_device
    from dielectra.prediction import loaded_model

    if digest_of(fixed.model) != fixed.digest:
        raise InputError(f"model {fixed.model} has changed since the screening began; screen into another folder")
    device = choose_device(fixed.device)
    return cast("ModelLike", loaded_model(fixed.level, fixed.model, allow_metals=True, device=device))


def _keep_freed_memory() -> None:
    """Have the C library reuse large blocks instead of giving them back: fresh pages cost a quarter of the encoder."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for option, value in MALLOC_OPTIONS:
            library.mallopt(option, value)


def _batches(piece: Piece, clock: CpuClock) -> Iterator[tuple[int, list[Entry | Refused]]]:
    """Yield the entries of a piece in batches with the number of the first; a piece that breaks ends with a reason."""
    entries = _until_broken(piece)
    first = 0
    while batch := list(islice(entries, BATCH)):
        clock.lap("reading")
        yield first, batch
        first += len(batch)


def _until_broken(piece: Piece) -> Iterator[Entry | Refused]:
    try:
        yield from piece.read()
    except InputError as error:
        name = getattr(piece, "name", "files")
        yield Refused(name, name, "", f"{error}; the rest of this piece is missing")


def _predicted(entries: Sequence[Entry | Refused], model: ModelLike, wanted: Wanted, clock: CpuClock) -> list[Row]:
    """Return the rows of a batch; where it fails as a whole, crystal by crystal."""
    try:
        return _predict(entries, model, wanted, clock)
    except Exception as error:  # whatever a crystal trips over ends its row, not the others
        if len(entries) > 1:
            return [row for entry in entries for row in _predicted([entry], model, wanted, clock)]
        reason = "needs more memory than one job may use" if isinstance(error, MemoryError) else str(error)
        return [_row(entries[0]) | {"reason": f"{entries[0].name}: {type(error).__name__}: {reason}"}]


def _predict(entries: Sequence[Entry | Refused], model: ModelLike, wanted: Wanted, clock: CpuClock) -> list[Row]:
    rows = [_row(entry) for entry in entries]
    places = [index for index, entry in enumerate(entries) if isinstance(entry, Entry)]
    crystals = [entry.crystal for entry in entries if isinstance(entry, Entry)]
    forms = [find_form(crystal, model.card, model.elements) for crystal in crystals]
    clock.lap("symmetry")
    outcomes = dict(zip(places, model.admit_each(crystals, forms), strict=True))
    clock.lap("features")
    admitted = {place: found for place, found in outcomes.items() if isinstance(found, Admitted)}
    estimates = model.predict(list(admitted.values())) if admitted else []
    clock.lap("head")
    predicted = {}
    for (place, found), estimate in zip(admitted.items(), estimates, strict=True):
        if isinstance(estimate, Refusal):
            outcomes[place] = estimate
        else:
            predicted[place] = Predicted(found, estimate)
    for place, outcome in outcomes.items():
        if isinstance(outcome, Refusal):
            rows[place]["reason"] = f"{entries[place].name}: {outcome.reason}"
    if predicted:
        columns = columns_of(list(predicted.values()), wanted)
        for index, place in enumerate(predicted):
            rows[place] |= {name: values[index] for name, values in columns.items()}
    clock.lap("properties")
    return rows


def _row(entry: Entry | Refused) -> Row:
    """Return what is known of an entry before anything is predicted."""
    row: Row = {"id": entry.name, "file": entry.file, "place": entry.place}
    if isinstance(entry, Refused):
        return row | {"reason": entry.reason}
    given = next((entry.data[key] for key in ID_KEYS if isinstance(entry.data.get(key), str | int)), entry.name)
    return row | {"id": str(given)[:LONGEST_ID]}

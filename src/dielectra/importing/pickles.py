"""Read pickles of published spectra without running what else a pickle could ask for."""

from __future__ import annotations

import enum
import importlib
import io
import pickle
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, ClassVar

from dielectra.errors import InputError
from dielectra.files import understanding

NUMPY = {
    "_reconstruct": "numpy._core.multiarray",
    "scalar": "numpy._core.multiarray",
    "_frombuffer": "numpy._core.numeric",
    "ndarray": "numpy",
    "dtype": "numpy",
}
PANDAS = {
    "DataFrame": "pandas",
    "Series": "pandas",
    "Index": "pandas",
    "RangeIndex": "pandas",
    "_new_Index": "pandas.core.indexes.base",
    "_unpickle_block": "pandas._libs.internals",
    "BlockManager": "pandas.core.internals.managers",
    "SingleBlockManager": "pandas.core.internals.managers",
}
PYMATGEN = {
    "ComputedStructureEntry": "pymatgen.entries.computed_entries",
    "Structure": "pymatgen.core",
    "Lattice": "pymatgen.core",
    "PeriodicSite": "pymatgen.core",
    "Composition": "pymatgen.core",
    "Element": "pymatgen.core",
    "Species": "pymatgen.core",
}
BUILTINS = {"slice": "builtins", "bytearray": "builtins", "complex": "builtins"}
ALLOWED = {"numpy": NUMPY, "pandas": PANDAS, "pymatgen": PYMATGEN, "builtins": BUILTINS, "__builtin__": BUILTINS}
"""Names by package; each is taken from the module given here, whatever module of the package the pickle names."""

SHARED = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, enum.Enum)
"""What the rest of the process uses too: a pickle may name it, never change it."""

MOST_VALUES = 50_000_000
"""Values of the plain containers of a pickle, each counted as often as it is referred to."""


def read_pickle(content: bytes, where: str) -> Any:
    """Return the object of a pickle that holds numpy, pandas and pymatgen data only.

    Raises
    ------
    InputError
        If the pickle asks for any other class or function (nothing of it is then called), is damaged, or needs a
        package that is not installed.
    """
    with understanding(where, "a pickle of spectra"):
        return _DataUnpickler(io.BytesIO(content), where).load()


class _DataUnpickler(pickle._Unpickler):
    """The unpickler of the standard library in Python, whose steps can be checked before they are done."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, file: io.BytesIO, where: str) -> None:
        super().__init__(file)
        self.where = where

    def load(self) -> Any:
        """Return the object, once it is known to be of bounded size however it is written out."""
        found = super().load()
        self._bound(found)
        return found

    def load_build(self) -> None:
        """Set the state of an object, which must be one that this pickle has made."""
        *_, target, state = self.stack
        if isinstance(target, SHARED):
            name = getattr(target, "__name__", type(target).__name__)
            raise InputError(f"{self.where}: the pickle would change {name} for the whole program; it is refused")
        self._bound(state)
        self._go_on(pickle.BUILD)

    def load_reduce(self) -> None:
        """Call one of the allowed functions."""
        self._bound(self.stack[-1])
        self._go_on(pickle.REDUCE)

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.REDUCE[0]] = load_reduce

    def _go_on(self, opcode: bytes) -> None:
        step: Any = pickle._Unpickler.dispatch[opcode[0]]
        step(self)

    def _bound(self, value: Any) -> None:
        """Refuse nested containers that refer to each other so often that they cannot be written out."""
        if _written_out(value, {}) > MOST_VALUES:
            raise InputError(f"{self.where}: its references stand for over {MOST_VALUES:,} values; it is refused")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _latin1
        package = module.partition(".")[0]
        source = ALLOWED.get(package, {}).get(name)
        if source is None:
            raise InputError(
                f"{self.where}: the pickle asks for {module}.{name}, which spectra do not need; it is refused and was "
                "not run. Ask its author for JSON"
            )
        if source == "builtins" and name == "bytearray":
            return _bytearray
        try:
            return getattr(importlib.import_module(source), name)
        except ImportError as error:
            raise InputError(f"{self.where}: needs {package}; install it with: pip install pymatgen") from error


def _latin1(text: str, encoding: str) -> bytes:
    """Stand for ``_codecs.encode`` in the one form in which old pickle protocols write bytes."""
    if encoding != "latin1":
        raise ValueError(f"unexpected encoding {encoding!r}")
    return text.encode("latin1")


def _bytearray(content: bytes | str = b"", encoding: str = "latin-1") -> bytearray:
    """Stand for ``bytearray``, which would reserve as many bytes as a number asks for."""
    return bytearray(content.encode(encoding) if isinstance(content, str) else bytes(memoryview(content)))


def _written_out(value: Any, known: dict[int, int]) -> int:
    """Count the values of plain containers, each as often as it is referred to; a circle counts as too many."""
    if not isinstance(value, dict | list | tuple | set | frozenset):
        return 1
    if id(value) in known:
        return known[id(value)]
    known[id(value)] = MOST_VALUES + 1  # what it is until it is counted: only a circle meets it
    parts = (part for pair in value.items() for part in pair) if isinstance(value, dict) else value
    known[id(value)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(value)]

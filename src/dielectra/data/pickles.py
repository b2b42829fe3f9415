"""Read pickles of published spectra without running what else a pickle could ask for."""

from __future__ import annotations

import importlib
import io
import pickle
from typing import Any

from dielectra.errors import InputError

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


def read_pickle(content: bytes, where: str) -> Any:
    """Return the object of a pickle that holds numpy, pandas and pymatgen data only.

    Raises
    ------
    InputError
        If the pickle asks for any other class or function (nothing of it is then called), is damaged, or needs a
        package that is not installed.
    """
    try:
        return _DataUnpickler(io.BytesIO(content), where).load()
    except InputError:
        raise
    except Exception as error:  # a damaged pickle fails in whatever way its bytes lead to
        raise InputError(f"{where}: damaged or not a pickle of spectra ({type(error).__name__}: {error})") from error


class _DataUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, where: str) -> None:
        super().__init__(file)
        self.where = where

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
        try:
            return getattr(importlib.import_module(source), name)
        except ImportError as error:
            raise InputError(f"{self.where}: needs {package}; install it with: pip install pymatgen") from error


def _latin1(text: str, encoding: str) -> bytes:
    """Stand for ``_codecs.encode`` in the one form in which old pickle protocols write bytes."""
    if encoding != "latin1":
        raise ValueError(f"unexpected encoding {encoding!r}")
    return text.encode("latin1")

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dielectra.errors import InputError
from dielectra.importing.dataset import import_dataset
from dielectra.importing.pickles import read_pickle


class Calls:
    """Pickle to a call of any function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(2, 6))
def test_numpy_data_come_back(protocol: int) -> None:
    content = {
        "a": np.arange(5.0),
        "b": np.float64(2.5),
        "c": [np.array(["x"], dtype=object), slice(1, 2)],
        "d": b"\xff",
    }
    found = read_pickle(pickle.dumps(content, protocol), "x")
    np.testing.assert_array_equal(found["a"], content["a"])
    assert found["b"] == 2.5
    assert found["c"][0][0] == "x"
    assert found["d"] == b"\xff"


def test_numpy_1_pickles_come_back() -> None:
    old = pickle.dumps(np.arange(3.0), 2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    np.testing.assert_array_equal(read_pickle(old, "x"), np.arange(3.0))


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "touched"
    for hostile in (Calls(Path.touch, target), Calls(eval, f"open({str(target)!r}, 'w')"), Calls(exec, "1")):
        path = tmp_path / "data.pckl"
        path.write_bytes(pickle.dumps([np.arange(2.0), hostile], protocol))
        with pytest.raises(InputError, match="which spectra do not need; it is refused and was not run"):
            import_dataset(path, tmp_path / "set")
    assert not target.exists()
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x04\x8c\x06pandas\x8c\x0eDataFrame.eval\x93.",
        b"\x80\x04\x8c\x06pandas\x8c\x0bread_pickle\x93.",
        b"\x80\x04\x8c\x05numpy\x8c\x04load\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.",
        b"\x80\x04\x8c\x08numpyish\x8c\x07ndarray\x93.",
        b"cposix\nsystem\n(S'true'\ntR.",
    ],
)
def test_no_attribute_of_an_allowed_class_or_package_is_reached(code: bytes) -> None:
    with pytest.raises(InputError, match="which spectra do not need"):
        read_pickle(code, "x")


def test_codecs_can_do_nothing_but_make_bytes() -> None:
    with pytest.raises(InputError, match="cannot be read as a pickle"):
        read_pickle(b"c_codecs\nencode\n(Vx\nVrot13\ntR.", "x")


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps([1, 2])[:-3], b"\x80\x04P1\n."])
def test_a_damaged_pickle_is_said(content: bytes) -> None:
    with pytest.raises(InputError, match="x: cannot be read as a pickle of spectra"):
        read_pickle(content, "x")


@pytest.mark.parametrize("name", ["ndarray", "_reconstruct", "dtype"])
def test_state_is_set_on_objects_of_the_pickle_only(name: str) -> None:
    module = {"_reconstruct": "numpy._core.multiarray"}.get(name, "numpy")
    code = f"c{module}\n{name}\n(dVharm\nI1\nsb.".encode()  # GLOBAL, a dictionary, BUILD
    with pytest.raises(InputError, match=f"would change {name} for the whole program"):
        read_pickle(code, "x")
    assert not hasattr(np.ndarray, "harm")


def test_an_element_shared_by_the_program_is_not_changed() -> None:
    pytest.importorskip("pymatgen.core")
    with pytest.raises(InputError, match="would change"):
        read_pickle(b"cpymatgen.core\nElement\n(VH\ntR(dVX\nF99\nsb.", "x")


def test_references_are_counted_as_often_as_they_are_written_out() -> None:
    bomb: list[Any] = ["x"] * 9
    for _ in range(12):
        bomb = [bomb] * 9
    circle: list[Any] = []
    circle.append(circle)
    for content in (bomb, circle, Calls(np.dtype, bomb)):
        with pytest.raises(InputError, match="references stand for over"):
            read_pickle(pickle.dumps(content), "x")
    shared = [1.0] * 1000
    assert read_pickle(pickle.dumps([shared] * 1000), "x")[999] == shared


def test_a_bytearray_is_made_of_bytes() -> None:
    assert read_pickle(pickle.dumps([bytearray(b"a\xff")], 2), "x") == [bytearray(b"a\xff")]
    with pytest.raises(InputError, match="damaged"):
        read_pickle(b"cbuiltins\nbytearray\n(I99999999999\ntR.", "x")

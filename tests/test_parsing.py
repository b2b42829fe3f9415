"""JSON, YAML and gzip are read within budgets, whatever they claim."""

from __future__ import annotations

import gzip
import time

import pytest

from dielectra.errors import InputError
from dielectra.parsing import parse_json, parse_yaml, unpack_gzip


def test_plain_documents_are_read() -> None:
    assert parse_json('{"a": [1, 2.5, null]}', "x") == {"a": [1, 2.5, None]}
    assert parse_yaml("a: &a [1, 2]\nb: *a\n", "x") == {"a": [1, 2], "b": [1, 2]}
    assert parse_yaml("", "x") is None
    assert unpack_gzip(gzip.compress(b"one") + gzip.compress(b"two"), "x") == b"onetwo"


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join(['*a' + str(i - 1)] * 9)}]\n" for i in range(1, 12))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BOMB, "stand for over 1,000,000 values"),
        (MERGES, "stand for over 1,000,000 values"),
        ("&a [*a]", "an alias stands for what holds it"),
        ("[" * 100_000, "nested too deeply"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("2020-99-99", "not valid YAML"),
        ("? [a, b]\n: c", "unhashable"),
        ("a: b: c", "mapping values are not allowed"),
        (f"a: {'9' * 400}", "too many digits"),
        ("a\x00b", "special characters"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
    ],
)
@pytest.mark.slow
def test_odd_yaml_gets_a_sentence(text: str, sentence: str) -> None:
    begin = time.process_time()
    with pytest.raises(InputError, match=sentence):
        parse_yaml(text, "x.yaml")
    assert time.process_time() - begin < 20  # 2 without the tracer of coverage


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": ' + "9" * 400 + "}", "a number of 400 digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ', "x.json: not valid JSON"),
        (b'{"a": "\xff"}', "x.json: cannot be read: damaged"),
    ],
)
def test_odd_json_gets_a_sentence(text: str | bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_json(text, "x.json")


def test_compressed_data_are_bounded() -> None:
    packed = gzip.compress(bytes(10_000_000))
    with pytest.raises(InputError, match="more than 1 MiB once unpacked"):
        unpack_gzip(packed, "x.gz", 2**20)
    for damaged in (packed[:-20], b"\x1f\x8b", b"plain", packed[:100] + bytes([packed[100] ^ 255]) + packed[101:]):
        with pytest.raises(InputError, match=r"x\.gz: cannot be read"):
            unpack_gzip(damaged, "x.gz")

"""Read JSON, YAML and gzip from anywhere: within budgets, whatever they claim about themselves."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import yaml

from dielectra.errors import InputError
from dielectra.files import LARGEST_TEXT, MEBIBYTE, reading, shown

LONGEST_NUMBER = 40
"""Characters of a number; double precision needs 24, and nothing that is counted here has 40 digits."""

LOCAL_HEAD = struct.Struct("<4s22sHH")
"""Signature, what the directory says too, and the lengths of name and extra field before a member of a zip."""

MOST_NODES = 1_000_000
"""Values of a YAML document, every alias counted as what it stands for."""


def unpack_gzip(content: bytes, where: str | Path, largest: int = LARGEST_TEXT) -> bytes:
    """Return gzip-compressed bytes unpacked, all members of them.

    Raises
    ------
    InputError
        If they are damaged, or hold more than `largest` bytes.
    """
    with reading(where), gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        unpacked = file.read(largest + 1)
    if len(unpacked) > largest:
        raise InputError(f"{shown(where)}: more than {largest / MEBIBYTE:g} MiB once unpacked; split it")
    return unpacked


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, largest: int = LARGEST_TEXT) -> bytes:
    """Return a member of a zip unpacked: at most one byte more than `largest`, whatever size it declares.

    Raises
    ------
    InputError
        If it is packed by a method that cannot be stopped half-way.
    """
    if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with archive.open(member) as file:
            return file.read(largest + 1)
    if member.compress_type != zipfile.ZIP_BZIP2 or archive.fp is None:
        raise InputError(f"{shown(member.filename)}: packed by an unusual method; pack it as a plain zip (deflate)")
    archive.fp.seek(member.header_offset)  # zipfile itself would unpack as much as each piece of input holds
    head = archive.fp.read(LOCAL_HEAD.size)
    if len(head) < LOCAL_HEAD.size:
        raise EOFError("the archive ends too early")
    length_of_name, length_of_extra = LOCAL_HEAD.unpack(head)[-2:]
    archive.fp.seek(length_of_name + length_of_extra, 1)
    return bz2.BZ2Decompressor().decompress(archive.fp.read(member.compress_size), largest + 1)


def parse_json(text: str | bytes, where: str | Path) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    InputError
        If it is not JSON, is nested too deeply, or has a number of more than 40 characters.
    """

    def number(digits: str) -> int:
        if len(digits) > LONGEST_NUMBER:
            raise InputError(f"{shown(where)}: a number of {len(digits)} digits ({digits[:12]}...); give a float")
        return int(digits)

    try:
        with reading(where):
            return json.loads(text, parse_int=number)
    except json.JSONDecodeError as error:
        raise InputError(f"{shown(where)}: not valid JSON ({error})") from error


def parse_yaml(text: str | bytes, where: str | Path) -> Any:
    """Return the value of a YAML document of plain types.

    Raises
    ------
    InputError
        If it is not YAML, asks for other types, refers to itself, or its aliases stand for more than a million values.
    """
    try:
        with reading(where):
            loader = yaml.SafeLoader(text)
            try:
                node = loader.get_single_node()
                if node is None:
                    return None
                if _expanded(node, {}) > MOST_NODES:
                    raise InputError(f"{shown(where)}: its aliases (*name) stand for over {MOST_NODES:,} values")
                return loader.construct_document(node)
            finally:
                loader.dispose()
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError) as error:  # dates and numbers that are none, keys that are lists
        raise InputError(f"{shown(where)}: not valid YAML ({shown(str(error))[:200]})") from error


def _expanded(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """Count the values of a node, those of an alias as often as it is used; raise InputError for a circle."""
    if node in known:
        if known[node] == 0:
            raise yaml.constructor.ConstructorError(None, None, "an alias stands for what holds it", node.start_mark)
        return known[node]
    known[node] = 0  # under way
    count = 1
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and len(node.value) > LONGEST_NUMBER:
        raise yaml.constructor.ConstructorError(None, None, "a number of too many digits", node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        count += sum(_expanded(child, known) for child in node.value)
    elif isinstance(node, yaml.MappingNode):
        count += sum(_expanded(key, known) + _expanded(value, known) for key, value in node.value)
    known[node] = count
    return count

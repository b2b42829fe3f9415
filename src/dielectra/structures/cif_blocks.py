"""Cut a CIF into its blocks and parse them one by one: a damaged or endless one costs no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

from dielectra.errors import InputError

LARGEST_BLOCK = 16 * 2**20
"""Number of letters of a block above which it is refused."""

MOST_TAGS = 100_000
"""Number of tags of a block above which it is refused; structures have a few hundred."""

MOST_BLOCKS = 20_000
"""Blocks of one file that are read. Crystals come one by one; as many blocks without any take three seconds."""

MOST_EDGES = 1_000_000
"""Headings and semicolons at the beginning of a line, of which structures have a few in a block."""

TAG = re.compile(r"(?:^|\s)_\w")
EDGE = re.compile(r"^(?:;|[ \t]*data_)", re.M | re.I)
FIELD = re.compile(r"^;", re.M)
HEADING = re.compile(r"^[ \t]*data_", re.M | re.I)
LOCATION = re.compile(r"^string:(\d+):\d+\(\d+\):\s*")


class Part(NamedTuple):
    """The text of one block, and the number of the line that it begins with."""

    text: str
    line: int


def parse_blocks(text: str, name: str) -> Iterator[Any]:
    """Yield the blocks of a CIF as gemmi parses them, and an InputError for each that cannot be read.

    Raises
    ------
    InputError
        If the text is one block, or none, and cannot be read; the message starts with `name`.
    """
    if _has_more(EDGE, text, MOST_EDGES):
        raise InputError(f"{name}: has over {MOST_EDGES:,} blocks and text fields; split the file")
    if not _has_more(HEADING, text, 1):
        yield from _parse(Part(text, 1), f"{name}: cannot be read as a CIF", "give a valid CIF")
        return
    blocks = chain.from_iterable(_parsed_or_errors(part, name) for part in _parts(text))
    yield from islice(blocks, MOST_BLOCKS)
    if next(blocks, None) is not None:
        yield InputError(f"{name}: its blocks after the first {MOST_BLOCKS:,} are left out; split the file")


def _parsed_or_errors(part: Part, name: str, *, again: bool = True) -> Iterator[Any]:
    """Yield the blocks of a part, or its error; where a text field has no end, those that it swallowed too."""
    heading = part.text.lstrip()[:60].partition("\n")[0][5:].strip() or "without a name"
    try:
        yield from _parse(part, f"{name}, block {heading}: cannot be read", "mend or remove the block")
    except InputError as error:
        yield error
        swallowed = next(islice(HEADING.finditer(part.text), 1, 2), None) if again else None
        if swallowed:
            start = swallowed.start()
            is_open = len(FIELD.findall(part.text)) % 2
            for inner in _parts(part.text[start:], part.line + part.text.count("\n", 0, start)):
                found = _parsed_or_errors(inner, name, again=False)
                yield from (one for one in found if is_open or not isinstance(one, InputError))


def _parse(part: Part, what: str, advice: str) -> Iterator[Any]:
    import gemmi

    if len(part.text) > LARGEST_BLOCK or _has_more(TAG, part.text, MOST_TAGS):
        raise InputError(f"{what}: too large for the CIF of a structure; leave out reflections and other lists")
    try:
        document = gemmi.cif.read_string(part.text, check_level=0)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{what} ({_told(error, part.line)}); {advice}") from error
    yield from document


def _has_more(pattern: re.Pattern[str], text: str, most: int) -> bool:
    """Return whether a pattern occurs more than so many times in a text; each takes up a letter or more of it."""
    return len(text) > most and next(islice(pattern.finditer(text), most, None), None) is not None


def _parts(text: str, line: int = 1) -> Iterator[Part]:
    """Yield the text of each block; headings inside of text fields are none."""
    start, inside = -1, False
    for match in EDGE.finditer(text):
        if match[0] == ";":
            inside = not inside
        elif not inside:
            if start >= 0:
                yield Part(text[start : match.start()], line)
            line += text.count("\n", max(start, 0), match.start())
            start = match.start()
    if start >= 0:
        yield Part(text[start:], line)


def _told(error: Exception, first: int) -> str:
    """Return gemmi's message with the number of the line in the file."""
    said = str(error).split("\n")[0]
    return LOCATION.sub(lambda match: f"line {int(match[1]) + first - 1}: ", said)[:200]

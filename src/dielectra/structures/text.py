"""Turn the bytes of a text file into text, whatever wrote it."""

from __future__ import annotations

import codecs

from dielectra.errors import InputError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(content: bytes, name: str) -> str:
    """Return text with line feeds as line ends of UTF-8, UTF-16 or Latin-1 bytes, with or without a byte-order mark.

    Raises
    ------
    InputError
        If the bytes are no text; the message starts with `name`.
    """
    encoding = next((encoding for mark, encoding in MARKS if content.startswith(mark)), "") or _unmarked(content[:400])
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise InputError(f"{name}: not {encoding.upper()} text (byte {error.start}); save it as UTF-8") from error
        text = content.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{name}: not a text file (byte 0 at position {text.index(chr(0))}); save it as plain text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _unmarked(start: bytes) -> str:
    """Return the encoding of text without a byte-order mark by the zeros of its first letters."""
    if len(start) > 8 and not any(start[1::2]):
        return "utf-16-le"
    if len(start) > 8 and not any(start[::2]):
        return "utf-16-be"
    return "utf-8"

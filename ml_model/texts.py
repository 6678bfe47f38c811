"""Text as people and programs write it: byte-order marks, line ends, and characters that look alike or like nothing."""

from __future__ import annotations

import codecs
import tomllib
import unicodedata

_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # begins as the mark of UTF-16 does, and so comes first
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_END_OF_FILE = "\x1a"
"""Ctrl-Z, which programs of DOS write at the end of a file."""
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_PLAIN: dict[int, str | None] = {**dict.fromkeys(map(ord, _INVISIBLE)), **dict.fromkeys(map(ord, _SPACES), " ")}
_MINUS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-")
_LONGEST = 2_000
"""Characters of the longest name or choice. Longer text equals none of them, and normal forms take quadratic time."""


def decode(content: bytes) -> tuple[str, bytes, str]:
    """Return the text of a file with its byte-order mark (empty if it has none) and its codec; UTF-8 unless the mark differs.

    A Ctrl-Z at the end is left out. Raises ValueError that names the line if the content is not text.
    """
    bom, codec = next(((bom, codec) for bom, codec in _BOMS.items() if content.startswith(bom)), (b"", "utf-8"))
    if not bom and 0 in content[:2]:
        raise ValueError("is UTF-16 without a byte-order mark; save it in UTF-8")
    try:
        text = content[len(bom) :].decode(codec)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].decode(codec, "replace").count("\n") + 1
        at = len(bom) + error.start
        raise ValueError(f"line {line}: byte {at} is not {codec.upper()}; save the file in UTF-8") from error
    before, mark, after = text.rpartition(_END_OF_FILE)
    return (before.rstrip(_END_OF_FILE) if mark and not after.strip() else text), bom, codec


def decode_lines(content: bytes) -> str:
    """Return the text of a file as ``decode`` does, with ``\\n`` at the end of each line."""
    return decode(content)[0].replace("\r\n", "\n").replace("\r", "\n")


def toml_text(content: bytes) -> str:
    """Return the text of a TOML file as editors write it: any line ends, with or without byte-order mark, in Unicode's NFC.

    If it is no TOML because of characters that are not seen, or spaces that only look like spaces, these are replaced.
    Raises ValueError that names the line if the content is not text.
    """
    text = unicodedata.normalize("NFC", decode_lines(content))
    try:
        tomllib.loads(text)
    except ValueError:
        return visible(text)
    return text


def plain(text: str) -> str:
    """Return text in Unicode's normal form NFC, without invisible characters, any kind of space as a space, none at its ends.

    >>> plain("\\ufeffZu\\u0308rich\\u00a0Nord ")
    'Zürich Nord'
    """
    if text.isascii() or len(text) > _LONGEST:
        return text.strip()
    return unicodedata.normalize("NFC", visible(text)).strip()


def visible(text: str) -> str:
    """Return text without invisible characters, and with a space for any kind of space."""
    return text.translate(_PLAIN)


def plain_number(text: str) -> str:
    """Return text as ``plain`` does, with a hyphen for each kind of minus sign and dash."""
    return plain(text) if text.isascii() else plain(text).translate(_MINUS)

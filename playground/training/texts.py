"""Texts to learn from: files and strings, decoded, normalized and checked alike at every entrance.

commands        decode_text and check_characters
uploads         decode_upload
pasted texts    read_text
stored texts    decode_text
"""

from __future__ import annotations

import codecs
import unicodedata

from playground.errors import InvalidInput, TooLarge
from playground.lm.text import normalize_text

TEXT_MIN, TEXT_MAX = 100, 5_000_000  # characters
TEXT_BYTES_MAX = 4 * TEXT_MAX

_TEXT, _MARKDOWN = ".txt", ".md"
_OTHERS = (".text", ".markdown", ".csv", ".log", ".srt")  # texts, too
# What files begin with that are no texts, but are given their names.
_PROGRAMS = ((b"%PDF-", "PDF"), (b"PK\3\4", "Word, zip"), (b"{\\rtf", "RTF"), (b"\x1f\x8b", "gzip"))
_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32-LE"),  # before UTF-16-LE, whose mark it begins with
    (codecs.BOM_UTF32_BE, "UTF-32-BE"),
    (codecs.BOM_UTF16_LE, "UTF-16-LE"),
    (codecs.BOM_UTF16_BE, "UTF-16-BE"),
)


def decode_text(raw: bytes) -> str:
    """The normalized text of a file: UTF-8, or what its byte order mark names.

    Raises InvalidInput, also for the file of a program that has another format, and for zero bytes
    without a mark: UTF-16 is not guessed.
    """
    if kind := next((kind for start, kind in _PROGRAMS if raw.startswith(start)), None):
        raise InvalidInput("training.file_of_program", kind=kind)
    encoding = next((name for mark, name in _ENCODINGS if raw.startswith(mark)), None)
    if encoding is None and b"\0" in raw:
        raise InvalidInput("training.zero_bytes")
    try:
        text = raw.decode(encoding or "UTF-8")
    except UnicodeDecodeError as error:
        if encoding is None and raw.decode("UTF-8", "ignore").isascii():  # no letter is in UTF-8
            raise InvalidInput("training.older_encoding", byte=error.start) from None
        name = (encoding or "UTF-8").removesuffix("-LE").removesuffix("-BE")
        raise InvalidInput("training.not_decodable", encoding=name, byte=error.start) from None
    return normalize_text(text)


def decode_upload(filename: str, raw: bytes) -> str:
    """The checked text of an uploaded file. Raises InvalidInput."""
    if not filename.strip().lower().endswith((_TEXT, _MARKDOWN, *_OTHERS)):
        raise InvalidInput("training.file_type", text=_TEXT, markdown=_MARKDOWN)
    if len(raw) > TEXT_BYTES_MAX:
        raise TooLarge("training.file_too_long", found=len(raw), most=TEXT_BYTES_MAX)
    return read_text(decode_text(raw))


def read_text(text: str) -> str:
    """A text that was sent as such, normalized and checked. Raises InvalidInput."""
    text = normalize_text(text)
    check_text(text)
    return text


def check_text(text: str) -> None:
    """Check that a text can be trained on live. Raises InvalidInput."""
    if not text.strip():
        raise InvalidInput("training.text_empty")
    if len(text) < TEXT_MIN:
        raise InvalidInput("training.text_too_short", count=len(text), least=TEXT_MIN)
    if len(text) > TEXT_MAX:
        raise TooLarge("training.text_too_long", found=len(text), most=TEXT_MAX)
    if len(set(text)) == 1:
        raise InvalidInput("training.text_of_one_character")
    check_characters(text)


def check_characters(text: str) -> None:
    """Check the characters of a text of any length. Raises InvalidInput."""
    characters = set(text)
    controls = [c for c in characters - {*"\t\n\r\f"} if unicodedata.category(c) in ("Cc", "Cs")]
    if "\0" in controls or sum(map(text.count, controls)) > len(text) / 100:
        raise InvalidInput("training.control_characters", code=f"U+{ord(min(controls)):04X}")
    if any(unicodedata.category(c) == "Cs" for c in controls):
        raise InvalidInput("training.lone_surrogates")

"""Makes text from students safe to store and show: printable, of limited length, valid Unicode.

These functions do not escape HTML; the code that writes HTML does.
"""

from __future__ import annotations

import re

# Terminal sequences: CSI (colours, cursor), OSC (titles, links), and the other two-character sequences.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
# C0 and C1 controls except tab and newline, surrogates, invisible and blank characters, and marks that change the text
# direction.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)

# All that looks like a double quotation mark: what Unicode's confusables.txt says of it and of two apostrophes, angles and
# ornaments; also two of what it says of one apostrophe, and a blank below two strokes.
_DOUBLE = (
    '"\u00ab\u00bb\u02ba\u02dd\u02ee\u02f5\u02f6\u05f2\u05f4\u1cd3\u0385\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed\u1fee\u201c-\u201f\u2033\u2034\u2036\u2037\u2057\u275d\u275e\u2760\u276e\u276f'
    "\u2e42\u301d-\u301f\u3003\uff02\U0001f676-\U0001f678"
)
_SINGLE = (
    "'`\u00b4\u02b9\u02bb-\u02bf\u02c8\u02ca\u02cb\u02f4\u0374\u0384\u055a\u055d\u05d9\u05f3\u07f4\u07f5\u144a\u16cc\u1fbd\u1fbf\u1fef\u1ffd\u1ffe"
    "\u2018-\u201b\u2032\u2035\u2039\u203a\u275b\u275c\u275f\ua78b\ua78c\uff07\uff40\U00016f51\U00016f52"
)
_QUOTES = re.compile(f"[{_DOUBLE}]|\\s[\u030b\u030e\u030f]|[{_SINGLE}]{{2,}}")
# A number with its point and exponent, and a row of integers that is longer than any shape.
_NUMBER = re.compile(r"[-+]?(?:\d+|(?<![\w.])\.\d+)(?:[._]\d+)*(?:\.?[eE][-+]?\d+)?")
_SHORT_INTEGER = re.compile(r"[-+]?\d{1,5}")
_LONG_ROW = re.compile(r"[-+]?\d+(?:\W{1,4}\d+){8,}")
_ROW_OF_GAPS = re.compile(r"…(?:[^\w…]{0,8}…)+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_MAX_DIGITS = 40
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_./+()-]{1,100}")


def clean(text: str, limit: int = 2000) -> str:
    """``text`` without terminal sequences and control characters, cut to about ``limit`` characters.

    The middle is cut out, since the start and end of an error message matter most. The time does not grow with ``text``.
    """
    if len(text) > 4 * limit:
        text = _shorten(text, 4 * limit)
    if text.isascii() and text.isprintable():
        return _shorten(text, limit)
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    text = _UNWANTED.sub("\N{REPLACEMENT CHARACTER}", text)
    return _shorten(
        _NOT_ASCII.sub(lambda c: c[0] if c[0].isprintable() or c[0].isspace() else "\N{REPLACEMENT CHARACTER}", text),
        limit,
    )


def one_line(text: str, limit: int = 200) -> str:
    """``clean`` text with every run of white space replaced by one space, for names and table rows."""
    return " ".join(clean(text, limit).split())


def quoted(text: str, limit: int = 300) -> str:
    """``text`` of a student as a quotation in one line, which it cannot end: its own quotation marks become single ones.

    Whatever a submission, or code of it, says goes through this function before it is part of a sentence of the grader.
    """
    return '"' + _QUOTES.sub("'", one_line(text, limit)) + '"'


def file_name(name: str) -> str:
    """The name of a student's file for a sentence: as it is if it can only be a name, else as a quotation."""
    return name if _PLAIN_NAME.fullmatch(name) else quoted(name, 100)


def without_numbers(text: str) -> str:
    """``text`` in one line, with "…" for numbers that tell values, since an error message could contain hidden inputs.

    Short integers stay, because shapes and counts explain an error: not more than 8 in a row, and not more than
    ``_MAX_DIGITS`` digits in total.
    """
    text = one_line(text, 2000)  # first, because a number may be in pieces before
    text = _NUMBER.sub(lambda found: found[0] if _SHORT_INTEGER.fullmatch(found[0]) else "…", text)
    text = _LONG_ROW.sub("…", text)
    left, kept = _MAX_DIGITS, []
    for character in text:
        left -= character.isnumeric()
        kept.append("…" if character.isnumeric() and left < 0 else character)
    return _ROW_OF_GAPS.sub("…", "".join(kept))


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} […] {text[-half:]}"

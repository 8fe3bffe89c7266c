"""Makes text from students safe to store and show: printable, of limited length, valid Unicode.

These functions do not escape HTML; the code that writes HTML does.
"""

from __future__ import annotations

import re

# Terminal sequences: CSI (colours, cursor), OSC (titles, links), and the other two-character sequences.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
# C0 and C1 controls except tab and newline, surrogates, invisible characters, and marks that change the text direction.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def clean(text: str, limit: int = 2000) -> str:
    """``text`` without terminal sequences and control characters, cut to about ``limit`` characters.

    The middle is cut out, since the start and end of an error message matter most. The time does not grow with ``text``.
    """
    if len(text) > 4 * limit:
        text = _shorten(text, 4 * limit)
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    text = _UNWANTED.sub("\N{REPLACEMENT CHARACTER}", text)
    return _shorten("".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text), limit)


def one_line(text: str, limit: int = 200) -> str:
    """``clean`` text with every run of white space replaced by one space, for names and table rows."""
    return " ".join(clean(text, limit).split())


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} […] {text[-half:]}"

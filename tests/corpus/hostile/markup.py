"""Markup, escape codes and monstrous texts in messages, type names and outputs."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.frontends import gradescope, html
from tests.corpus.hostile.attack import Attack
from tests.corpus.hostile.pieces import ATTEMPT, WRONG

MUST_NOT = "It reaches a reader's browser or terminal unescaped, or it makes the result unreadable or huge."
UNWANTED = set("\x1b\0\x07\x08\x7f\x9b\u202e\u2066\u200b\ufeff") | {chr(code) for code in range(0xD800, 0xE000)}
MAX_BYTES = 200_000

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{% raw %}[a](javascript:alert(1))`x`|a|b|\\n# h"
ESCAPES = "\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\0\\x08\\u202egpj\\u2066\\u200b\\ufeff\\ud800\\r\\n"


def raises(expression: str, before: str = "") -> str:
    """Cells whose functions, and itself, raise an exception."""
    return (
        f"{before}\ndef nt_xent(*inputs):\n    raise {expression}\n"
        f"barlow_twins = nt_xent_euclidean = nt_xent\nraise {expression}"
    )


ODD_STRINGS = r"""
class Odd(Exception):
    kinds = [lambda: 1 / 0, lambda: 5, lambda: None, lambda: "x" * 50_000_000, lambda: (_ for _ in ()).throw(SystemExit)]
    count = 0
    def __str__(self):
        Odd.count += 1
        return Odd.kinds[Odd.count % 5]()
class Text(str):
    def __len__(self): return 1
    def __getitem__(self, part): return self
    def encode(self, *a): return b'"}' * 100
"""

TYPE_NAMES = r"""
Evil = type("<script>alert(1)</script>" + "\x1b[31m" + "\u202e" + "E" * 100_000, (Exception,), {})
Evil.__module__ = "<img src=x onerror=alert(1)>"
Evil.__qualname__ = "\x1b[2J"
class Meta(type):
    __name__ = property(lambda self: 5)
class Nameless(Exception, metaclass=Meta):
    pass
"""


def texts_are_clean(grader: object, report: object, folder: Path) -> list[str]:
    """What front ends make of the report: no markup of the student's, no control characters, of bounded length."""
    plain = json.dumps(gradescope.results(report), ensure_ascii=False)
    page = html.render(report)
    damages = [
        f"{name} is {len(text):,} long" for name, text in (("JSON", plain), ("HTML", page)) if len(text) > MAX_BYTES
    ]
    damages += [f"the HTML holds {part!r}" for part in ("<script", "<img src=x", "onerror=alert(1)>") if part in page]
    for name, text in (("JSON", "".join(_strings(gradescope.results(report)))), ("HTML", page)):
        if found := UNWANTED & set(text):
            damages.append(f"the {name} holds {sorted(map(ascii, found))}")
    if "49" in page and "{{7*7}}" not in page and "7*7" in plain:
        damages.append("the template engine ran text of the student")
    try:
        (plain + page).encode()
    except UnicodeEncodeError:
        damages.append("a report is not valid Unicode")
    return damages


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in _strings(child)]


def marked(id: str, tries: str, *cells: str, **more: object) -> Attack:
    """A case whose texts are looked at."""
    return Attack(id, tries, MUST_NOT, cells, check=texts_are_clean, **more)


ATTACKS = (
    marked("markup", "Raises messages with HTML, script, Markdown and template code.", raises(f"ValueError('{MARKUP}')")),
    marked("escape-codes", "Raises messages with terminal codes, NUL, surrogates and marks that reorder a line.",
           raises(f"ValueError('{ESCAPES}')")),
    marked("10-mb-message", "Raises messages of 10 MB, in one line, in lines and in a group of exceptions.",
           raises("ExceptionGroup('x' * 5_000_000, [ValueError('line\\n' * 1_000_000)])")),
    marked("odd-strings", "Raises exceptions whose text raises, is no text, is huge, or is a str that lies.",
           raises("(Odd() if Odd.count % 2 else ValueError(Text('x' * 10_000_000)))", ODD_STRINGS)),
    marked("type-names", "Raises exceptions whose type, module and name are markup, or no text at all.",
           raises("(Evil() if Odd.pop() else Nameless())", TYPE_NAMES + "\nOdd = [True, False] * 200\n")),
    marked("magics", "Magics and shell lines whose text is markup, which end up in remarks.",
           ATTEMPT + WRONG, "%<script>alert(1)</script>\n!echo \x1b[31m<img src=x onerror=alert(1)>\nx = 1",
           "%%<script>\nbody", "%time raise ValueError('<script>alert(1)</script>')"),
)  # fmt: skip

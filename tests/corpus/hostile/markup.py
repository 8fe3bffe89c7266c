"""Markup, escape codes and monstrous texts in messages, type names and outputs."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from pathlib import Path

from rich.console import Console

from autograder.frontends import gradescope, html, terminal
from tests.corpus.hostile.attack import Attack
from tests.corpus.hostile.pieces import ATTEMPT, WRONG

MUST_NOT = "It reaches a reader's browser or terminal unescaped, or it makes the result unreadable or huge."
UNWANTED = set("\x1b\0\x07\x08\x7f\x9b\u202e\u2066\u200b\ufeff\u2800\u3164\u115f\uffa0\u034f") | {
    chr(code) for code in range(0xD800, 0xE000)
}
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


# What a student would like the grader to say. It may be quoted, as the words of the student's code.
CLAIM = "ENTER 20 OF 20 BY HAND"
# The claim twice: outside quotation marks if there are none, and if the text can end them.
ENDS = f'{CLAIM} x". \u201d \uff02 \u00bb {CLAIM}. \u201c "y'
PRETENDERS = {
    "time": "class TimeLimit(BaseException): pass",
    "missing": "class NameMissing(KeyError):\n    def __str__(self): return self.args[0]",
    "complaint": "class NoTensor(TypeError): pass\nNoTensor.__module__ = 'autograder.questions.probing'",
    "course": "class NoSchedule(TypeError): pass\nNoSchedule.__module__ = 'kit_course.simclr.q1a_nt_xent.probes'",
    "stub": "class NotImplementedError(Exception): pass",
    "type": f"Claim = type({CLAIM!r}, (Exception,), {{}})",
    "identifier": f"Claim = type({CLAIM.replace(' ', chr(0x3164))!r}, (Exception,), {{}})",
    "real-time": "import sys\nTimeLimit = sys.modules['autograder.sandbox.worker'].TimeLimit",
    "real-missing": "import sys\nNameMissing = sys.modules['autograder.sandbox.worker'].NameMissing",
    "real-complaint": "import sys\nNoTensor = sys.modules['autograder.questions.probing'].NoTensor",
}
FORGED = f"""
import sys
worker = sys.modules["autograder.sandbox.worker"]
worker.describe = lambda error: dict(
    type="TimeLimit", message={CLAIM!r}, cell=1, line=1, complains=True, missing={CLAIM!r}, limit=1.0, timed_out=True)
def nt_xent(*inputs):
    raise ValueError
barlow_twins = nt_xent_euclidean = nt_xent
raise ValueError
"""


def renderings(report: object) -> dict[str, list[str]]:
    """All texts of a report, by who shows them."""
    console = Console(record=True, width=4000, file=io.StringIO())
    terminal.print_report(console, report)
    told = [*report.remarks, *report.notes, *report.attention(), *(verdict.detail for verdict in report.verdicts)]
    return {
        "Gradescope": [part for text in _strings(gradescope.results(report)) for part in _texts(text)],
        "HTML": _texts(html.render(report)),
        "terminal": console.export_text().splitlines(),
        "tables": told,
    }


def _texts(page: str) -> list[str]:
    """The texts of HTML, as they are read, without the line of the student's code, which stands in a block of its own."""
    return [unescape(text) for text in re.split("<[^>]*>", re.sub("<pre><code>[^<]*</code></pre>", "", page))]


def only_quoted(grader: object, report: object, folder: Path) -> list[str]:
    """Where the claim stands outside quotation marks."""
    found = texts_are_clean(grader, report, folder)
    for place, texts in renderings(report).items():
        for text in texts:
            rest = re.sub(r'"[^"\n]*"', "", text.replace(chr(0x3164), " "))
            if CLAIM.casefold() in rest.replace("_", " ").casefold():
                found.append(f"{place} says in the grader's own voice: {rest[:300]}")
    return found


def pretends(name: str, before: str) -> Attack:
    """A case whose exceptions look like those of the grader."""
    kind = re.findall(r"\b(TimeLimit|NameMissing|NoTensor|NoSchedule|NotImplementedError|Claim)\b", before)[-1]
    return Attack(
        f"voice-{name}", "Raises exceptions that look like the grader's own.", "The student speaks as the grader.",
        (raises(f"{kind}({ENDS!r})", before),), check=only_quoted,
    )  # fmt: skip


def no_numbers(grader: object, report: object, folder: Path) -> list[str]:
    """Numbers with a point or many digits in what the grader quotes."""
    said = [quoted for text in renderings(report)["tables"] for quoted in re.findall(r'"[^"]*"', text)]
    said += [quoted for verdict in report.verdicts for quoted in re.findall(r'"[^"]*"', verdict.message)]
    numbers = re.compile(r"\d\.\d|\d[eE][-+]\d|\d{6}|(?:\d\W{1,3}){12}")
    return [
        f"an input is told: {text[:200]}" for text in said if numbers.search(text) or sum(map(str.isdigit, text)) > 40
    ]


def tells(id: str, expression: str) -> Attack:
    """A case whose messages show its inputs."""
    source = (
        "import torch\ndef nt_xent(*inputs):\n"
        f"    raise ValueError({expression})\nbarlow_twins = nt_xent_euclidean = nt_xent"
    )
    return Attack(f"tells-{id}", "Prints its inputs in messages.", "A table of inputs can be read off.", (source,),
                  check=no_numbers)  # fmt: skip


ATTACKS = (
    *(pretends(name, before) for name, before in PRETENDERS.items()),
    Attack("voice-forged", "Replaces the worker's own description of errors.", "The student speaks as the grader.",
           (FORGED,), check=only_quoted),
    Attack("voice-magics", "Shell lines and cell magics whose text is a claim.", "The student speaks as the grader.",
           (f"!{CLAIM}", f"%{CLAIM} \" {CLAIM}", f"%%{CLAIM.replace(' ', '_')}\nx", "x = 1\n%%time\n!" + CLAIM),
           check=only_quoted),
    Attack("voice-blanks", "Blank characters move a claim to a line of its own.", "The student speaks as the grader.",
           (raises(f"ValueError('x' + {'⠀ㅤ'!r} * 140 + {CLAIM!r} + '\u02ee\u3003\U0001f676')"),), check=only_quoted),
    tells("repr", "inputs"),
    tells("list", "[float(x) for x in inputs[0].flatten()]"),
    tells("integers", "[int(1e4 * x) for x in inputs[0].flatten()]"),
    tells("digits", "' '.join(str(float(inputs[0].flatten()[0])).replace('.', 'point'))"),
    tells("hex", "inputs[0].numpy().tobytes().hex()"),
    tells("letters", "'x'.join(str(int(1e4 * x)) for x in inputs[0].flatten())"),
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

"""Syntax of newer Pythons is told from mistakes, with its line and the first version that accepts it."""

import sys
import time

import pytest

from autograder.sandbox.newer import DEFAULT, EXCEPT, FSTRING, PARAMETERS, TEMPLATE, TYPE, newer, valid

# Each source, its line, the version, and what is new.
NEW = [
    ('stats = {"loss": 0.5}\nprint(f"epoch {stats["loss"]:.4f}")', 2, 12, FSTRING),
    ("print(f\"{'\\n'.join(names)}\")", 1, 12, FSTRING),
    ("s = f'{', '.join(names)}'", 1, 12, FSTRING),
    ('f"{f"{f"{1}"}"}"', 1, 12, FSTRING),
    ("x = 1\n\nf'{x!r:>{d['w']}}' 'b'", 3, 12, FSTRING),
    ('f"{\n    x  # a note\n}"', 1, 12, FSTRING),
    ('def f(d):\n    """Its "text" {}."""\n    return f"{d["a"] != 3} {{}} {d=}"  # it\'s', 3, 12, FSTRING),
    ('rf"\\d{d["k"]}" + f"\\N{DEGREE SIGN}{d["k"]}"', 1, 12, FSTRING),
    ("type Numbers = tuple[float, float]", 1, 12, TYPE),
    ("if True:\n    type X = 'Forward'", 2, 12, TYPE),
    ("type X[T] = list[T]", 1, 12, PARAMETERS),
    ("import torch\n\ndef first[T](x: list[T]) -> T:\n    return x[0]", 3, 12, PARAMETERS),
    ("class Stack[T: (int, str), *Ts, **P](Base):\n    def push(self, x: T) -> None: ...", 1, 12, PARAMETERS),
    ("def f[T = int](x): pass", 1, 13, DEFAULT),
    ("try:\n    pass\nexcept ValueError, TypeError:\n    pass", 3, 14, EXCEPT),
    ("try:\n    pass\nexcept* queue.Empty, socket.timeout:\n    pass", 3, 14, EXCEPT),
    ('x = t"{name}"', 1, 14, TEMPLATE),
    ("type X = int\nx = t'{d[\"a\"]}'", 2, 14, TEMPLATE),
]


@pytest.mark.parametrize(("source", "line", "minor", "what"), NEW)
def test_new_syntax_is_named(source, line, minor, what):
    if sys.version_info >= (3, minor):  # a Python that knows the form never asks
        assert valid(source)
    else:
        found = newer(source)
        assert not valid(source) and (found.line, found.version, found.what) == (line, (3, minor), what)


@pytest.mark.parametrize(
    "source",
    [
        "x = f(\ny = 3",
        'print "a"',
        "def f(x)\n    pass",
        "x = 08",
        'f"{a b}"',
        "f'{x'",
        'f"{a["b"}"',
        'f"{}" + f"{x["a"]}"',
        'print(f"{a["b"]}"',
        'a b\nf"{a["b"]}"',
        'f"it"s {x}"',
        "type X",
        "type = 3 4",
        "def f[T(x): pass",
        "try:\n    pass\nexcept Exception, e:\n    print(e)",  # Python 2
        "except A, B:\n    pass",
        "def f:\n    '''type X = int'''",
        "# type X = int\nx = (",
    ],
)
def test_a_mistake_is_no_new_syntax(source):
    assert newer(source) is None and not valid(source)


@pytest.mark.parametrize(
    "source",
    [
        "def f[T](x): 0\n" * 3_000 + "(",
        "f'{x['a']}'\n" * 4_000 + "(",
        "f'{" * 16_000,
        "f'{a:{" * 5_000,
        "'" * 50_000,
        "f'" + "{1}" * 15_000 + "{'a'}'",
        "def f" + "[" * 45_000,
        "type X = 0;" * 4_500 + "(",
    ],
    ids=lambda source: ascii(source[:12]),
)
def test_made_up_sources_take_no_long_time(source):
    started = time.process_time()
    newer(source)
    assert time.process_time() - started < 3

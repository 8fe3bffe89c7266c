"""Ends and hangs: exit, abort, segmentation fault, recursion, endless generators, destructors, imports and C code."""

from __future__ import annotations

from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT, WRONG_ONCE

MUST_NOT = "The grader ends or hangs with it, or points that were earned are lost."

# The right function of the first question stands; another one does the deed, once.
DEED = r"""
def nt_xent_euclidean(z_i, z_j, temperature):
    if z_i.shape[0] == 1 and not z_i.requires_grad:
        deed()
"""


def end(id: str, tries: str, deed: str, **more: object) -> Attack:
    """A case that does something fatal in one question and is right in another."""
    return Attack(id, tries, MUST_NOT, (*RIGHT_ONE, ATTEMPT, deed, DEED), honest=ONE, **more)


HANGS_ON_IMPORT = {"slow_helper.py": b"while True:\n    pass\n"}
ATTACKS = (
    end("exit", "Ends the process by os._exit(0) in a test.", "import os\ndef deed(): os._exit(0)"),
    end(
        "system-exit",
        "Raises SystemExit, KeyboardInterrupt and GeneratorExit in turn.",
        "import itertools\nkinds = itertools.cycle([SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])\n"
        "def deed(): raise next(kinds)(0)",
    ),
    end("abort", "Aborts: SIGABRT in C code.", "import ctypes\ndef deed(): ctypes.CDLL(None).abort()"),
    end("segmentation-fault", "Reads address 0.", "import ctypes\ndef deed(): ctypes.string_at(0)"),
    end(
        "recursion",
        "Recurses without end, with the limit on it taken away.",
        "import sys\nsys.setrecursionlimit(2 ** 31 - 1)\ndef deed(): return deed()",
    ),
    end(
        "recursion-in-c",
        "Nests so deeply that C code recurses: literals, lists, patterns and copies.",
        "import ast, copy, functools, pickle, re\n"
        "def deed():\n"
        "    nested = []\n"
        "    for _ in range(1_000_000):\n"
        "        nested = [nested]\n"
        "    attempt(repr, nested); attempt(copy.deepcopy, nested); attempt(pickle.dumps, nested)\n"
        "    attempt(re.compile, '(' * 100_000 + ')' * 100_000); attempt(ast.literal_eval, '-' * 1_000_000 + '1')\n"
        "    attempt(functools.reduce(lambda f, _: functools.partial(f), range(1_000_000), print))\n"
        "    del nested",
    ),
    end(
        "endless-generator",
        "Consumes an endless generator, in Python and in C.",
        "import itertools\ndef deed(): return sum(itertools.count())",
    ),
    Attack(
        "hangs-in-destructor",
        "Returns an object whose destructor never ends, and hangs in __repr__, __str__ and __reduce__.",
        MUST_NOT,
        (
            ATTEMPT,
            "import time\nclass Sticky(Exception):\n    def __del__(self):\n        while True: time.sleep(1)\n"
            "    __str__ = __repr__ = __reduce__ = __format__ = __del__\ndef during(): raise Sticky",
            WRONG_ONCE,
        ),
    ),
    Attack(
        "hangs-in-import",
        "Imports a module beside the notebook that never ends, in a cell after the right function.",
        MUST_NOT,
        (*RIGHT_ONE, "import slow_helper"),
        honest=ONE,
        files=HANGS_ON_IMPORT,
    ),
    Attack(
        "hangs-in-c",
        "Stays in C code that looks at no signal: a large product, a large power, a backtracking pattern.",
        MUST_NOT,
        (
            ATTEMPT,
            "import re, threading\ndef during():\n    re.match('(a+)+$', 'a' * 60 + 'b')\n    10 ** 10 ** 9",
            WRONG_ONCE,
        ),
    ),
    Attack(
        "cell-for-ever",
        "A cell before the right function loops for ever.",
        MUST_NOT,
        ("while True:\n    pass", *RIGHT_ONE),
        honest=ONE,
    ),
    Attack(
        "dies-in-every-cell",
        "Every cell but that of the right function ends the process.",
        MUST_NOT,
        ("import os\nos._exit(0)", *RIGHT_ONE, "import os\nos.abort()", "import os\nos.kill(os.getpid(), 9)"),
        honest=ONE,
    ),
    Attack(
        "closes-descriptors",
        "Closes every descriptor, the grader's connection among them, and opens others in their place.",
        MUST_NOT,
        (
            *RIGHT_ONE,
            "import os\nos.closerange(0, 4096)\nfor _ in range(10): os.open('/dev/null', os.O_RDWR)",
        ),
        honest=ONE,
    ),
)

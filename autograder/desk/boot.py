"""Unpacks the checks that a notebook carries and starts them. Its text is run by a cell of the notebook: it imports nothing
of its own package before that package can be found."""

from __future__ import annotations

import base64
import json
import lzma
import sys
from importlib.machinery import ModuleSpec

PACKAGE = "kit_desk"  # in the student's process: another kit may be installed there


class Packed:
    """Finds and loads the modules whose texts the notebook carries."""

    def __init__(self, texts: dict) -> None:
        self.texts = texts

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The module, if the notebook carries it."""
        if name not in self.texts:
            return None
        return ModuleSpec(name, self, is_package=any(other.startswith(f"{name}.") for other in self.texts))

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's own way."""

    def exec_module(self, module: object) -> None:
        """Run the module's text."""
        exec(compile(self.texts[module.__name__], f"<{module.__name__}>", "exec"), module.__dict__)


def start(packed: dict, names: dict) -> object:
    """The object ``grader`` of a notebook whose namespace is ``names``; ``packed`` are the strings of its cell."""
    carried = json.loads(lzma.decompress(base64.b85decode(packed["code"])))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "Packed"]
    sys.meta_path.insert(0, Packed(carried.pop("modules")))
    from importlib import import_module

    checks = import_module(f"{PACKAGE}.desk.grader")
    return checks.Grader(names, packed, **carried)

"""Unpacks the checks that a notebook carries and starts them. Its text is run by a cell of the notebook: it imports nothing
of its own package before that package can be found."""

from __future__ import annotations

import base64
import json
import lzma
import sys
import zlib
from importlib.machinery import ModuleSpec

PACKAGE = "kit_desk"  # in the student's process: another kit may be installed there


class Sentence:
    """An exception that a notebook shows as its sentence, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class NotWhole(Sentence, ValueError):
    """Some of the notebook's checks were not run, or are not what they were."""


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


def start(packed: dict, names: dict, sums: dict) -> object:
    """The object ``grader`` of a notebook.

    Args:
        packed: the strings of its cells.
        names: its namespace.
        sums: the checksums of the strings, by their names.

    Raises:
        NotWhole: a string is missing, or another one.
    """
    lost = [name for name, total in sums.items() if zlib.crc32(packed.get(name, "").encode()) != total]
    if lost:
        raise NotWhole(
            f"Parts of the checks are missing ({', '.join(lost)}). Run all cells called Checks, from part 1 on. If you "
            "changed or deleted one of them, copy it from the notebook as you got it."
        )
    carried = json.loads(lzma.decompress(base64.b85decode(packed["code"])))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "Packed"]
    sys.meta_path.insert(0, Packed(carried.pop("modules")))
    from importlib import import_module

    checks = import_module(f"{PACKAGE}.desk.grader")
    return checks.Grader(names, packed, **carried)

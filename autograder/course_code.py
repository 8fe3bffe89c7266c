"""The code of a course's assignments, imported by path under a name of the kit's own: ``kit_course.simclr.q2_encoder``.

So an assignment called ``torch``, ``random`` or ``vae`` hides no module of that name.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

PACKAGE = "kit_course"


def open_package(folder: Path) -> None:
    """Let ``import kit_course.NAME`` look in ``folder``, and forget modules that came from another folder."""
    importlib.invalidate_caches()  # the folder may have been written a moment ago
    known = sys.modules.get(PACKAGE)
    if known is not None and list(known.__path__) == [str(folder)]:
        return
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    package.__spec__ = ModuleSpec(PACKAGE, None, is_package=True)
    sys.modules[PACKAGE] = package

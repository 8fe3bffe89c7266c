"""Keeps ``import nbformat`` (and so otter) quick: import this module before them.

``nbformat`` imports ``jsonschema``, which tries the optional ``rfc3987_syntax``; that package compiles a grammar while
it is imported (3 s of 3.5 s) for a check of IRIs that no notebook needs. ``None`` in ``sys.modules`` makes the import
fail at once, as if the package were not installed, and ``jsonschema`` goes on without it.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)

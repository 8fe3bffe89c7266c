"""The trusted side: collects a submission, calls the sandbox, compares tensors, and gathers verdicts in a report."""

import sys

# ``nbformat`` (and so Otter) imports ``jsonschema``, which tries the optional ``rfc3987_syntax``; that package compiles
# a grammar while it is imported (4 s of 6 s) for a check of IRIs that no notebook needs. ``None`` makes its import fail
# at once, as if it were not installed. The line is here so that it runs before any module of this package.
sys.modules.setdefault("rfc3987_syntax", None)

"""Probes that import what they must not: a question's oracle."""

import sys
from types import ModuleType

sys.modules["autograder.questions.example.oracle"] = ModuleType("oracle")

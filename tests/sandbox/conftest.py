"""The preloaded parent of the engine's tests, for the sandbox's too."""

from tests.engine.conftest import zygote  # noqa: F401

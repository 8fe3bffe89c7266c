"""The sub-commands of ``./kit``, one module each: ``HELP``, ``EXAMPLE``, ``configure(parser)`` and ``run(arguments)``."""

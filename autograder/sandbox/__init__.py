"""Runs student code: a preloaded parent (``preload``, ``zygote``), its forked workers, and the layers around them."""

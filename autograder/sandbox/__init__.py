"""Where student code runs: a preloaded parent (``preload``, ``zygote``), its forked workers, the layers around them."""

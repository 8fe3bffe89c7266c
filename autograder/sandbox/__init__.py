"""Where student code runs: a preloaded parent (``zygote``), its forked workers, and the layers around them."""

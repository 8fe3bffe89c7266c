"""What a function does beside its result: inputs changed, random state and default dtype touched, dtype not kept."""

"""The trusted side: brings a submission in, asks the sandbox, judges tensors, and collects verdicts in a report."""

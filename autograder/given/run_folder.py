grader = make_grader() or NoChecks()
RUN = make_run_folder(Path(os.environ.get("KIT_RUN", "run")))
FIGURES = RUN / "figures"

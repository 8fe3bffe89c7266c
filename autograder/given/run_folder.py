RUN = Path(os.environ.get("KIT_RUN", "run"))
FIGURES = RUN / "figures"
FIGURES.mkdir(parents=True, exist_ok=True)
grader = make_grader()

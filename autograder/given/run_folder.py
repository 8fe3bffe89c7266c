RUN = Path(os.environ.get("KIT_RUN", "run"))
FIGURES = RUN / "figures"
try:
    FIGURES.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise Stop(f"No folder for your results ({error}): set KIT_RUN to a folder where you may write.") from None
grader = make_grader()

class tqdm(tqdm):
    """A progress bar that appears after two seconds, changes once a second at most, and leaves nothing behind."""

    shown = None  # where a notebook shows it

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **{"delay": 2, "mininterval": 1, **settings})
        self.displayed = True  # what a bar displays by itself stays in the notebook

    def set_postfix(self, ordered_dict=None, refresh=False, **numbers):
        super().set_postfix(ordered_dict, refresh, **numbers)

    def update(self, n=1):
        changed = super().update(n)
        if changed and self.shown is None and hasattr(self, "container"):
            from IPython.display import display

            self.shown = display(self.container, display_id=True)
        return changed

    def close(self):
        super().close()
        if self.shown and not self.leave:
            shown, self.shown = self.shown, None  # a bar is closed again when it is collected, maybe cells later
            shown.update({"text/plain": ""}, raw=True)

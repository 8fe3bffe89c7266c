def save_figure(figure, name: str) -> None:
    """Write ``figure`` to the run's figures folder and show it."""
    figure.savefig(FIGURES / f"{name}.png", dpi=120, bbox_inches="tight")
    plt.show()


def plot_history(history: list[dict], title: str, **panels: str):
    """Curves over the epochs: a panel for each keyword, its label, with the columns of the history named in its text."""
    figure, all_axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.2), squeeze=False)
    epochs = [row["epoch"] for row in history]
    for axes, (label, columns) in zip(all_axes[0], panels.items()):
        for column in columns.split():
            values = [row[column] for row in history]
            axes.plot(epochs, values, marker="." if len(epochs) < 40 else None, label=column.replace("_", " "))
        axes.set(xlabel="epoch", ylabel=label.replace("_", " "), title=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        axes.grid(alpha=0.3)
    figure.tight_layout()
    return figure

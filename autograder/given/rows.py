def show_rows(rows: list, titles: list[str], row_names: list[str]):
    """Rows of uint8 images (c, h, w) with a title above each column."""
    size = (1.3 * len(titles), 1.45 * len(rows) + 0.2)
    figure, axes = plt.subplots(len(rows), len(titles), figsize=size, squeeze=False)
    for line, images, name in zip(axes, rows, row_names):
        for axis, image in zip(line, images):
            axis.imshow(image.permute(1, 2, 0).squeeze(-1), cmap="gray", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, fontsize=9)
    for axis, title in zip(axes[0], titles):
        axis.set_title(title, fontsize=9)
    figure.tight_layout()
    return figure

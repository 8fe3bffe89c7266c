class Batches:
    """Batches (draw(images), labels) of uint8 images, all of which are on the device."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, batch_size: int, draw, shuffle: bool = True):
        self.images, self.labels = images.to(DEVICE), labels.to(DEVICE)
        self.batch_size, self.draw, self.shuffle = batch_size, draw, shuffle

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __iter__(self):
        order = torch.randperm(len(self.images)) if self.shuffle else torch.arange(len(self.images))
        for some in order.to(DEVICE).split(self.batch_size):
            yield self.draw(self.images[some]), self.labels[some]

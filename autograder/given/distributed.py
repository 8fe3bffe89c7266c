# Under torchrun every process runs this notebook's code on its share of each batch; alone, RANK is 0 and WORLD 1.
RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
if WORLD > 1 and not torch.distributed.is_initialized():
    if DEVICE.type == "cuda":
        DEVICE = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(DEVICE)
    torch.distributed.init_process_group("nccl" if DEVICE.type == "cuda" else "gloo")


class GatherRows(torch.autograd.Function):
    """The rows of all processes, in order of rank; the gradient of each process's rows is the sum over all processes."""

    @staticmethod
    def forward(ctx, rows):
        ctx.rows = [torch.zeros_like(rows) for _ in range(WORLD)]
        torch.distributed.all_gather(ctx.rows, rows.contiguous())
        return torch.cat(ctx.rows)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.clone(memory_format=torch.contiguous_format)  # others may hold it, too
        torch.distributed.all_reduce(gradient)
        return gradient.chunk(WORLD)[RANK]


def gathered(rows: torch.Tensor) -> torch.Tensor:
    """(n, d) of this process -> (WORLD * n, d) of all, so a contrastive loss sees every process's negatives.

    Every process then computes the same loss; the gradients, summed here and averaged by DistributedDataParallel, are
    those of one process with the whole batch.
    """
    return rows if WORLD == 1 else GatherRows.apply(rows)


def my_share(order: torch.Tensor) -> torch.Tensor:
    """This process's part of a batch of indices, of one size in all processes: the last few are left out if need be."""
    return order[: len(order) // WORLD * WORLD].chunk(WORLD)[RANK] if WORLD > 1 else order


def same_everywhere(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor of process 0, in all processes."""
    if WORLD > 1:
        torch.distributed.broadcast(tensor, 0)
    return tensor


def same_object(content: object) -> object:
    """What process 0 has, in all processes."""
    contents = [content]
    if WORLD > 1:
        torch.distributed.broadcast_object_list(contents, 0)
    return contents[0]


def of_all_processes(content: object) -> object:
    """What each process has, as a list; of one process alone just that."""
    if WORLD == 1:
        return content
    contents = [None] * WORLD
    torch.distributed.all_gather_object(contents, content)
    return contents


def wait_for_all() -> None:
    """Go on when every process is here."""
    if WORLD > 1:
        torch.distributed.barrier()


def mean_of_processes(numbers: dict[str, float]) -> dict[str, float]:
    """Each number's mean over all processes."""
    if WORLD == 1:
        return numbers
    values = torch.tensor([*numbers.values()], dtype=torch.float32, device=DEVICE)
    torch.distributed.all_reduce(values)
    return dict(zip(numbers, (values / WORLD).tolist(), strict=True))


def across_processes(model: nn.Module) -> nn.Module:
    """``model`` with gradients averaged over all processes, and on GPUs with batch statistics of all of them."""
    if WORLD == 1:
        return model
    if DEVICE.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)


def share_statistics(model: nn.Module) -> None:
    """The running statistics of process 0's batch norms, in all processes."""
    for buffer in model.buffers():
        same_everywhere(buffer)

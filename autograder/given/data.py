def data_folders() -> list[Path]:
    """The folders where data may be, the most specific one first."""
    told = [os.environ["KIT_DATA"]] if os.environ.get("KIT_DATA") else []
    return [Path(folder) for folder in (*told, "data", "../data", "../../data")]


def prepared_rows(split: str, limit: int) -> torch.Tensor | None:
    """The first rows (label, bytes of the image) of a prepared copy of the data set, or None if there is none."""
    files = (folder / HP["dataset"] / f"{split}.npy" for folder in data_folders())
    prepared = next((file for file in files if file.is_file()), None)
    return torch.from_numpy(np.load(prepared, mmap_mode="r")[:limit].copy()) if prepared else None


def official(kind, unpacked: str, **options):
    """torchvision's data set of a kind from the folder where ``unpacked`` lies, or downloaded.

    Raises:
        Stop: it could not be downloaded.
    """
    root = next((folder for folder in data_folders() if (folder / unpacked).exists()), data_folders()[0])
    try:
        return kind(root, download=True, **options)
    except (OSError, RuntimeError) as error:
        address = getattr(kind, "url", None) or (kind.mirrors[0] if hasattr(kind, "mirrors") else "its server")
        why = " ".join(str(error).split())
        raise Stop(
            f"Could not download {kind.__name__} from {address} ({why}): download it on a machine with internet access "
            f"and copy it to {root.resolve()}, or set KIT_DATA to the folder that holds it, then run this cell again."
        ) from None

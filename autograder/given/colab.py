import os

try:
    import google.colab  # noqa: F401

    ON_COLAB = True
except ImportError:
    ON_COLAB = False

KEEP_ON_DRIVE = True  # on Colab: keep the run folder on your Google Drive, so that you can resume a lost session

if ON_COLAB and KEEP_ON_DRIVE and "KIT_RUN" not in os.environ:
    from google.colab import drive

    drive.mount("/content/drive")
    os.environ["KIT_RUN"] = "/content/drive/MyDrive/{{name}}-run"

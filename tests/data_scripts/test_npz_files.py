"""``--npz``: a prepared data set as the files that a command line reads."""

import numpy as np
import pytest

from data_scripts import DataError, prepare_generated
from data_scripts.command import main
from data_scripts.npz_files import write_npz


@pytest.fixture
def data(tmp_path):
    return prepare_generated(tmp_path, 40, 20, progress=False)


def test_images_have_their_channels_last(data, tmp_path):
    train, test = write_npz(data, 7)
    assert (train, test) == (tmp_path / "cifar10_train.npz", tmp_path / "test_images_7.npz")
    with np.load(train) as found:
        assert found["images"].shape == (40, 32, 32, 3) and found["images"].dtype == np.uint8
        assert np.array_equal(found["images"][3, :, :, 1], data.images("train")[3, 1])
        assert np.array_equal(found["labels"], data.labels("train"))
    with np.load(test) as found:
        assert len(found["images"]) == 20
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_that_takes_no_file_is_told(data, tmp_path):
    (tmp_path / "cifar10_train.npz").mkdir()
    with pytest.raises(DataError, match="directory"):
        write_npz(data)
    assert not list(tmp_path.glob("*.part"))


def test_the_command_writes_them_beside_the_data_set(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("data_scripts.command.prepare_all", lambda *wanted, **options: [data])
    assert main(["cifar10", "--npz", "--out", str(tmp_path)]) == 0
    assert f"{tmp_path / 'test_images_23754.npz'}\n" in capsys.readouterr().out
    assert main(["cifar10", "--npz", "5", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "test_images_5.npz").is_file()


@pytest.mark.parametrize("arguments", [["--npz"], ["cifar10", "mnist", "--npz"], ["cifar10", "--npz", "0"]])
def test_a_command_that_makes_no_sense_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert "--npz" in capsys.readouterr().err

"""Downloads from a server of this machine that is slow, cuts connections, knows no ranges or alters what it sends."""

import fcntl
import hashlib
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from data_scripts import DataError, download
from data_scripts.download import Remote, Undelivered, fetch, require_fetched, require_there

CONTENT = np.random.RandomState(0).bytes(700_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def file(web, tmp_path):
    """A served file that belongs into the folder ``out``."""
    (web.folder / "file.bin").write_bytes(CONTENT)
    return Remote(tmp_path / "out/file.bin", (f"{web.address}/file.bin",), MD5)


@pytest.fixture
def part(file):
    """Where an unfinished download of ``file`` lies."""
    file.path.parent.mkdir()
    return file.path.with_name("file.bin.part")


@pytest.fixture
def patient(monkeypatch):
    """No waiting between tries."""
    monkeypatch.setattr(download, "PAUSE", 0)


def get(*files, spare=0):
    """Fetch, and raise what a person would be told."""
    require_fetched(files, fetch(files, spare, progress=False))


def test_a_file_takes_its_name_once_it_is_whole_and_is_not_asked_for_again(file, web):
    get(file)
    assert file.path.read_bytes() == CONTENT and [path.name for path in file.path.parent.iterdir()] == ["file.bin"]
    get(file)
    assert web.requests == [("file.bin", 0)]


def test_a_file_of_unknown_length_comes_too(file, web):
    web.lengths = False
    get(file)
    assert file.path.read_bytes() == CONTENT


def test_a_part_is_continued(file, web, part):
    part.write_bytes(CONTENT[:300_000])
    get(file)
    assert file.path.read_bytes() == CONTENT and not part.exists()
    assert web.requests == [("file.bin", 300_000)] and web.served == 400_000


def test_a_server_without_ranges_sends_the_whole(file, web, part):
    web.ranges = False
    part.write_bytes(CONTENT[:300_000])
    get(file)
    assert file.path.read_bytes() == CONTENT and web.served == 700_000


def test_a_whole_part_only_takes_its_name(file, web, part):
    part.write_bytes(CONTENT)
    get(file)
    assert file.path.read_bytes() == CONTENT and web.served == 0


@pytest.mark.parametrize("wrong", [b"x" * 1000, CONTENT + b"longer"], ids=["other", "longer"])
def test_a_part_of_something_else_is_begun_again(file, web, part, wrong):
    part.write_bytes(wrong)
    get(file)
    assert file.path.read_bytes() == CONTENT and web.requests[1:] == [("file.bin", 0)]


def test_a_dropped_connection_is_continued_at_once(file, web, patient):
    web.drops = [100_000, 200_000]
    get(file)
    assert file.path.read_bytes() == CONTENT and web.served == 700_000
    assert [first for _, first in web.requests] == [0, 100_000, 300_000]


def test_a_server_that_only_ever_sends_a_little_is_asked_until_all_is_here(file, web, patient):
    """Tries are counted from the last one that brought something."""
    web.drops = [100_000] * 6
    get(file)
    assert file.path.read_bytes() == CONTENT and len(web.requests) == 7


def test_what_came_before_the_connection_was_lost_is_kept_for_the_next_run(file, web, part, patient):
    web.drops = [300_000] + [0] * 10
    with pytest.raises(
        DataError, match=r"file.bin: the download failed \(the connection ended after 300,000 of 700,000"
    ):
        get(file)
    assert len(web.requests) == download.TRIES and part.read_bytes() == CONTENT[:300_000] and not file.path.exists()
    web.drops = []
    get(file)
    assert file.path.read_bytes() == CONTENT and web.served == 700_000


def test_a_server_without_ranges_that_always_drops_is_given_up(file, web, patient):
    web.ranges, web.drops = False, [300_000] * 20
    with pytest.raises(DataError, match="the connection ended after 300,000 of 700,000 bytes"):
        get(file)
    assert len(web.requests) == download.TRIES


def test_altered_bytes_are_named_and_nothing_of_them_stays(file, web):
    altered = CONTENT[:-1] + b"!"
    (web.folder / "file.bin").write_bytes(altered)
    with pytest.raises(DataError) as error:
        get(file)
    assert str(error.value) == (
        f"{web.address}/file.bin: the download failed (damaged or not the official file (700,000 bytes with MD5 "
        f"{hashlib.md5(altered).hexdigest()} where {MD5} is expected)); check the network and run the same command "
        f"again, or get {web.address}/file.bin elsewhere and put it into {file.path.parent}, or give a copy with --source"
    )
    assert list(file.path.parent.iterdir()) == [] and len(web.requests) == 1


def test_altered_bytes_are_named_also_where_the_connection_is_dropped(file, web, patient):
    (web.folder / "file.bin").write_bytes(CONTENT[:-1] + b"!")
    web.drops = [300_000] * 20
    with pytest.raises(DataError, match="damaged or not the official file"):
        get(file)
    assert [first for _, first in web.requests] == [0, 300_000, 600_000]


def test_a_web_page_in_the_place_of_the_file_costs_nothing_that_is_here(file, web, part):
    """A network that asks for a login first answers every request with its page."""
    part.write_bytes(CONTENT[:300_000])
    web.kind = "text/html; charset=utf-8"
    with pytest.raises(DataError, match="the server sent a web page instead of the file"):
        get(file)
    assert part.read_bytes() == CONTENT[:300_000]
    web.kind = ""
    get(file)
    assert file.path.read_bytes() == CONTENT and web.requests[-1] == ("file.bin", 300_000)


def test_an_altered_file_that_lies_there_is_named_and_replaced(file, part, capfd):
    file.path.write_bytes(CONTENT[:1000])
    assert fetch([file]) == {}
    assert file.path.read_bytes() == CONTENT
    assert f"{file.path}: damaged or not the official file (1,000 bytes with MD5 " in capfd.readouterr().err


def test_an_altered_file_stays_where_no_other_can_be_had(file, web, part):
    """It may be all that somebody has; its name says nothing, its MD5 is asked of it every time."""
    file.path.write_bytes(b"mine")
    (web.folder / "file.bin").unlink()
    with pytest.raises(DataError, match="404"):
        get(file)
    assert file.path.read_bytes() == b"mine" and file.problem()


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, 2)])
def test_a_refusal_is_final_and_an_error_of_the_server_is_not(file, web, patient, status, requests):
    web.errors = [status]
    errors = fetch([file], progress=False)
    assert len(web.requests) == requests
    assert file.path.exists() == (status == 503) == (not errors)


def test_where_nobody_answers_one_try_is_enough(file, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = Remote(file.path, (f"http://127.0.0.1:{closed.getsockname()[1]}/file.bin",), MD5)
        monkeypatch.setattr(download, "PAUSE", 5)
        begun = time.monotonic()
        with pytest.raises(DataError, match=r"the download failed \(\[Errno 111\] Connection refused\)"):
            get(nobody)
        assert time.monotonic() - begun < 5


def test_a_silent_server_is_given_up_after_the_time_limit(file, web, monkeypatch, patient):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    silence = threading.Event()
    web.before = silence.wait
    with pytest.raises(DataError, match="timed out"):
        get(file)
    silence.set()
    assert len(web.requests) == download.TRIES


def test_another_address_goes_on_where_the_first_fails(file, web, patient):
    (web.folder / "second").mkdir()
    (web.folder / "second/file.bin").write_bytes(CONTENT)
    web.drops = [300_000] + [0] * (download.TRIES - 1)
    get(Remote(file.path, (f"{web.address}/absent.bin", *file.addresses, f"{web.address}/second/file.bin"), MD5))
    assert file.path.read_bytes() == CONTENT and web.requests[-1] == ("second/file.bin", 300_000)


def files_like(file, web, count):
    """``count`` served files with their own content."""
    made = []
    for k in range(count):
        content = CONTENT[k:]
        (web.folder / f"{k}.bin").write_bytes(content)
        path = file.path.with_name(f"{k}.bin")
        made.append(Remote(path, (f"{web.address}/{k}.bin",), hashlib.md5(content).hexdigest()))
    return made


def test_several_files_come_at_once(file, web):
    """The server sends none before all are asked for."""
    files = files_like(file, web, download.AT_ONCE)
    web.before = threading.Barrier(len(files), timeout=20).wait
    get(*files)
    assert [remote.path.read_bytes() for remote in files] == [CONTENT[k:] for k in range(len(files))]


def test_no_more_than_some_come_at_once(file, web):
    now, most, lock = [0], [0], threading.Lock()

    def count(step):
        with lock:
            now[0] += step
            most[0] = max(most[0], now[0])

    def before():
        count(1)
        time.sleep(0.05)
        count(-1)

    web.before = before
    get(*files_like(file, web, 3 * download.AT_ONCE))
    assert most[0] <= download.AT_ONCE


def test_a_file_that_fails_stops_no_other_and_all_that_is_missing_is_named(file, web):
    files = files_like(file, web, 4)
    (web.folder / "1.bin").unlink()
    (web.folder / "3.bin").unlink()
    errors = fetch(files, progress=False)
    assert set(errors) == {files[1].path, files[3].path} and files[0].path.exists() and files[2].path.exists()
    with pytest.raises(
        DataError, match=rf"/1.bin: .* get \S+/1.bin and \S+/3.bin elsewhere and put them into {file.path.parent}"
    ):
        require_fetched(files, errors)
    require_fetched([files[0], files[2]], errors)


def test_offline_nothing_is_asked_for_and_everything_that_is_missing_is_named(file, web, part):
    absent, damaged, there = files_like(file, web, 3)
    damaged.path.write_bytes(b"damaged")
    there.path.write_bytes(CONTENT[2:])
    require_there([there])
    with pytest.raises(
        DataError, match=r"0.bin: missing, and nothing is .* offline; get \S+0.bin and \S+1.bin elsewhere"
    ):
        require_there([there, absent, damaged])
    with pytest.raises(DataError, match="1.bin: damaged or not the official file"):
        require_there([damaged])
    assert web.requests == []


def test_two_processes_do_not_write_the_same_part(file, web, part):
    with open(part, "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="file.bin.part: another process"):
            get(file)
    get(file)
    assert web.requests == [("file.bin", 0)]


def test_an_archive_that_finds_no_room_is_not_begun(file, web):
    """A petabyte, asked of the real disk."""
    web.boast = 10**15
    with pytest.raises(DataError, match=r"out: 1.00 PB more are needed here and [\d.]+ .B are free; free some space"):
        get(file)
    assert list(file.path.parent.iterdir()) == []


def test_room_for_what_is_made_of_it_is_asked_for_too(file):
    with pytest.raises(DataError, match="2.00 PB more are needed here"):
        get(file, spare=2 * 10**15)
    assert list(file.path.parent.iterdir()) == []


@pytest.fixture
def disk_of_1_mb(file, monkeypatch):
    """``out`` is a disk of 1 MiB: a real one where it can be mounted, else what is asked about it is made up."""
    folder = file.path.parent
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:

        def usage(_):
            used = sum(path.stat().st_size for path in folder.iterdir())
            return type("Usage", (), {"free": 2**20 - used})

        monkeypatch.setattr("shutil.disk_usage", usage)
    yield folder
    if not mounted.returncode:
        subprocess.run(["umount", folder], check=True)


def test_bytes_that_are_here_need_no_room_again(file, web, disk_of_1_mb):
    """600,000 of 700,000 bytes are here, 448,576 are free."""
    (disk_of_1_mb / "file.bin.part").write_bytes(CONTENT[:600_000])
    with pytest.raises(DataError, match="500 kB more are needed here and 44. kB are free"):
        get(file, spare=400_000)
    get(file)
    assert file.path.read_bytes() == CONTENT and web.requests == [("file.bin", 600_000)] * 2


def test_files_that_come_together_need_room_together(file, web, disk_of_1_mb):
    """Each of two would fit alone."""
    files = files_like(file, web, 2)
    errors = fetch(files, progress=False)
    assert len(errors) == 1 and "needed here" in str(*errors.values())
    assert sorted(path.name for path in disk_of_1_mb.iterdir()) in (["0.bin"], ["1.bin"])


def test_a_full_disk_is_told_and_what_came_is_kept(file, web, disk_of_1_mb):
    """A server that does not tell the length: the disk fills up."""
    content = CONTENT * 2
    (web.folder / "file.bin").write_bytes(content)
    web.lengths = False
    if not os.path.ismount(disk_of_1_mb):
        pytest.skip("no disk can be mounted here")
    with pytest.raises(DataError, match="file.bin.part: no space left to write"):
        get(file)
    kept = (disk_of_1_mb / "file.bin.part").read_bytes()
    assert len(kept) > 500_000 and content.startswith(kept)


FETCH = """
import sys
from pathlib import Path
from data_scripts.download import Remote, fetch
try:
    print(fetch([Remote(Path(path), (sys.argv[1],), sys.argv[2]) for path in sys.argv[3:]]))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture
def start(file, kit_root):
    """Fetch ``file``, to other paths too, in a process of its own."""

    def start(*paths, **options):
        command = [sys.executable, "-c", FETCH, *file.addresses, file.md5, file.path, *paths]
        reset = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
        return subprocess.Popen(command, cwd=kit_root, stdout=subprocess.PIPE, text=True, **reset, **options)

    return start


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_download_is_continued_by_the_next_run(file, web, start, signal_number):
    """Half of the file has come when the server falls silent."""
    halfway, go_on = threading.Event(), threading.Event()
    web.half = lambda: (halfway.set(), go_on.wait(30))
    process = start(stderr=subprocess.DEVNULL)
    assert halfway.wait(30)
    part = file.path.with_name("file.bin.part")
    while not part.exists() or part.stat().st_size < 300_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal_number)
    output, _ = process.communicate(timeout=30)
    assert output == ("interrupted\n" if signal_number == signal.SIGINT else "")
    here = part.stat().st_size
    assert CONTENT.startswith(part.read_bytes()) and not file.path.exists()
    go_on.set()
    web.half = lambda: None
    before = web.served
    process = start(stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=30)
    assert output == "{}\n" and f"continuing after {here:,} of 700,000 bytes" in errors
    assert file.path.read_bytes() == CONTENT and web.requests == [("file.bin", 0), ("file.bin", here)]
    assert web.served - before <= 700_000 - here + 350_000  # the second half of the first answer may be counted here


def test_ctrl_c_does_not_wait_for_silent_servers(file, web, start):
    asked, silence = threading.Semaphore(0), threading.Event()
    web.before = lambda: (asked.release(), silence.wait(60))
    process = start(file.path.with_name("other.bin"))
    assert asked.acquire(timeout=30) and asked.acquire(timeout=30)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "interrupted\n"
    silence.set()


def shown_by(start):
    """The line that a fetch leaves on a terminal."""
    terminal, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 100))  # a new one has no columns, and tqdm would have no room
    process = start(stderr=slave)
    os.close(slave)
    shown = b""
    with suppress(OSError):  # the other end is closed
        while piece := os.read(terminal, 1000):
            shown += piece
    os.close(terminal)
    assert process.wait(timeout=30) == 0
    return shown.decode().replace("\r\n", "\n").split("\r")[-1]


def test_progress_is_shown_on_a_terminal_alone(file, start):
    assert "download: 100%" in (shown := shown_by(start)) and "700k/700k" in shown
    assert shown_by(start) == "", "nothing was left to download"
    file.path.unlink()
    assert start(stderr=subprocess.PIPE).communicate(timeout=30) == ("{}\n", "")


def test_errors_of_the_network_and_of_this_machine_are_told_apart(file, tmp_path):
    (tmp_path / "out").write_text("a file where a folder is expected")
    errors = fetch([file], progress=False)
    assert not isinstance(errors[file.path], Undelivered)
    with pytest.raises(DataError, match="out.*; check the path and its permissions$"):
        require_fetched([file], errors)

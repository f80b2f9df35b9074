"""Work in processes: the same results, nothing copied twice, and no death goes unnoticed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import psutil
import pytest
import scipy.sparse as sp

from pathweave import settings
from pathweave._core import workers
from pathweave._core.warnings import DataWarning, MemoryLimitWarning, WorkerDiedWarning
from pathweave._core.workers import close_workers, how_many, memory, run_items
from pathweave._core.workers.mapped import mapped, read

GONE = "no such gene"
NAMES = ["first", "second", "third", "fourth"]


def our_workers():
    return [p for p in psutil.Process().children() if "workers import inside" in str(p.cmdline())]


@pytest.fixture(autouse=True)
def _closed():
    yield
    close_workers()
    assert not our_workers(), "a process is left"


def test_results_in_order_whatever_the_number_of_processes():
    def power(shared, i):
        return i, float((shared["x"] ** i).sum())

    shared = {"x": np.linspace(0, 1, 10_000)}
    alone = run_items(power, shared, NAMES, n_jobs=1)
    seen = []
    two = run_items(power, shared, NAMES, n_jobs=2, done=lambda i, r: seen.append((i, r[0])))
    assert alone == two
    assert alone == run_items(power, shared, NAMES, n_jobs=3)
    assert sorted(seen) == [(i, i) for i in range(4)]


def test_processes_stay_for_the_next_call_and_forget_the_last():
    def pid(shared, i):
        return os.getpid()

    first = set(run_items(pid, None, NAMES, n_jobs=2))
    assert len(first) == 2
    assert os.getpid() not in first
    assert set(run_items(pid, None, NAMES, n_jobs=2)) <= first
    assert {p.pid for p in our_workers()} == first


def test_arrays_lie_in_one_file_and_come_back_equal():
    x = np.arange(12.0).reshape(3, 4)
    shared = {
        "x": x,
        "same": x,
        "f": np.asfortranarray(x),
        "sparse": sp.csr_matrix(x),
        "none": x[:0],
    }
    with mapped(shared) as folder:
        back = read(folder)
        np.testing.assert_array_equal(back["x"], x)
        np.testing.assert_array_equal(back["f"], x)
        assert back["x"] is back["same"]
        assert (back["sparse"] != shared["sparse"]).nnz == 0
        assert back["none"].shape == (0, 4)
        back["x"][:] = 0
        np.testing.assert_array_equal(read(folder)["x"], x, err_msg="a copy of its own")
    assert not Path(folder).exists()
    with mapped("no array") as folder:
        assert read(folder) == "no array"
    with mapped(x[:0]) as folder:
        assert read(folder).shape == (0, 4)


def test_of_an_item_only_its_number_is_sent(monkeypatch):
    sent = []
    send = workers.Worker.send

    def counted(self, folder, item):
        before = self.n_sent
        send(self, folder, item)
        sent.append(self.n_sent - before)

    monkeypatch.setattr(workers.Worker, "send", counted)
    x = np.ones(1_000_000)
    assert run_items(lambda shared, i: shared.sum(), x, NAMES, n_jobs=2) == [1e6] * 4
    assert sum(sent) < 2000


def test_a_process_that_dies_is_named_and_its_work_done_again(tmp_path):
    flag = tmp_path / "died"

    def dies_once(shared, i):
        if i == 1 and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return i

    with pytest.warns(WorkerDiedWarning, match=r"'second' died \(exit code -9, SIGKILL.*run again"):
        assert run_items(dies_once, None, NAMES, n_jobs=2) == [0, 1, 2, 3]


def test_a_process_that_dies_every_time_is_an_error(tmp_path):
    def dies(shared, i):
        if i == 2:
            (tmp_path / str(time.time_ns())).touch()
            os._exit(7)
        return i

    with (
        pytest.warns(WorkerDiedWarning, match="'third' died"),
        pytest.raises(
            RuntimeError, match=r"'third': its worker process died 3 times \(exit code 7\)"
        ),
    ):
        run_items(dies, None, NAMES, n_jobs=2)
    assert len(list(tmp_path.iterdir())) == 3


def test_the_last_try_has_the_memory_to_itself(tmp_path):
    def dies_in_company(shared, i):
        if i == 0:
            others = list(tmp_path.glob("busy-*"))
            if len(list(tmp_path.glob("try-*"))) < 2:
                (tmp_path / f"try-{time.time_ns()}").touch()
                os._exit(1)
            return len(others)
        mark = tmp_path / f"busy-{i}"
        mark.touch()
        time.sleep(0.2)
        mark.unlink()
        return 0

    with pytest.warns(WorkerDiedWarning, match="exit code 1"):
        assert run_items(dies_in_company, None, NAMES, n_jobs=2)[0] == 0


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_exception_names_its_item_and_keeps_its_kind(n_jobs):
    def fails(shared, i):
        if i == 1:
            raise KeyError(GONE)
        return i

    with pytest.raises(KeyError, match=GONE) as caught:
        run_items(fails, None, NAMES, n_jobs=n_jobs)
    notes = "\n".join(caught.value.__notes__)
    assert "This happened in 'second'." in notes
    assert n_jobs == 1 or "in fails" in notes, "where in the worker it came from"


def test_an_exception_that_only_comes_apart_is_told_in_words():
    def fails(shared, i):
        class OddError(Exception):
            def __init__(self, a, b):
                super().__init__(f"{a} and {b}")

        raise OddError(1, 2)

    with pytest.raises(RuntimeError, match=r"OddError: 1 and 2 .*could not be sent") as caught:
        run_items(fails, None, NAMES, n_jobs=2)
    assert "in fails" in "\n".join(caught.value.__notes__)


def test_a_result_that_cannot_be_sent_is_an_error():
    with pytest.raises(RuntimeError, match=r"what came out .*could not be sent"):
        run_items(lambda shared, i: (x for x in "ab"), None, NAMES, n_jobs=2)


def test_a_result_that_cannot_be_opened_here_is_an_error():
    class Closed:
        def __reduce__(self):
            return int, ("x",)

    with pytest.raises(ValueError, match="invalid literal for int"):
        run_items(lambda shared, i: Closed(), None, NAMES, n_jobs=2)


def test_what_is_printed_does_not_disturb_and_warnings_come_through():
    def talks(shared, i):
        sys.stdout.write("hello")
        warnings.warn(f"item {i}", DataWarning, stacklevel=1)
        return i

    with pytest.warns(DataWarning) as told:
        assert run_items(talks, None, NAMES, n_jobs=2) == [0, 1, 2, 3]
    assert sorted(str(w.message) for w in told) == [f"item {i}" for i in range(4)]


def test_a_worker_starts_no_workers():
    def nested(shared, i):
        inner = run_items(lambda s, k: os.getpid(), None, ["a", "b"], n_jobs=8)
        return os.getpid(), set(inner), settings.n_jobs, settings.progress

    for pid, inner, n_jobs, progress in run_items(nested, None, NAMES, n_jobs=2):
        assert inner == {pid}
        assert (n_jobs, progress) == (1, False)


def test_relative_names_mean_in_a_worker_that_stayed_what_they_mean_here(tmp_path, monkeypatch):
    def write(shared, i):
        Path(f"of-{i}").touch()

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        run_items(write, None, NAMES, n_jobs=2)
    assert len(list((tmp_path / "one").iterdir())) == len(list((tmp_path / "two").iterdir())) == 4


def test_what_is_no_text_in_the_search_path_is_passed_over(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])
    assert run_items(lambda shared, i: i, None, NAMES, n_jobs=2) == [0, 1, 2, 3]


def test_a_worker_that_waited_too_long_ends_in_silence(capfd):
    def impatient(shared, i):
        from pathweave._core.workers import inside

        inside.IDLE = 0.1

    for _ in range(2):  # the wait at hand is still the long one
        run_items(impatient, None, NAMES[:2], n_jobs=2)
    codes = [worker.process.wait(10) for worker in workers._idle]
    assert codes == [0, 0]
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_forked_process_leaves_the_workers_alone():
    def pid(shared, i):
        return os.getpid()

    before = set(run_items(pid, None, NAMES, n_jobs=2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork
        child = os.fork()
    if child == 0:
        signal.alarm(10)  # it must not wait for what is not its own
        close_workers()
        os._exit(0)
    os.waitpid(child, 0)
    assert {p.pid for p in our_workers()} == before
    assert set(run_items(pid, None, NAMES, n_jobs=2)) <= before


def test_a_warning_of_every_item_is_shown_once():
    def warns(shared, i):
        warnings.warn("the same", DataWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        run_items(warns, None, NAMES, n_jobs=2)
    assert len(told) == 1


def test_a_full_disk_is_told_with_what_to_do(monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys.modules["pathweave._core.workers.mapped"], "_write", full)
    with pytest.raises(OSError, match=r"share; set the environment variable TMPDIR .* n_jobs=1"):
        run_items(lambda shared, i: i, None, NAMES, n_jobs=2)


def test_the_device_of_the_settings_holds_in_workers():
    with settings.override(device="cpu"):
        devices = run_items(lambda shared, i: settings.device, None, NAMES, n_jobs=2)
    assert devices == ["cpu"] * 4


def test_no_more_run_at_once_than_fit_in_memory(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 5 * memory.PROCESS)
    assert memory.fitting(4, 0, what="fits") == 4
    with pytest.warns(MemoryLimitWarning, match=r"4 fits were to run at once, .* 2 run at once"):
        assert memory.fitting(4, memory.PROCESS, what="fits") == 2
    with pytest.warns(MemoryLimitWarning, match="1 run at once"):
        pids = run_items(
            lambda shared, i: os.getpid(), None, NAMES, n_jobs=2, needs=9 * memory.PROCESS
        )
    assert set(pids) == {os.getpid()}
    assert not our_workers()


def test_free_memory_is_what_the_container_leaves(monkeypatch, tmp_path):
    assert 0 < memory.free_memory() <= psutil.virtual_memory().total
    most, used = tmp_path / "max", tmp_path / "current"
    most.write_text("1000\n")
    used.write_text("400\n")
    statistics = tmp_path / "stat"
    monkeypatch.setattr(memory, "_CGROUPS", ((str(most), str(used), str(statistics)),))
    assert memory.free_memory() == 600
    statistics.write_text("anon 100\ninactive_file 250\nactive_file 50\n")
    assert memory.free_memory() == 850, "old pages of files give way"
    most.write_text("max\n")
    assert memory.free_memory() > 600


def test_how_many_run_at_once():
    assert how_many(8, 3) == 3
    assert how_many(None, 3) == settings.n_jobs
    assert how_many(2, 0) == 1
    for wrong in (0, -1, 2.0, "2", True):
        with pytest.raises(ValueError, match=r"^n_jobs=.* must be a whole number of 1 or more"):
            how_many(wrong, 3)
        with (
            settings.override(n_jobs=wrong),
            pytest.raises(ValueError, match=r"^settings\.n_jobs=.* must be a whole number"),
        ):
            how_many(None, 3)
    assert run_items(lambda shared, i: i, None, [], n_jobs=2) == []


SCRIPT = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # where a shell had it ignored
from pathweave._core.workers import run_items

def started(shared, i):
    os.write(1, f"started {os.getpid()}\\n".encode())
    time.sleep(60)

run_items(started, None, ["a", "b"], n_jobs=2)  # no guard: the script is not run again
"""


@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name
)
def test_no_worker_outlives_the_program(how, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(  # noqa: S603  the script above
        [sys.executable, script], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as program:  # fmt: skip
        lines = [program.stderr.readline() for _ in range(2)]
        pids = [int(line.split()[1]) for line in lines]
        assert all(psutil.pid_exists(pid) for pid in pids)
        program.send_signal(how)
        said = program.stderr.read()
        program.wait(10)
    assert program.returncode == -how
    assert how != signal.SIGINT or "KeyboardInterrupt" in said
    for pid in pids:
        for _ in range(100):
            if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                break
            time.sleep(0.05)
        else:
            pytest.fail("a worker is left")
    assert not list(tmp_path.glob("pathweave-*")), "nor do the data that they shared"

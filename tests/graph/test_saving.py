"""A saved graph outlives whatever happens while another one takes its place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from pathweave.graph import PathwayGraph

OLD = PathwayGraph(nodes=pd.DataFrame({"id": ["hgnc:1"]}))
NEW = PathwayGraph(nodes=pd.DataFrame({"id": ["hgnc:2"]}))


@pytest.fixture
def interrupted(monkeypatch):
    """Let something happen at a given rename."""

    def at(number, what):
        rename, done = Path.rename, []

        def renamed(self, target):
            done.append(self)
            if len(done) == number:
                what()
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", renamed)

    return at


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
def test_an_interrupted_save_leaves_the_older_graph(tmp_path, interrupted, number, error):
    def fails():
        raise error

    OLD.save(tmp_path / "g")
    interrupted(number, fails)
    with pytest.raises(error):
        NEW.save(tmp_path / "g")
    assert PathwayGraph.load(tmp_path / "g") == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


DIES = """
import os, sys
from pathlib import Path
from pathweave.graph import PathwayGraph

rename, done = Path.rename, []

def renamed(self, target):
    done.append(self)
    return os._exit(9) if len(done) == 2 else rename(self, target)

Path.rename = renamed
PathwayGraph().save(sys.argv[1])
"""


def test_a_process_that_dies_between_the_names_leaves_the_older_graph(tmp_path):
    OLD.save(tmp_path / "g")
    command = [sys.executable, "-c", DIES, str(tmp_path / "g")]
    assert subprocess.run(command, check=False).returncode == 9  # noqa: S603  the text above
    assert not (tmp_path / "g").exists()
    assert PathwayGraph.load(tmp_path / "g") == OLD
    NEW.save(tmp_path / "g")
    assert PathwayGraph.load(tmp_path / "g") == NEW
    assert not (tmp_path / ".g.old").exists()


def test_behind_a_link_the_folder_is_written(tmp_path):
    OLD.save(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    NEW.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert PathwayGraph.load(tmp_path / "real") == NEW


def test_a_file_is_not_a_saved_graph(tmp_path):
    (tmp_path / "g.csv").write_text("x")
    with pytest.raises(FileNotFoundError, match="is not a saved graph"):
        PathwayGraph.load(tmp_path / "g.csv")


def test_a_private_file_stays_private_and_a_link_a_link(tmp_path):
    file, link = tmp_path / "a.gmt", tmp_path / "link.gmt"
    file.write_text("old")
    file.chmod(0o600)
    link.symlink_to(file)
    OLD.to_gmt(link)
    assert link.is_symlink()
    assert file.read_text() == ""
    assert file.stat().st_mode & 0o777 == 0o600
    mask = os.umask(0o027)
    try:
        OLD.to_gmt(tmp_path / "new.gmt")
    finally:
        os.umask(mask)
    assert (tmp_path / "new.gmt").stat().st_mode & 0o777 == 0o640

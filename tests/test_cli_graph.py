"""``pathweave graph``: from files to a graph, what it holds, what of the data it finds, and out again."""

from __future__ import annotations

import networkx as nx
import pandas as pd
import pytest
from typer.testing import CliRunner

import pathweave as pw
from pathweave.__main__ import app

runner = CliRunner()
KGML = """<pathway name="path:hsa99999" org="hsa" number="99999" title="Made up">
<entry id="1" name="hsa:4193" type="gene"/><entry id="2" name="hsa:7157" type="gene"/>
<relation entry1="1" entry2="2" type="PPrel"><subtype name="inhibition" value="--|"/></relation>
</pathway>"""


def run(*arguments):
    return runner.invoke(app, ["graph", *map(str, arguments)])


@pytest.fixture
def built(tmp_path):
    """TP53 and MDM2 from KEGG, one more edge from a table, two gene sets."""
    (tmp_path / "kgml").mkdir()
    (tmp_path / "kgml" / "hsa99999.xml").write_text(KGML)
    (tmp_path / "sets.gmt").write_text("A\tna\tTP53\tATM\nB\tna\tCDK2\n")
    (tmp_path / "edges.tsv").write_text("source\ttarget\ttype\tsign\nATM\tTP53\tactivation\t1\n")
    (tmp_path / "more.sif").write_text("CDK2\tbinds\tATM\n")
    arguments = ["--kegg", tmp_path / "kgml", "--gmt", tmp_path / "sets.gmt"]
    arguments += ["--edges", tmp_path / "edges.tsv", "--sif", tmp_path / "more.sif"]
    result = run("build", *arguments, "--out", tmp_path / "g")
    assert result.exit_code == 0, result.output
    assert "4 nodes (4 gene), 3 edges" in result.output
    return tmp_path / "g"


def test_build_is_the_union_that_python_makes(built, tmp_path):
    whole = (
        pw.graph.kegg(tmp_path / "kgml")
        | pw.graph.gmt(tmp_path / "sets.gmt")
        | pw.graph.edges(tmp_path / "edges.tsv")
        | pw.graph.sif(tmp_path / "more.sif")
    )
    assert pw.graph.PathwayGraph.load(built) == whole


def test_describe(built, tmp_path):
    result = run("describe", built, "--out", tmp_path / "counts.csv")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "counts.csv").set_index(["part", "what"])["n"]
    assert table["edges", "inhibition"] == 1
    assert table["nodes", "gene"] == 4
    assert "inhibition" in result.output


def test_coverage(built, tmp_path):
    data = tmp_path / "acc.h5mu"
    pw.io.write_h5mu(pw.datasets.miniacc(), data)
    result = run("coverage", data, built, "--out", tmp_path / "c.csv")
    assert result.exit_code == 0, result.output
    expected = pw.graph.coverage(pw.datasets.miniacc(), pw.graph.PathwayGraph.load(built))
    found = pd.read_csv(tmp_path / "c.csv", index_col=0)
    pd.testing.assert_series_equal(found["n_mapped"], expected["n_mapped"])
    n, total = expected.loc["rna", ["n_mapped", "n_features"]]
    assert f"rna (transcriptome, symbol): {n:,} of {total:,} features" in result.output
    wrong = run("coverage", data, built, "--names", "mirna")
    assert wrong.exit_code == 2
    assert "LAYER=FILE" in wrong.output


def test_export(built, tmp_path):
    graph = pw.graph.PathwayGraph.load(built)
    for name in ("a.gmt", "a.graphml", "a.csv", "tables"):
        result = run("export", built, "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
    assert set(pw.graph.gmt(tmp_path / "a.gmt").members["node"]) == set(graph.members["node"])
    drawn = nx.read_graphml(tmp_path / "a.graphml")
    assert drawn.number_of_edges() == len(graph.edges)
    assert drawn.nodes["hgnc:11998"]["symbol"] == "TP53"
    assert pd.read_csv(tmp_path / "a.csv")["source"].tolist() == graph.edges["source"].tolist()
    again = {
        name: pd.read_csv(tmp_path / "tables" / f"{name}.csv", keep_default_na=False)
        for name in ("nodes", "edges", "pathways", "members")
    }
    assert pw.graph.PathwayGraph(**again) == graph


def test_draw(built, tmp_path):
    values = tmp_path / "values.csv"
    values.write_text("gene,log2fc\nTP53,1.5\nMDM2,-0.5\n")
    result = run("draw", built, "hsa99999", "--values", values, "--out", tmp_path / "p.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "p.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--out", "OUT/g"], "nothing to build from"),
        (["build", "--kegg", "OUT/no", "--out", "OUT/g"], "does not exist|no such folder"),
        (["describe", "OUT/no"], "not a saved graph"),
        (["export", "reactome", "--out", "OUT/x.docx"], "unknown format '.docx'"),
        (["draw", "reactome", "Cell cycel", "--out", "OUT/x.png"], "near matches"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path, arguments, message):
    import re

    result = run(*(a.replace("OUT", str(tmp_path)) for a in arguments))
    assert result.exit_code == 2
    assert re.search(message, result.output)
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["TP53,1\nMDM2,2\n", "gene,mean,log2fc\nTP53,9,1\n", "gene\nTP53\n"]
)
def test_values_that_leave_doubt_are_refused(built, tmp_path, text):
    """Without a header the first gene would be lost; of three columns nobody knows which is meant."""
    (tmp_path / "v.csv").write_text(text)
    result = run(
        "draw", built, "hsa99999", "--values", tmp_path / "v.csv", "--out", tmp_path / "p.png"
    )
    assert result.exit_code == 2
    assert "must have a header and two columns" in result.output
    assert not (tmp_path / "p.png").exists()


def test_losses_are_told_and_names_that_nobody_uses_are_refused(tmp_path):
    table = tmp_path / "e.tsv"
    table.write_text("source\ttarget\nATM\tTP53\nNOTAGENE\tTP53\n")
    result = run("build", "--edges", table, "--out", tmp_path / "g")
    assert "edges: 1 rows not mapped" in result.output
    assert "NOTAGENE" in result.output
    wrong = run("build", "--reactome", "--names", table, "--out", tmp_path / "h")
    assert wrong.exit_code == 2
    assert "no source uses it" in wrong.output


def test_a_table_that_excel_saved_is_read(tmp_path):
    (tmp_path / "n.csv").write_bytes(b"\xef\xbb\xbfname,id\r\nmy gene,TP53\r\n")
    (tmp_path / "e.tsv").write_text("source\ttarget\nmy gene\tMDM2\n")
    result = run(
        "build",
        "--edges",
        tmp_path / "e.tsv",
        "--names",
        tmp_path / "n.csv",
        "--out",
        tmp_path / "g",
    )
    assert result.exit_code == 0, result.output
    assert pw.graph.PathwayGraph.load(tmp_path / "g").nodes["symbol"].tolist() == ["TP53", "MDM2"]


def test_what_fails_leaves_the_earlier_file(built, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("earlier")

    def full(self, path, **_):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    assert run("export", built, "--out", tmp_path / "a.csv").exit_code == 2
    assert (tmp_path / "a.csv").read_text() == "earlier"
    assert not list(tmp_path.glob(".a-*"))

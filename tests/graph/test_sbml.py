"""SBML as Reactome writes it: the same edges as from BioPAX, archives, broken and hostile files."""

from __future__ import annotations

import gzip
import io
import re
import sys
import tarfile
import zipfile

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reaction_writers import (
    EXPECTED,
    LOWER,
    UPPER,
    Path,
    Step,
    biopax_text,
    bound,
    either,
    one,
    rows,
    sbml_text,
    sound,
)

from pathweave import graph
from pathweave.graph._reactions import documents
from pathweave.graph._reactions.biopax import biopax
from pathweave.graph._reactions.sbml import HAS_PART, IS, IS_VERSION_OF, sbml

libsbml = pytest.importorskip("libsbml")
U, L = "reactome:R-HSA-2001", "reactome:R-HSA-2002"


@pytest.fixture
def folder(tmp_path):
    """One file a pathway, the upper one with the reactions of the lower one too."""
    where = tmp_path / "sbml"
    where.mkdir()
    for path in UPPER.all_paths():
        (where / f"R-HSA-{path.number}.sbml").write_text(sbml_text(path), encoding="utf-8")
    return where


@pytest.fixture
def read(tmp_path):
    def build(*steps, **options):
        file = tmp_path / "path.sbml"
        file.write_text(sbml_text(Path(1, "Made up", list(steps))), encoding="utf-8")
        return sbml(file, **options)

    return build


def tree():
    return graph.PathwayGraph(
        pathways=pd.DataFrame(
            [("reactome:R-HSA-1", ""), (U, "reactome:R-HSA-1"), (L, "reactome:R-HSA-7"),
             ("reactome:R-HSA-7", U)],
            columns=["id", "parents"],
        )
    )  # fmt: skip


def test_edges_are_those_worked_out_by_hand(folder):
    g = sbml(folder, hierarchy=tree())
    assert rows(g) == EXPECTED
    meta = g.meta["reactome"]
    assert meta["release"] == "91"
    assert sorted(meta["files"]) == ["R-HSA-2001.sbml", "R-HSA-2002.sbml"]
    assert meta["reactions"] == 8
    assert meta["left_out"] == {
        "currency metabolites": 2,
        "entities without a node": 1,
        # RB1, JUN, TP53; two of the assembly and three of the nested complex.
        "kept on both sides of a reaction": 8,
        "regulators without a node": 1,  # the virus
        "reactions without outputs": 1,
    }
    assert set(g.edges["database"]) == {"reactome"}


def test_biopax_gives_the_same_graph(folder, tmp_path):
    file = tmp_path / "all.owl"
    file.write_text(biopax_text(UPPER), encoding="utf-8")
    assert sbml(folder, hierarchy=biopax(file)) == biopax(file)


def test_pathways_with_and_without_a_hierarchy(folder):
    flat = sbml(folder)
    assert flat.pathways[["id", "name", "parents"]].to_numpy().tolist() == [
        [U, "Upper", ""], [L, "Lower & smaller", ""],
    ]  # fmt: skip
    kinases = flat.edges[flat.edges["type"] == "activation"]
    assert set(kinases["pathways"]) == {f"{U};{L}"}
    deep = sbml(folder, hierarchy=tree())
    # The pathway between the two was not read: its parent takes its place.
    assert deep.pathways["parents"].tolist() == ["", U]
    assert len(deep.members) < len(flat.members)
    assert set(deep.rolled_up().members.itertuples(index=False)) == set(
        flat.members.itertuples(index=False)
    )


def test_nodes_have_names_and_members_are_all_that_takes_part(folder):
    nodes = sbml(folder).nodes.set_index("id")
    assert nodes.loc["chebi:4170", ["kind", "symbol", "name"]].tolist() == [
        "compound", "CHEBI:4170", "G6P",
    ]  # fmt: skip
    # Currency metabolites are members although they have no edges; isoforms are stripped.
    assert {"chebi:30616", "hgnc:16712"} <= set(nodes.index)
    assert nodes.loc["hgnc:16712", "symbol"] == "FBXW7"


def test_sets_are_told_from_complexes(read):
    both = one("MAPK1"), one("MAPK3")
    assert read(Step(1, (either(*both),), (one("JUN"),))).edges["type"].tolist() == ["reaction"] * 2
    assert "complex" in set(read(Step(1, (bound(*both),), (one("JUN"),))).edges["type"])


def test_sets_are_told_from_complexes_without_words(tmp_path):
    text = sbml_text(Path(1, "x", [Step(1, (either(one("MAPK1"), one("MAPK3")),), (one("JUN"),))]))
    text = re.sub("<notes>.*?</notes>", "", text)
    file = tmp_path / "x.sbml"
    file.write_text(text)
    assert set(sbml(file).edges["type"]) == {"reaction"}
    # Of another database than Reactome, what has parts is a complex.
    file.write_text(text.replace("https://reactome.org/content/detail/R-HSA-", "https://x.org/"))
    g = sbml(file)
    assert set(g.edges["type"]) == {"reaction", "complex"}
    assert g.pathways["id"].tolist() == ["sbml:pathway_1"]
    assert set(g.edges["database"]) == {"sbml"}


def test_what_a_flat_list_cannot_tell(read, tmp_path):
    """A set in a complex: SBML joins its alternatives, BioPAX does not."""
    mixed = bound(one("JUN"), either(one("MAPK1"), one("MAPK3")))
    step = Step(1, (mixed,), ())
    file = tmp_path / "x.owl"
    file.write_text(biopax_text(Path(1, "Made up", [step])))
    pairs = {row[:2] for row in rows(biopax(file))}
    assert pairs == {("JUN", "MAPK1"), ("JUN", "MAPK3")}
    assert {row[:2] for row in rows(read(step))} == pairs | {("MAPK1", "MAPK3")}


@pytest.mark.parametrize(
    ("term", "kind", "sign"),
    [("13", "catalysis", 0), ("460", "catalysis", 0), ("459", "activation", 1),
     ("636", "activation", 1), ("20", "inhibition", -1), ("206", "inhibition", -1),
     ("19", "regulation", 0)],
)  # fmt: skip
def test_terms_of_modifiers(tmp_path, term, kind, sign):
    text = sbml_text(Path(1, "x", [Step(1, (), (one("JUN"),), ((one("EGF"), "catalyst"),))]))
    assert text.count("SBO:0000013") == 1
    file = tmp_path / "x.sbml"
    file.write_text(text.replace("SBO:0000013", f"SBO:{term:0>7}"))
    assert sbml(file).edges[["type", "sign"]].to_numpy().tolist() == [[kind, sign]]


def test_numbers_of_qualifiers_are_those_of_libsbml():
    assert (libsbml.BQB_IS, libsbml.BQB_HAS_PART, libsbml.BQB_IS_VERSION_OF) == (
        IS, HAS_PART, IS_VERSION_OF,
    )  # fmt: skip
    assert libsbml.BIOLOGICAL_QUALIFIER == 1


def test_proteins_of_other_species(read):
    step = Step(1, (one("TP53"),), (one("VIRUS"),))
    assert read(step).edges.empty
    g = read(step, keep_unknown=True)
    assert g.edges[["source", "target"]].to_numpy().tolist() == [["hgnc:11998", "uniprot:P03431"]]
    table = pd.DataFrame({"name": ["P03431"], "id": ["ncbigene:956536"]})
    assert read(step, table=table).edges["target"].tolist() == ["ncbigene:956536"]


def test_a_missing_species_is_counted(tmp_path):
    text = sbml_text(Path(1, "x", [Step(1, (one("TP53"),), (one("JUN"),))]))
    file = tmp_path / "x.sbml"
    file.write_text(re.sub("<species .*?</species>", "", text, count=1))
    left_out = sbml(file).meta["reactome"]["left_out"]
    assert left_out["participants that are not defined"] == 1


def packed(kind, folder, target, *, more=()):
    files = {f.name: f.read_bytes() for f in sorted(folder.iterdir())}
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (*files.items(), *more):
                archive.writestr(name, content)
        return
    with tarfile.open(target, "w:gz" if kind == "tgz" else "w") as archive:
        for name, content in (*files.items(), *more):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link.sbml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)


@pytest.mark.parametrize("kind", ["zip", "tgz", "tar"])
def test_archives_are_read_and_never_unpacked(folder, tmp_path, kind):
    target = tmp_path / f"all.{kind}"
    packed(kind, folder, target, more=[("../../evil.txt", b"x"), ("sub/._R-HSA-1.sbml", b"x")])
    before = sorted(tmp_path.rglob("*"))
    assert sbml(target) == sbml(folder)
    assert sorted(tmp_path.rglob("*")) == before
    assert sbml(target, only="R-HSA-2002*") == sbml(folder / "R-HSA-2002.sbml")
    assert sbml(tmp_path, only="R-HSA-2001*") == sbml(folder / "R-HSA-2001.sbml")


def test_gzipped_files_lists_and_several_of_one_name(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert sbml(tmp_path, only="*.sbml") == sbml(folder)
    files = [*folder.iterdir(), tmp_path / "R-HSA-2001.sbml.gz", folder / "R-HSA-2001.sbml"]
    g = sbml(files)
    assert g == sbml(folder)
    assert "R-HSA-2001.sbml (2)" in g.meta["reactome"]["files"]


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; give a folder or file of SBML"):
        sbml(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="holds no SBML document"):
        sbml(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no such file: 'a\.sbml'"):
        sbml(["a.sbml"])
    with pytest.raises(ValueError, match="empty list"):
        sbml([])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(FileNotFoundError, match=r"only='R-HSA\*'"):
        sbml(tmp_path / "a.zip", only="R-HSA*")


GOOD = sbml_text(LOWER).encode()
BODY = GOOD.split(b"?>", 1)[1]
BOMB = b'<!DOCTYPE sbml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
BROKEN = {
    "empty": (b"", "is empty"),
    "html": (b"<html><body><p>504</p></body></html>", "first tag is 'html'"),
    "text": (b"Not found", "not whole XML"),
    "cut off": (GOOD[:-300], "not whole XML"),
    "bomb": (BOMB + BODY, "defines entities"),
    "outside": (b'<!DOCTYPE sbml [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + BODY, "defines entities"),
    "dtd": (b'<!DOCTYPE sbml SYSTEM "http://localhost:1/x.dtd">' + BODY, "defines entities"),
    "deep": (b"<sbml>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</sbml>", "more than 64 deep"),
    "long tag": (b'<sbml a="' + b"x" * 2**23 + b'"/>', "tag or comment of more than"),
    "no model": (
        b'<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"/>',
        "not SBML that can be read",
    ),
    "no level": (b'<sbml xmlns="http://x"><model/></sbml>', "not SBML that can be read"),
    "latin": (b'<?xml version="1.0" encoding="latin-1"?>' + BODY.replace(b"Lower", b"L\xf6wer"), "not UTF-8"),
    "no encoding": (b'<?xml version="1.0" encoding="klingon"?>' + BODY, "encoding|not whole XML"),
    "half a gzip": (gzip.compress(GOOD)[:-50], "cannot be unpacked"),
    "half a zip": (b"PK\x03\x04" + b"x" * 100, "cannot be unpacked"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_and_hostile_files_are_named(tmp_path, name):
    content, message = BROKEN[name]
    file = tmp_path / "bad.sbml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        sbml(file)
    assert "bad.sbml" in str(caught.value)


def test_sizes_are_bounded(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("pathweave.graph._reactions.sbml.MAX_BYTES", 1000)
    with pytest.raises(ValueError, match=r"more than 1,000 bytes"):
        sbml(folder)
    monkeypatch.setattr("pathweave.graph._reactions.sbml.MAX_BYTES", 10**8)
    packed("tgz", folder, tmp_path / "a.tgz")
    monkeypatch.setattr(documents, "MAX_ARCHIVE", 1000)
    with pytest.raises(ValueError, match=r"a\.tgz unpacks to more than 1,000 bytes"):
        sbml(tmp_path / "a.tgz")
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 1)
    with pytest.raises(ValueError, match="more than 1 documents"):
        sbml(folder)


def test_without_libsbml_the_error_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "libsbml", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'pathweave[sbml]'")):
        sbml(folder)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_give_a_graph_or_a_value_error(tmp_path, data):
    text = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        what = data.draw(st.sampled_from(["byte", "cut", "twice"]))
        end = min(len(text), at + data.draw(st.integers(1, 200)))
        if what == "byte":
            text[at] = data.draw(st.integers(0, 255))
        elif what == "cut":
            del text[at:end]
        else:
            text[at:at] = text[at:end]
        if not text:
            break
    file = tmp_path / "x.sbml"
    file.write_bytes(bytes(text))
    assert sound(sbml, file)

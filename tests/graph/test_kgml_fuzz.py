"""Thousands of damaged and made-up KGML files: a graph that holds together, or an error with a name."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pathweave import graph

IDS = st.sampled_from(["1", "2", "3", "4", "5", "77", "-1", "²"])
NAMES = st.lists(
    st.sampled_from(
        ["hsa:7157", "hsa:4193", "hsa:472", "hsa:", "cpd:C00031", "gl:G00001", "dr:D00001", "ko:K00001",
         "ec:1.1.1.1", "path:hsa00010", "undefined", "mmu:1", "a,b", ":", "hsa:x;y"]
    ),
    max_size=3,
).map(" ".join)  # fmt: skip
KINDS = st.sampled_from(
    ["gene", "compound", "map", "group", "ortholog", "enzyme", "brite", "other", "reaction", "new"]
)
RELATIONS = st.sampled_from(["PPrel", "GErel", "ECrel", "PCrel", "maplink", "Newrel"])
SUBTYPES = st.lists(
    st.sampled_from(
        ["activation", "inhibition", "expression", "repression", "phosphorylation", "compound",
         "indirect effect", "missing", "binding/association", "hidden compound", "never seen", ""]
    ),
    max_size=3,
)  # fmt: skip


@st.composite
def kgml(draw):
    root = ET.Element("pathway", name="path:hsa99999", org="hsa", number="99999", title="Made up")
    for number in draw(st.lists(IDS, unique=True, min_size=1)):
        entry = ET.SubElement(root, "entry", id=number, name=draw(NAMES), type=draw(KINDS))
        if draw(st.booleans()):
            entry.set("reaction", "rn:R1 rn:R2")
        for part in draw(st.lists(IDS, max_size=3)):
            ET.SubElement(entry, "component", id=part)
    for _ in range(draw(st.integers(0, 5))):
        ends = {"entry1": draw(IDS), "entry2": draw(IDS)}
        relation = ET.SubElement(root, "relation", ends, type=draw(RELATIONS))
        for name in draw(SUBTYPES):
            ET.SubElement(relation, "subtype", name=name, value=draw(IDS))
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["reversible", "irreversible"]))
        reaction = ET.SubElement(root, "reaction", id=draw(IDS), name="rn:R1", type=kind)
        for side in draw(st.lists(st.sampled_from(["substrate", "product"]), max_size=3)):
            ET.SubElement(reaction, side, id=draw(IDS), name=draw(NAMES))
    draw(st.randoms()).shuffle(root[:])
    return ET.tostring(root)


RULES = st.fixed_dictionaries(
    {
        "complexes": st.sampled_from(["components", "all", "none"]),
        "within_components": st.booleans(),
        "enzyme_relations": st.sampled_from(["symmetric", "as_written", "none"]),
        "reactions": st.booleans(),
        "through_compounds": st.booleans(),
        "self_loops": st.booleans(),
        "maps": st.booleans(),
        "orthologs": st.booleans(),
    }
)
quiet = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(text=kgml(), rules=RULES)
@quiet
def test_any_map_becomes_a_graph_that_holds_together(tmp_path, text, rules):
    file = tmp_path / "map.xml"
    file.write_bytes(text)
    g = graph.kegg(file, **rules)
    edges = g.edges
    assert set(edges["source"]) | set(edges["target"]) <= set(g.nodes["id"])
    assert g.nodes["id"].str.match(r"^[a-z.-]+:.+$").all()
    if not rules["self_loops"]:
        assert not (edges["source"] == edges["target"]).any()
    if not rules["maps"]:
        assert not (g.nodes["kind"] == "pathway").any()
    assert edges["sign"].isin([-1, 0, 1]).all()
    assert graph.kegg(file, **rules).digest == g.digest


DAMAGE = [
    b'<!ENTITY a "b">', b"\x00", b"\xff\xfe", b"</entry>", b'encoding="utf-7"', b"&lol;", b'name=""',
    b'type="group"', b'<component id="1"/>', b"99999999999999999999", b"\xe2\x80\xae", b":", b'"',
    b"<![CDATA[", b'<?xml version="1.1"?>', b"<!--", b"<a>" * 30,
]  # fmt: skip


def _damaged(text: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(text)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = int(rng.integers(len(out) + 1))
        kind = rng.random()
        if kind < 0.3:
            del out[place : place + int(rng.choice([1, 2, 10, 200]))]
        elif kind < 0.6:
            out[place:place] = DAMAGE[rng.integers(len(DAMAGE))]
        elif kind < 0.8 and place < len(out):
            out[place] = int(rng.integers(256))
        else:
            del out[place:]
    return bytes(out)


WHOLE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<!DOCTYPE pathway SYSTEM "https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd">'
    '<pathway name="path:hsa99999" org="hsa" number="99999" title="α &amp; β">'
    '<entry id="1" name="hsa:7157 hsa:4193" type="gene" reaction="rn:R1"><graphics name="TP53"/></entry>'
    '<entry id="2" name="hsa:472" type="gene"/><entry id="3" name="cpd:C00031" type="compound"/>'
    '<entry id="4" name="undefined" type="group"><component id="1"/><component id="2"/></entry>'
    '<relation entry1="4" entry2="2" type="PPrel"><subtype name="activation" value="--&gt;"/></relation>'
    '<reaction id="1" name="rn:R1" type="reversible"><substrate id="3" name="cpd:C00031"/>'
    '<product id="5" name="cpd:C00022"/></reaction></pathway>'
).encode()


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_read_or_refused_by_name(tmp_path, seed):
    rng = np.random.default_rng(seed)
    file = tmp_path / "map.xml"
    refused = []
    for _ in range(500):
        file.write_bytes(_damaged(WHOLE, rng))
        try:
            graph.kegg(file)
        except ValueError as error:
            refused.append(str(error))
    assert 0 < len(refused) < 500
    assert all("map.xml" in text for text in refused)


def test_the_undamaged_file_is_fine_in_other_encodings(tmp_path):
    file = tmp_path / "map.xml"
    digests = set()
    for encoding in ("UTF-8", "UTF-16", "ISO-8859-7"):
        text = WHOLE.decode().replace('encoding="UTF-8"', f'encoding="{encoding}"')
        file.write_bytes(text.encode(encoding))
        digests.add(graph.kegg(file).digest)
    assert len(digests) == 1

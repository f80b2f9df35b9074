"""BioPAX level 3: nesting, directions, controls of controls, Pathway Commons' spelling, hostile files."""

from __future__ import annotations

import re
import sys
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reaction_writers import (
    CYCLIN,
    DEGRADED,
    EXPECTED,
    HEAD,
    ISOMERS,
    PHOSPHORYLATION,
    UPPER,
    Path,
    Step,
    biopax_text,
    bp,
    either,
    one,
    rows,
    sound,
    text_of,
    to,
    xref,
)

from pathweave.graph._reactions.biopax import biopax

library = pytest.importorskip("pybiopax.biopax.model")


@pytest.fixture
def write(tmp_path):
    def put(text, **options):
        file = tmp_path / "x.owl"
        file.write_text(text, encoding="utf-8")
        return biopax(file, **options)

    return put


@pytest.fixture
def read(write):
    def build(*steps, extra="", **options):
        return write(biopax_text(Path(1, "Made up", list(steps)), extra=extra), **options)

    return build


def signs(g):
    return {row[:4] for row in rows(g)}


def test_edges_are_those_worked_out_by_hand(write):
    g = write(biopax_text(UPPER))
    assert rows(g) == EXPECTED
    meta = g.meta["reactome"]
    assert (meta["release"], meta["reactions"], list(meta["files"])) == ("91", 8, ["x.owl"])
    assert meta["left_out"] == {
        "currency metabolites": 2,
        "entities without a node": 1,
        "kept on both sides of a reaction": 8,
        "regulators without a node": 1,  # the virus
        "reactions without outputs": 1,
    }


def test_pathways_have_names_and_parents(write):
    g = write(biopax_text(UPPER))
    assert g.pathways.to_numpy().tolist() == [
        ["reactome:R-HSA-2001", "Upper", "reactome", ""],
        ["reactome:R-HSA-2002", "Lower & smaller", "reactome", "reactome:R-HSA-2001"],
    ]


def test_a_circle_of_pathways_and_of_complexes_does_no_harm(write):
    one_, two = Path(2001, "one"), Path(2002, "two", [ISOMERS])
    text = biopax_text(one_, two).replace(
        "</rdf:RDF>",
        bp("Complex", "e1", to("component", "e2"), to("component", "e1"))
        + bp("Complex", "e2", to("memberPhysicalEntity", "e1"))
        + bp("BiochemicalReaction", "loop", to("left", "e1"), to("right", "e2"))
        + "</rdf:RDF>",
    )
    ends = {2001: "p2002", 2002: "p2001"}
    for number, other in ends.items():
        head = f'<bp:Pathway rdf:ID="p{number}">'
        inside = to("pathwayComponent", other) + to("pathwayComponent", f"p{number}")
        text = text.replace(head, head + inside)
    g = write(text)
    assert g.pathways["parents"].tolist() == ["reactome:R-HSA-2002", "reactome:R-HSA-2001"]
    assert len(g.rolled_up().members) == 2 * len(g.members)


def test_degradation_works_against_what_is_degraded(read):
    step = Step(1, DEGRADED.inputs, (), DEGRADED.controls, kind="Degradation")
    g = read(step)
    assert signs(g) == {("FBXW7", "CCNE1", "inhibition", -1)}
    assert g.edges["flags"].tolist() == ["degradation"]
    assert read(DEGRADED).edges.empty


TEMPLATE = (
    bp("TemplateReaction", "t", to("product", "e_p"), to("xref", "tx"))
    + xref("tx", "Reactome", "R-HSA-9")
    + bp("Rna", "e_p", to("entityReference", "ref_p"))
    + bp("RnaReference", "ref_p", to("xref", "xp"))
    + xref("xp", "ENSEMBL", "ENSG00000135679")
)


@pytest.mark.parametrize(
    ("word", "kind", "sign"),
    [("ACTIVATION", "expression", 1), ("INHIBITION", "repression", -1), ("", "expression", 0),
     ("INHIBITION-ALLOSTERIC", "repression", -1)],
)  # fmt: skip
def test_transcription(read, word, kind, sign):
    how = text_of("controlType", word) if word else ""
    control = bp("TemplateReactionRegulation", "tr", to("controlled", "t"),
                 to("controller", f"e{one('TP53').number}"), how)  # fmt: skip
    moved = Step(1, (one("TP53"),), (one("TP53", "n"),))
    assert signs(read(moved, extra=TEMPLATE + control)) == {("TP53", "MDM2", kind, sign)}


@pytest.mark.parametrize(
    ("one_sign", "other", "expected"),
    [("ACTIVATION", "INHIBITION", -1), ("INHIBITION", "INHIBITION", 1), ("", "INHIBITION", 0)],
)
def test_a_control_of_a_control_has_the_product_of_their_signs(read, one_sign, other, expected):
    step = Step(1, (one("JUN"),), (one("JUN", "p"),), ((one("EGF"), "negativeregulator"),))
    how = text_of("controlType", one_sign) if one_sign else ""
    extra = bp("Modulation", "m", how, to("controlled", "c1_0"), to("controller", "e_x")) + bp(
        "Protein", "e_x", to("entityReference", "ref_x")
    ) + bp("ProteinReference", "ref_x", to("xref", "xx")) + xref("xx", "UniProt", "P04637")  # fmt: skip
    assert other == "INHIBITION"
    kind = {1: "activation", -1: "inhibition", 0: "regulation"}[expected]
    assert ("TP53", "JUN", kind, expected) in signs(read(step, extra=extra))


def test_controls_that_lead_nowhere_or_in_circles_are_counted(read):
    tp53 = f"e{one('TP53').number}"
    extra = (
        bp("Control", "a", to("controlled", "b"), to("controller", tp53))
        + bp("Control", "b", to("controlled", "a"), to("controller", tp53))
        + bp("Control", "c", to("controlled", "gone"), to("controller", tp53))
        + bp("Control", "d", to("controlled", "r1"), to("controller", "p1"))
        + bp("MolecularInteraction", "mi", to("participant", tp53))
    )
    g = read(Step(1, (one("TP53"),), (one("JUN"),)), extra=extra)
    assert signs(g) == {("TP53", "JUN", "reaction", 0)}
    assert g.meta["reactome"]["left_out"] == {
        "controllers that are pathways": 1, "controls of nothing that is a reaction": 3,
        "molecular interactions": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reaction", "catalysis", "ways"),
    [
        ("LEFT_TO_RIGHT", "", ">"), ("LEFT-TO-RIGHT", "RIGHT-TO-LEFT", ">"),
        ("RIGHT_TO_LEFT", "", "<"), ("PHYSIOL-RIGHT-TO-LEFT", "", "<"), ("REVERSIBLE", "", "<>"),
        ("", "", ">"), ("", "RIGHT_TO_LEFT", "<"), ("", "LEFT-TO-RIGHT", ">"),
    ],
)  # fmt: skip
def test_directions(write, reaction, catalysis, ways):
    step = Step(1, ISOMERS.inputs, ISOMERS.outputs, ISOMERS.controls)
    text = biopax_text(Path(1, "x", [step]))
    old = text_of("conversionDirection", "LEFT-TO-RIGHT")
    assert old in text
    text = text.replace(old, text_of("conversionDirection", reaction) if reaction else "")
    if catalysis:
        head = '<bp:Catalysis rdf:ID="c1_0">'
        text = text.replace(head, head + text_of("catalysisDirection", catalysis))
    found = {row[:2] for row in rows(write(text)) if row[2] == "conversion"}
    there = ("CHEBI:4170", "CHEBI:16084")
    assert found == {{">": there, "<": there[::-1]}[way] for way in ways}


def test_nested_sets_of_complexes(read):
    """What a set holds is not joined, what each of its complexes holds is."""
    sets = either(CYCLIN, one("CDKN1A"))
    found = rows(read(Step(1, (sets,), (one("JUN"),))))
    assert {row[:3] for row in found} == {
        ("CCNE1", "CDK2", "complex"), ("CDK2", "JUN", "reaction"), ("CCNE1", "JUN", "reaction"),
        ("CDKN1A", "JUN", "reaction"),
    }  # fmt: skip


def test_the_spelling_of_pathway_commons(write):
    """Addresses instead of ids, secondary numbers beside the right one, properties that hold objects."""
    text = f"""{HEAD}
    <bp:SmallMoleculeReference rdf:about="http://bioregistry.io/chebi:4170">
      <bp:xref rdf:resource="urn:x1"/><bp:xref rdf:resource="urn:x2"/></bp:SmallMoleculeReference>
    <bp:UnificationXref rdf:about="urn:x1"><bp:db>chebi</bp:db><bp:id>CHEBI:45024</bp:id></bp:UnificationXref>
    <bp:UnificationXref rdf:about="urn:x2"><bp:db>chebi</bp:db><bp:id>CHEBI:4170</bp:id></bp:UnificationXref>
    <bp:Pathway rdf:about="http://identifiers.org/smpdb/SMP00040"><bp:displayName>P</bp:displayName>
      <bp:pathwayOrder><bp:BiochemicalPathwayStep><bp:stepConversion>
        <bp:BiochemicalReaction rdf:about="http://x.org/r">
          <bp:left rdf:resource="http://x.org/g6p"/>
          <bp:participantStoichiometry><bp:Stoichiometry rdf:ID="s"><bp:physicalEntity>
            <bp:SmallMolecule rdf:about="http://x.org/g6p"><bp:entityReference
              rdf:resource="http://bioregistry.io/chebi:4170"/></bp:SmallMolecule>
          </bp:physicalEntity></bp:Stoichiometry></bp:participantStoichiometry>
          <bp:right><bp:SmallMolecule><bp:entityReference>
            <bp:SmallMoleculeReference rdf:ID="f6p"><bp:xref><bp:RelationshipXref rdf:ID="k">
              <bp:db>kegg compound</bp:db><bp:id>C00085</bp:id></bp:RelationshipXref></bp:xref>
            </bp:SmallMoleculeReference></bp:entityReference></bp:SmallMolecule></bp:right>
        </bp:BiochemicalReaction></bp:stepConversion></bp:BiochemicalPathwayStep></bp:pathwayOrder>
    </bp:Pathway></rdf:RDF>"""
    g = write(text)
    assert g.edges[["source", "target", "type", "pathways"]].to_numpy().tolist() == [
        ["chebi:4170", "kegg.compound:C00085", "conversion", "smpdb:SMP00040"]
    ]
    assert g.pathways["database"].tolist() == ["biopax"]


def test_generic_proteins_stand_for_their_members(read):
    """References with members, and proteins with members."""
    extra = (
        bp("BiochemicalReaction", "g", to("left", "e_g"), to("right", f"e{one('JUN').number}"))
        + bp("Protein", "e_g", to("entityReference", "ref_g"))
        + bp("ProteinReference", "ref_g", to("memberEntityReference", "ref_MAPK1"),
             to("memberEntityReference", "ref_MAPK3"), to("memberEntityReference", "ref_g"))
    )  # fmt: skip
    step = Step(1, (one("MAPK1"), one("MAPK3")), (one("MAPK1", "p"), one("MAPK3", "p")))
    g = read(step, Step(2, (one("JUN"),), (one("JUN"),)), extra=extra)
    assert signs(g) == {("MAPK1", "JUN", "reaction", 0), ("MAPK3", "JUN", "reaction", 0)}


def test_a_plain_physical_entity_may_have_a_reference(read):
    """So does Reactome write some drugs; where their number is of ChEBI they are compounds."""
    extra = (
        bp("Control", "c", to("controlled", "r1"), to("controller", "e_d"), to("controller", "e_n"),
           text_of("controlType", "INHIBITION"))
        + bp("PhysicalEntity", "e_d", to("entityReference", "ref_d"))
        + bp("EntityReference", "ref_d", to("xref", "xd"))
        + xref("xd", "ChEBI", "CHEBI:90705")
        + bp("PhysicalEntity", "e_n", to("entityReference", "ref_n"))
        + bp("EntityReference", "ref_n", to("xref", "xn"))
        + xref("xn", "IUPHAR", 9977)
    )  # fmt: skip
    g = read(Step(1, (one("JUN"),), (one("JUN", "p"),)), extra=extra)
    assert {row[1:4] for row in rows(g)} == {("JUN", "inhibition", -1)}
    assert g.edges["source"].tolist() == ["chebi:90705"]
    assert g.meta["reactome"]["left_out"]["entities without a known identifier"] == 1


def test_properties_that_their_class_does_not_have_are_counted(read):
    """One such in a file of a whole species must not cost all the rest."""
    extra = bp("SmallMolecule", "a", to("left", "b"), to("product", "b")) + bp("Catalysis", "k")
    g = read(PHOSPHORYLATION, extra=extra)
    assert rows(g) == rows(read(PHOSPHORYLATION))
    assert g.meta["reactome"]["left_out"]["properties that their class does not have"] == 2


def test_about_with_a_number_sign_is_an_id(write):
    """KEGGtranslator's spelling of ``rdf:ID``."""
    text = biopax_text(UPPER)
    assert rows(write(text.replace(' rdf:ID="', ' rdf:about="#'))) == rows(write(text))


def test_several_files_are_one_graph(tmp_path):
    for i, path in enumerate((Path(2001, "one", [ISOMERS]), Path(2002, "two", [ISOMERS]))):
        (tmp_path / f"{i}.owl").write_text(biopax_text(path))
    g = biopax(tmp_path)
    assert g.meta["reactome"]["reactions"] == 1
    assert set(g.edges["pathways"]) == {"reactome:R-HSA-2001;reactome:R-HSA-2002"}
    with zipfile.ZipFile(tmp_path / "biopax.zip", "w") as archive:
        archive.write(tmp_path / "1.owl", "Homo_sapiens.owl")
        archive.write(tmp_path / "0.owl", "Mus_musculus.owl")
    archived = biopax(tmp_path / "biopax.zip", only="Homo*")
    assert archived.pathways["id"].tolist() == ["reactome:R-HSA-2002"]


def test_options_reach_the_edges(read):
    currency = read(PHOSPHORYLATION, currency=True)
    assert ("CHEBI:30616", "CHEBI:456216", "conversion", 0) in signs(currency)
    assert read(PHOSPHORYLATION, max_members=2).meta["reactome"]["left_out"] == {
        "currency metabolites": 2, "kept on both sides of a reaction": 1,
    }  # fmt: skip
    assert set(read(ISOMERS, database="mine").edges["database"]) == {"mine"}


def test_settings_of_pybiopax_stay(read):
    before = dict(library.PYBIOPAX_TQDM_CONFIG)
    read(ISOMERS)
    assert before == library.PYBIOPAX_TQDM_CONFIG


def test_without_pybiopax_the_error_names_the_extra(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "pybiopax.biopax.model", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'pathweave[biopax]'")):
        read(ISOMERS)


GOOD = biopax_text(UPPER)
NAMESPACES = '<!DOCTYPE rdf:RDF [<!ENTITY xsd "http://www.w3.org/2001/XMLSchema#">]>'
BROKEN = {
    "empty": ("", "is empty"),
    "html": ("<html><body/></html>", "first tag is 'html'"),
    "cut off": (GOOD[:-300], "not whole XML"),
    "nothing of BioPAX": (f"{HEAD}</rdf:RDF>", r"holds no pathway.*another format"),
    "level 2": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:bp="http://www.biopax.org/release/biopax-level2.owl#"><bp:pathway/></rdf:RDF>',
        "level 2",
    ),
    "bomb": ('<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + GOOD, "defines entities"),
    "long": ('<!DOCTYPE x [<!ENTITY a "' + "x" * 300 + '">]>' + GOOD, "defines entities"),
    "many": (
        "<!DOCTYPE x [" + "".join(f'<!ENTITY a{i} "x">' for i in range(60)) + "]>" + GOOD,
        "defines entities",
    ),
    "parameter": ('<!DOCTYPE x [<!ENTITY % a "x">]>' + GOOD, "defines entities"),
    "outside": (
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + GOOD,
        "defines entities",
    ),
    "dtd": ('<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">' + GOOD, "defines entities"),
    "deep": (f"{HEAD}{'<bp:left>' * 200}", "more than 64 deep"),
    "long comment": (f"{HEAD}<!--{' ' * 2**23}--></rdf:RDF>", "tag or comment of more than"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_and_hostile_files_are_named(write, name):
    text, message = BROKEN[name]
    with pytest.raises(ValueError, match=message) as caught:
        write(text)
    assert "x.owl" in str(caught.value)


def test_a_dtd_of_namespaces_is_harmless(write):
    text = NAMESPACES + GOOD.replace("http://www.w3.org/2001/XMLSchema#", "&xsd;")
    assert write(text) == write(GOOD)


def test_sizes_are_bounded(write, monkeypatch):
    monkeypatch.setattr("pathweave.graph._reactions.biopax.MAX_BYTES", 1000)
    with pytest.raises(ValueError, match=r"x\.owl has more than 1,000 bytes"):
        write(GOOD)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_give_a_graph_or_a_value_error(tmp_path, data):
    text = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(text) - 1)))
        what = data.draw(st.sampled_from(["byte", "cut", "twice"]))
        end = min(len(text), at + data.draw(st.integers(1, 200)))
        if what == "byte" and text:
            text[at] = data.draw(st.integers(0, 255))
        elif what == "cut":
            del text[at:end]
        else:
            text[at:at] = text[at:end]
    file = tmp_path / "x.owl"
    file.write_bytes(bytes(text))
    assert sound(biopax, file)


TAGS = st.sampled_from(
    ["Pathway", "Protein", "Complex", "SmallMolecule", "BiochemicalReaction", "Control", "Catalysis",
     "TemplateReaction", "Degradation", "ProteinReference", "UnificationXref", "PathwayStep",
     "Conversion", "Dna", "Interaction", "BioPaxModel", "tqdm"]
)  # fmt: skip
PROPERTIES = st.sampled_from(
    ["pathwayComponent", "pathwayOrder", "stepProcess", "component", "memberPhysicalEntity", "left",
     "right", "controller", "controlled", "product", "xref", "entityReference", "displayName",
     "dataSource", "controlType", "memberEntityReference", "name"]
)  # fmt: skip


@st.composite
def nonsense(draw):
    """Objects of any class with any property that leads anywhere."""
    keys = [f"k{i}" for i in range(6)]
    out = []
    for key in keys:
        links = draw(st.lists(st.tuples(PROPERTIES, st.sampled_from([*keys, "", "ACTIVATION"]))))
        inside = [to(p, k) if k in keys else text_of(p, k) for p, k in links]
        out.append(bp(draw(TAGS), key, *inside))
    return f"{HEAD}{''.join(out)}</rdf:RDF>"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nonsense())
def test_nonsense_gives_a_graph_or_a_value_error(tmp_path, text):
    file = tmp_path / "x.owl"
    file.write_text(text)
    assert sound(biopax, file)

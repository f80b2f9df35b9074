"""Names of foreign databases, expansion of complexes and sets, edges of reactions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathweave.graph._reactions.build import build
from pathweave.graph._reactions.edges import Expander, Rules, edges_of
from pathweave.graph._reactions.model import Control, Entity, Model, Reaction
from pathweave.graph._reactions.names import best_names, identify, reactome_id

GENES = [f"hgnc:{number}" for number in (1771, 1589, 9884, 1784, 6871, 6877, 6204, 11998)]
COMPOUNDS = ["chebi:4170", "chebi:16084", "chebi:15377"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://purl.uniprot.org/uniprot/P04637", "uniprot:P04637"),
        ("http://purl.uniprot.org/uniprot/P04637-2", "uniprot:P04637"),
        ("http://www.uniprot.org/entry/Q00987", "uniprot:Q00987"),
        ("https://identifiers.org/uniprot:A0A024R161", "uniprot:A0A024R161"),
        ("http://identifiers.org/uniprot/P04637", "uniprot:P04637"),
        ("urn:miriam:uniprot:P04637", "uniprot:P04637"),
        ("UniProt Isoform:P52948-4", "uniprot:P52948"),
        ("uniprot knowledgebase:P04637", "uniprot:P04637"),
        ("http://www.ebi.ac.uk/chebi/searchId.do?chebiId=CHEBI:26667", "chebi:26667"),
        ("http://identifiers.org/chebi/CHEBI:26667", "chebi:26667"),
        ("https://identifiers.org/CHEBI:26667", "chebi:26667"),
        ("urn:miriam:obo.chebi:CHEBI%3A26667", "chebi:26667"),
        ("http://bioregistry.io/chebi:18367", "chebi:18367"),
        ("ChEBI:15377", "chebi:15377"),
        ("chebi:CHEBI:15377", "chebi:15377"),
        ("COMPOUND:C00031", "kegg.compound:C00031"),
        ("https://identifiers.org/kegg.compound:C00031", "kegg.compound:C00031"),
        ("ENSEMBL:ENSG00000141510", "ensembl:ENSG00000141510"),
        ("https://identifiers.org/ensembl:ENSG00000141510.18", "ensembl:ENSG00000141510"),
        ("ENSEMBL:ENST00000269305", "ensembl.transcript:ENST00000269305"),
        ("miRBase:MI0000077", "mirbase:MI0000077"),
        ("HGNC:11998", "hgnc:11998"),
        ("http://identifiers.org/hgnc/HGNC:11998", "hgnc:11998"),
        ("hgnc symbol:TP53", "symbol:TP53"),
        ("Entrez Gene:7157", "ncbigene:7157"),
        ("http://identifiers.org/ncbigene/7157", "ncbigene:7157"),
        ("https://identifiers.org/pubmed/7957", ""),
        ("https://www.ebi.ac.uk/QuickGO/term/GO:0005829", ""),
        ("http://www.ebi.ac.uk/ena/data/view/AF389115", ""),
        ("https://identifiers.org/ec-code/2.7.11.1", ""),
        ("https://reactome.org/content/detail/R-HSA-69541", ""),
        ("Guide to Pharmacology:4518", ""),
        ("", ""),
    ],
)
def test_links_of_databases_become_names(text, name):
    assert identify(text) == name


def test_the_best_database_names_a_molecule():
    both = ["hgnc symbol:TP53", "UniProt:P04637", "Entrez Gene:7157"]
    assert best_names(both) == ("uniprot:P04637",)
    assert best_names(["COMPOUND:C00031", "ChEBI:17634"]) == ("chebi:17634",)
    assert best_names(["UniProt:Q2", "UniProt:P04637", "UniProt:P02340"]) == (
        "uniprot:P02340", "uniprot:P04637",
    )  # fmt: skip
    assert best_names(["GO:1"]) == ()
    assert reactome_id(["x", "http://identifiers.org/reactome/REACTOME:R-HSA-70355.1"]) == (
        "R-HSA-70355"
    )
    assert reactome_id(["https://identifiers.org/reactome:R-SCE-5693527-2"]) == "R-SCE-5693527-2"
    assert reactome_id(["R-HSA"]) == ""


def single(node):
    return Entity("single", (node,))


def graph_of(entities, reactions, **rules):
    model = Model(entities=dict(entities), reactions=dict(reactions))
    for key in sorted({key for reaction in reactions.values() for key in reaction.pathways}):
        model.add_pathway(key, key)
    return build(
        model, Rules(**rules), database="made_up", origin="test", table=None, keep_unknown=False
    )


def edges(entities, reaction, **rules):
    found = graph_of(entities, {"r": reaction}, **rules).edges
    return {tuple(row) for row in found[["source", "target", "type", "sign"]].to_numpy()}


A, B, C, D = GENES[:4]
ABCD = {"a": single(A), "b": single(B), "c": single(C), "d": single(D)}


def test_a_kinase_that_holds_its_substrate_acts_on_it_and_not_the_other_way():
    entities = ABCD | {
        "a:b": Entity("complex", parts=("a", "b")),
        "pb": single(B),
        "a:pb": Entity("complex", parts=("a", "pb")),
    }
    reaction = Reaction(("a:b",), ("a:pb",), (Control("a:b", "catalyst"),))
    assert edges(entities, reaction) == {
        (A, B, "catalysis", 0),
        (min(A, B), max(A, B), "complex", 0),
    }
    # Where the forms inside are not known nothing can be said of direction.
    flat = entities | {
        key: Entity("complex", parts=("a", "b"), flat=True) for key in ("a:b", "a:pb")
    }
    assert edges(flat, reaction) == {(min(A, B), max(A, B), "complex", 0)}


def test_an_inhibitor_acts_on_the_enzyme_it_sits_on():
    entities = ABCD | {"pc": single(C), "d:a": Entity("complex", parts=("d", "a"))}
    reaction = Reaction(
        ("c",), ("pc",), (Control("a", "catalyst"), Control("d:a", "regulator", -1))
    )
    assert edges(entities, reaction) == {
        (A, C, "catalysis", 0), (D, C, "inhibition", -1), (D, A, "inhibition", -1),
        (min(A, D), max(A, D), "complex", 0),
    }  # fmt: skip


def test_of_an_inhibitor_that_holds_the_substrate_only_the_inhibitor_counts():
    """PEBP1 sits on RAF1, which MEK phosphorylates no more: RAF1 does not inhibit MEK."""
    entities = ABCD | {"pb": single(B), "d:a:b": Entity("complex", parts=("d", "a", "b"))}
    regulator = Control("d:a:b", "regulator", -1)
    found = edges(entities, Reaction(("b",), ("pb",), (Control("a", "catalyst"), regulator)))
    assert {row for row in found if row[2] == "inhibition"} == {
        (D, B, "inhibition", -1), (D, A, "inhibition", -1),
    }  # fmt: skip
    # Where the inhibitor is a drug that has no node, nothing is left that inhibits.
    drugged = entities | {
        "drug": Entity("single"),
        "x:a:b": Entity("complex", parts=("drug", "a", "b")),
    }
    controls = (Control("a", "catalyst"), Control("x:a:b", "regulator", -1))
    g = graph_of(drugged, {"r": Reaction(("b",), ("pb",), controls)})
    assert (g.edges["sign"] == 0).all()
    assert g.meta["made_up"]["left_out"]["regulators without a node"] == 1
    # One that is nothing but enzyme and substrate regulates all the same: something must.
    alone = entities | {"a:b": Entity("complex", parts=("a", "b"))}
    reaction = Reaction(("b", "c"), ("pb", "c"), (Control("a:b", "regulator", -1),))
    assert (A, B, "inhibition", -1) in edges(alone, reaction)


def test_a_regulator_of_unknown_sign_is_kept_unsigned():
    reaction = Reaction((), ("a",), (Control("b", "regulator", 0),))
    g = graph_of(ABCD, {"r": reaction})
    assert g.edges[["source", "target", "type", "sign"]].to_numpy().tolist() == [
        [B, A, "regulation", 0]
    ]
    assert g.meta["made_up"]["left_out"] == {"reactions without inputs": 1}


def test_dna_that_is_read_makes_regulators_of_expression():
    entities = ABCD | {
        "dna": Entity("single", (A,), dna=True),
        "b:dna": Entity("complex", parts=("b", "dna")),
    }
    controls = (Control("b:dna", "regulator", 1), Control("c", "regulator", -1))
    reaction = Reaction(("dna",), ("a",), controls)
    found = {row for row in edges(entities, reaction) if row[2] != "complex"}
    assert found == {(B, A, "expression", 1), (C, A, "repression", -1)}
    # A factor that binds DNA reads nothing.
    assert {kind for *_, kind, _ in edges(entities, Reaction(("b", "dna"), ("b:dna",)))} == {
        "complex"
    }


def test_degradation_turns_the_sign():
    controls = (
        Control("a", "catalyst"),
        Control("b", "regulator", -1),
        Control("c", "regulator", 1),
    )
    found = graph_of(ABCD, {"r": Reaction(("d",), (), controls, kind="degradation")}).edges
    lost = found[found["flags"] == "degradation"]
    assert {tuple(row) for row in lost[["source", "target", "type", "sign"]].to_numpy()} == {
        (A, D, "inhibition", -1), (B, D, "activation", 1), (C, D, "inhibition", -1),
    }  # fmt: skip


def test_what_is_on_both_sides_and_inputs_are_switches():
    entities = ABCD | {"a:b": Entity("complex", parts=("a", "b"))}
    binding = Reaction(("a", "b"), ("a:b",), (Control("c", "regulator", 1),))
    bond = (min(A, B), max(A, B), "complex", 0)
    helped = {(C, A, "activation", 1), (C, B, "activation", 1)}
    assert edges(entities, binding) == {bond} | helped
    assert edges(entities, binding, persisting=True) == {
        bond, (A, B, "reaction", 0), (B, A, "reaction", 0),
    } | helped  # fmt: skip
    turned = Reaction(("a",), ("b",), (Control("c", "regulator", -1), Control("d", "catalyst")))
    plain = edges(entities, turned)
    assert edges(entities, turned, to_inputs=True) - plain == {
        (C, A, "inhibition", -1), (D, A, "catalysis", 0),
    }  # fmt: skip


def test_bound_compounds_and_currency():
    entities = {
        "a": single(A), "g6p": single("chebi:4170"), "f6p": single("chebi:16084"),
        "water": single("chebi:15377"), "a:g6p": Entity("complex", parts=("a", "g6p", "water")),
    }  # fmt: skip
    reaction = Reaction(("a:g6p", "water"), ("f6p", "a"))
    pair = ("chebi:4170", A, "complex", 0)
    # Bound, G6P is not turned over; the weight knows nothing of water either.
    assert edges(entities, reaction) == {pair}
    g = graph_of(entities, {"r": reaction})
    assert g.edges["weight"].tolist() == [1.0]
    assert g.meta["made_up"]["left_out"]["currency metabolites"] == 1
    more = edges(entities, reaction, currency=True)
    assert ("chebi:15377", "chebi:16084", "conversion", 0) in more
    assert ("chebi:15377", A, "complex", 0) in more


def test_a_transported_pair_is_not_converted():
    entities = {"x": single("chebi:4170"), "y": single("chebi:16084"), "t": single(A)}
    outside = {f"{key}_out": entity for key, entity in entities.items()}
    reaction = Reaction(("x", "y_out"), ("x_out", "y"), (Control("t", "catalyst"),))
    assert {kind for *_, kind, _ in edges(entities | outside, reaction)} == {"catalysis"}


def test_the_cap_leaves_edges_out_but_not_members():
    entities = {gene: single(gene) for gene in GENES}
    entities["all"] = Entity("complex", parts=tuple(GENES))
    entities["two"] = Entity("complex", parts=tuple(GENES[:2]))
    reaction = Reaction(("all",), ("two",), pathways={"made_up:p"})
    g = graph_of(entities, {"r": reaction}, max_members=7)
    assert len(g.edges) == 1
    assert len(g.members) == len(GENES)
    assert g.meta["made_up"]["left_out"]["entities over the size cap"] == 1
    g = graph_of(entities, {"r": reaction}, max_members=8)
    assert (g.edges["type"] == "complex").sum() == 28
    with pytest.raises(ValueError, match="max_members=1 must be at least 2"):
        Rules(max_members=1)


def test_what_is_not_defined_or_too_deep_is_counted():
    chain = {f"c{i}": Entity("complex", parts=(f"c{i + 1}",)) for i in range(6000)}
    reaction = Reaction(("c0", "nowhere"), ("c5000",))
    left_out = graph_of(chain, {"r": reaction}).meta["made_up"]["left_out"]
    assert left_out["participants that are not defined"] == 2
    assert left_out["entities of more than 5,000 parts"] == 1


KEYS = [f"e{i}" for i in range(10)]


@st.composite
def worlds(draw):
    """Entities with parts anywhere, circles included, and reactions between them."""
    entities = {}
    for key in KEYS:
        kind = draw(st.sampled_from(["single", "complex", "set"]))
        if kind == "single":
            names = draw(st.lists(st.sampled_from(GENES + COMPOUNDS), max_size=2, unique=True))
            entities[key] = Entity(kind, tuple(names), dna=draw(st.booleans()))
        else:
            parts = draw(st.lists(st.sampled_from([*KEYS, "lost"]), max_size=4, unique=True))
            entities[key] = Entity(kind, parts=tuple(parts), flat=draw(st.booleans()))
    some = st.lists(st.sampled_from([*KEYS, "lost"]), max_size=3, unique=True).map(tuple)
    control = st.builds(
        Control, st.sampled_from(KEYS), st.sampled_from(["catalyst", "regulator"]),
        st.sampled_from([-1, 0, 1]),
    )  # fmt: skip
    reactions = draw(
        st.dictionaries(
            st.sampled_from(["r1", "r2", "r3"]),
            st.builds(
                Reaction, some, some, st.lists(control, max_size=2).map(tuple), st.booleans(),
                st.sampled_from(["reaction", "degradation", "transcription"]),
                st.sets(st.sampled_from(["made_up:p", "made_up:q"])),
            ),
        )
    )  # fmt: skip
    return entities, reactions


RULES = st.fixed_dictionaries(
    {
        "max_members": st.integers(2, 6),
        "currency": st.booleans(),
        "persisting": st.booleans(),
        "to_inputs": st.booleans(),
    }
)
SIGN_OF = {"activation": 1, "inhibition": -1, "repression": -1}


@given(worlds(), RULES)
def test_edges_are_sound_whatever_the_entities(world, rules):
    entities, reactions = world
    g = graph_of(entities, reactions, **rules)
    table = g.edges
    assert not (table["source"] == table["target"]).any()
    assert (table["type"].map(SIGN_OF).fillna(table["sign"]) == table["sign"]).all()
    complexes = table[table["type"] == "complex"]
    assert not complexes["directed"].any()
    assert (complexes["weight"] >= 1 / (rules["max_members"] - 1)).all()
    assert table.loc[table["type"] != "complex", "directed"].all()
    if not rules["currency"]:
        assert not table[["source", "target"]].isin(["chebi:15377"]).any(axis=None)
    carried = {p for text in table["pathways"] for p in text.split(";") if p}
    assert carried <= set(g.pathways["id"])
    assert all(n > 0 for n in g.meta["made_up"]["left_out"].values())


@given(worlds(), RULES)
def test_no_entity_over_the_cap_gives_an_edge(world, rules):
    entities, reactions = world
    model_rules, left_out = Rules(**rules), Counter()
    nodes_of = {name: (name,) for name in GENES + COMPOUNDS}
    expander = Expander(entities, nodes_of, model_rules, left_out)
    for reaction in reactions.values():
        used = {*reaction.inputs, *reaction.outputs, *(c.controller for c in reaction.controls)}
        small = [expander.all_of([key]).nodes for key in used]
        small = set().union(*(nodes for nodes in small if len(nodes) <= rules["max_members"]))
        for edge in edges_of(reaction, expander, model_rules, left_out):
            assert {edge.source, edge.target} <= small


@given(worlds(), RULES, st.randoms())
def test_the_order_of_entities_and_parts_does_not_matter(world, rules, random):
    entities, reactions = world

    def shuffled(items):
        return random.sample(list(items), len(items))

    other = {
        key: Entity(e.kind, e.names, tuple(shuffled(e.parts)), e.label, e.dna, e.flat)
        for key, e in shuffled(entities.items())
    }
    turned = {
        key: Reaction(
            tuple(shuffled(r.inputs)), tuple(shuffled(r.outputs)), tuple(shuffled(r.controls)),
            r.reversible, r.kind, set(r.pathways),
        )
        for key, r in shuffled(reactions.items())
    }  # fmt: skip
    one, two = graph_of(entities, reactions, **rules), graph_of(other, turned, **rules)
    assert one == two
    assert one.meta["made_up"]["left_out"] == two.meta["made_up"]["left_out"]


@given(worlds())
def test_a_reversible_reaction_is_the_two_one_way_ones(world):
    entities, reactions = world
    for reaction in reactions.values():

        def way(left, right, reversible=False, *, like=reaction):
            return Reaction(left, right, like.controls, reversible, like.kind, set(like.pathways))

        one, other = reaction.inputs, reaction.outputs
        both = graph_of(entities, {"r": way(one, other, reversible=True)})
        there_and_back = graph_of(entities, {"r": way(one, other), "s": way(other, one)})
        np.testing.assert_array_equal(both.edges.to_numpy(), there_and_back.edges.to_numpy())

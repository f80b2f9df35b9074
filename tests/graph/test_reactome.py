"""The embedded Reactome against the counts that its release is known by."""

from __future__ import annotations

from pathweave import graph
from pathweave.graph._reactome.build import _read


def test_counts_of_release_91():
    found = graph.reactome()
    counts = found.meta["reactome"]["counts"]
    parents = found.pathways["parents"]
    assert len(found.pathways) == counts["pathways"] == 2751
    assert parents[parents != ""].str.split(";").map(len).sum() == counts["relations"] == 2769
    assert (parents == "").sum() == 29
    assert counts["protein_memberships"] == len(_read("proteins")) == 46_939
    assert (counts["accessions"], counts["accessions_with_gene"]) == (11_656, 11_284)
    assert found.meta["reactome"]["release"] == "91"
    assert found.meta["reactome"]["release_of_compounds"] == "78"


def test_protein_memberships_roll_up_to_the_published_number():
    proteins = _read("proteins")
    nodes = proteins["source"].drop_duplicates().rename("id").to_frame()
    whole = graph.PathwayGraph(
        nodes=nodes.assign(kind="gene"),
        pathways=_read("pathways"),
        members=proteins.rename(columns={"source": "node"}),
    ).rolled_up()
    assert len(whole.members) == 133_088
    assert whole.members["pathway"].nunique() == 2732


def test_hierarchy_has_29_roots_and_is_12_deep():
    pathways = graph.reactome().pathways
    parents = dict(zip(pathways["id"], pathways["parents"].str.split(";"), strict=True))
    depth: dict[str, int] = {}

    def level(pathway):
        if pathway not in depth:
            above = [p for p in parents[pathway] if p]
            depth[pathway] = 1 + max((level(p) for p in above), default=0)
        return depth[pathway]

    assert max(level(pathway) for pathway in parents) == 12
    assert sum(level(pathway) == 1 for pathway in parents) == 29


def test_members_are_what_a_biologist_expects():
    found = graph.reactome()
    nodes = found.nodes.set_index("id")
    members = found.rolled_up().members
    members = members[members["pathway"] == "reactome:R-HSA-70171"]["node"]
    symbols = set(nodes.loc[members, "symbol"])
    assert {"HK1", "PFKM", "GAPDH", "PKM", "ALDOA"} <= symbols
    assert members.str.startswith("chebi:").any()
    assert set(nodes["kind"]) == {"gene", "compound"}
    assert not found.members.duplicated().any()


def test_compounds_are_lowest_level():
    found = graph.reactome()
    pathways = found.pathways.set_index("id")["parents"]
    compounds = found.members[found.members["node"].str.startswith("chebi:")]
    pairs = set(compounds.itertuples(index=False, name=None))
    for node, pathway in pairs:
        for parent in pathways[pathway].split(";"):
            assert (node, parent) not in pairs


def test_loaded_once():
    assert graph.reactome() is graph.reactome()

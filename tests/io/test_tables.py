from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

import pathweave as pw
from pathweave.io import read_tables

RNA = pd.DataFrame(
    {"TP53": [1.0, 2.0, 3.0], "EGFR": [0.0, np.nan, 1.0], "MYC": [4.0, 5.0, 6.0]},
    index=["s1", "s2", "s3"],
)
METH = pd.DataFrame({"cg00000029": [0.1, 0.9], "cg00000165": [0.2, 0.3]}, index=["s3", "s4"])
OBS = pd.DataFrame({"class": ["a", None, "b", "a", "b"]}, index=["s4", "s3", "s2", "s1", "s9"])


def _check(mdata):
    assert set(mdata.obs_names) == {"s1", "s2", "s3", "s4"}
    pd.testing.assert_frame_equal(
        mdata.mod["rna"].to_df().loc[RNA.index], RNA.astype(np.float32), check_names=False
    )
    pd.testing.assert_frame_equal(mdata.mod["meth"].to_df(), METH.astype(np.float32))


@pytest.mark.parametrize("flip_rna", [False, True])
@pytest.mark.parametrize("flip_meth", [False, True])
@pytest.mark.parametrize("obs", [None, OBS])
def test_orientation_is_found(flip_rna, flip_meth, obs):
    tables = {"rna": RNA.T if flip_rna else RNA, "meth": METH.T if flip_meth else METH}
    mdata = read_tables(tables, obs=obs)
    _check(mdata)
    if obs is not None:
        assert mdata.obs.loc[["s1", "s2", "s4"], "class"].tolist() == ["a", "b", "a"]
        assert pd.isna(mdata.obs.loc["s3", "class"])


def test_layers_that_share_samples_and_genes_turn_by_their_identifiers():
    names = ["TP53", "EGFR", "MYC", "KRAS"]
    frame = pd.DataFrame(np.arange(12.0).reshape(3, 4), index=["p1", "p2", "p3"], columns=names)
    for tables in ({"rna": frame, "cnv": frame}, {"rna": frame.T, "cnv": frame.T}):
        assert set(read_tables(tables).obs_names) == {"p1", "p2", "p3"}


@pytest.mark.parametrize("kind", ["csv", "tsv", "csv.gz", "semicolon", "r", "parquet"])
def test_files_of_all_sorts(tmp_path, kind):
    path = tmp_path / f"rna.{kind if kind not in {'semicolon', 'r'} else 'csv'}"
    if kind == "parquet":
        RNA.to_parquet(path)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(RNA.to_csv().encode()))
    elif kind == "r":
        header, _, rest = RNA.to_csv().partition("\n")
        path.write_text(header.removeprefix(",") + "\n" + rest.replace(",,", ",NA,"))
    else:
        path.write_text(RNA.to_csv(sep={"tsv": "\t", "semicolon": ";"}.get(kind, ",")))
    _check(read_tables({"rna": path, "meth": METH}))


def test_numeric_sample_names_match_the_text_of_files(tmp_path):
    rna = RNA.set_axis([1, 2, 3])
    rna.to_csv(tmp_path / "rna.csv")
    mdata = read_tables(
        {"rna": tmp_path / "rna.csv"}, obs=pd.DataFrame({"x": [7, 8, 9]}, [1, 2, 3])
    )
    assert mdata.obs["x"].tolist() == [7, 8, 9]


def test_kinds_and_orientation_can_be_told():
    mdata = read_tables({"a": RNA.T}, transpose=True, kinds={"a": "transcriptome"})
    assert mdata.mod["a"].shape == (3, 3)
    assert pw.io.layer_kinds(mdata) == {"a": "transcriptome"}
    assert read_tables({"a": RNA}, transpose=False).obs_names.tolist() == ["s1", "s2", "s3"]


@pytest.mark.parametrize(
    ("tables", "keywords", "error", "match"),
    [
        ({}, {}, ValueError, "tables is empty"),
        (["rna.csv"], {}, TypeError, "must be a dict"),
        ({"rna": "nowhere.csv"}, {}, FileNotFoundError, r"tables\['rna'\].*does not exist"),
        ({"rna": 3}, {}, TypeError, "path or a DataFrame"),
        ({"rna": RNA.iloc[:0]}, {}, ValueError, "is empty"),
        ({"rna": RNA.assign(sex="m")}, {}, ValueError, "holds text.*'m' in 'sex'"),
        ({"rna": pd.concat([RNA, RNA])}, {}, ValueError, "sample names of layer 'rna'.*'s1'"),
        ({"rna": RNA.set_axis(["A", "A", "B"], axis=1)}, {}, ValueError, "feature names.*'A'"),
        ({"rna": RNA, "meth": METH.set_axis(["x", "y"])}, {}, ValueError, "share no samples"),
        ({"rna": RNA}, {"obs": OBS.set_axis(list("vwxyz"))}, ValueError, "shares no sample name"),
        ({"rna": RNA}, {"obs": pd.concat([OBS, OBS])}, ValueError, "sample names of obs"),
        ({"rna": RNA}, {"transpose": "yes"}, ValueError, "transpose='yes'"),
        ({"rna": RNA}, {"kinds": {"dna": "cnv"}}, KeyError, "no such layer"),
    ],
)
def test_bad_tables_get_a_clear_error(tables, keywords, error, match):
    with pytest.raises(error, match=match):
        read_tables(tables, **keywords)


def test_bad_files_get_a_clear_error(tmp_path):
    path = tmp_path / "rna.csv"
    for content, match in [
        ("", "is empty"),
        ("id\ns1\n", "one column only"),
        ("id,A,A\ns1,1,2\ns2,3,4\n", "feature names.*'A'"),
        ("id,A,B\ns1,1,2,3,4\ns2,1,2,3,4\n", "header names 2 columns.*hold 4"),
        ("id,A,B\ns1,1,2\ns2,1,2,3,4\n", "ragged"),
    ]:
        path.write_text(content)
        with pytest.raises(ValueError, match=match):
            read_tables({"rna": path})
    path.write_bytes(b"\xff\xfe\x00\x01,\n\xff\xfe")
    with pytest.raises(ValueError, match="UTF-8"):
        read_tables({"rna": path})
    with pytest.raises(ValueError, match="files end in"):
        read_tables({"rna": _touch(tmp_path / "rna.docx")})


def _touch(path):
    path.write_text("x")
    return path


def test_real_tables_equal_the_h5mu(shared):
    folder = shared / "data/brca_mixomics"
    files = {path.name.split(".")[0]: path for path in (folder / "csv").glob("*.csv.gz")}
    mdata = read_tables(files, obs=folder / "csv/obs.csv")
    expected = pw.io.read_h5mu(folder / "brca_mixomics.h5mu")
    for layer, mod in expected.mod.items():
        np.testing.assert_allclose(mdata.mod[layer][mod.obs_names].to_df(), mod.to_df(), rtol=1e-5)
    labels = mdata.obs["subtype"].loc[expected.obs_names].astype(str)
    assert labels.tolist() == expected.obs["subtype"].astype(str).tolist()

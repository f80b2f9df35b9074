"""Downloads from a server that drops, cuts, delays, redirects, changes its mind and lies."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
import time
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import numpy as np
import pytest

from pathweave import graph
from pathweave._core.warnings import DataWarning
from pathweave.graph._fetch import download, http
from pathweave.graph._fetch.http import DownloadError, NotThereError, Pace
from pathweave.graph._kegg import download as kegg_download
from pathweave.graph._kegg.download import download_kegg
from pathweave.graph._reactome.download import download_reactome

K16 = 2**14
BODY = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()


class Clock:
    """Time that passes in sleep alone."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, interval=0.0):
        return Pace(interval, clock=lambda: self.now, sleep=self.sleep)


class Server:
    """Answers each path by the next of its answers; the last one is for ever."""

    def __init__(self):
        self.answers = {}
        self.requests = []
        self.clock = Clock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers), outer.clock.now))
                answers = outer.answers.get(self.path, [status(404)])
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                try:
                    answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *args):
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def on(self, path, *answers):
        self.answers[path] = list(answers)
        return self.url + path

    def ranges(self):
        return [headers.get("Range") for _, headers, _ in self.requests]

    def close(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _send(handler, code, headers, body):
    handler.send_response(code)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.end_headers()
    handler.wfile.write(body)


def status(code, body=b"", **headers):
    headers = {key.replace("_", "-"): str(value) for key, value in headers.items()}
    return lambda handler: _send(handler, code, {"Content-Length": len(body), **headers}, body)


def whole(body=BODY, *, etag='"v1"', ranges=True, upto=None, keep_date=False):
    """A right server; `upto` cuts the connection after so many bytes of the answer."""

    def answer(handler):
        asked, version = handler.headers.get("Range"), handler.headers.get("If-Range")
        headers = {"ETag": etag} if etag else {}
        if keep_date:
            headers["Last-Modified"] = "Tue, 21 Jan 2025 10:00:00 GMT"
        start, code = 0, 200
        if ranges and asked and version in {etag, headers.get("Last-Modified")}:
            start, code = int(asked.removeprefix("bytes=").removesuffix("-")), 206
            if start >= len(body):
                return _send(handler, 416, {"Content-Range": f"bytes */{len(body)}"}, b"")
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        part = body[start:]
        return _send(handler, code, {**headers, "Content-Length": len(part)}, part[:upto])

    return answer


def hang_up(handler):
    handler.close_connection = True
    handler.wfile.close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def fetch(server, tmp_path):
    """Download to tmp_path/f without waiting."""
    return partial(download.download, target=tmp_path / "f", pace=server.clock.pace())


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_plain_download(server, fetch, tmp_path):
    found = fetch(server.on("/f", whole(keep_date=True)), sha256=SHA.upper())
    assert (tmp_path / "f").read_bytes() == BODY
    assert (found.sha256, found.bytes, found.etag) == (SHA, len(BODY), '"v1"')
    assert found.last_modified == "Tue, 21 Jan 2025 10:00:00 GMT"
    assert left(tmp_path) == ["f"]
    assert server.requests[0][1]["User-Agent"].startswith("pathweave/")


def test_a_dropped_connection_is_resumed(server, fetch, tmp_path):
    fetch(server.on("/f", whole(upto=6 * K16), whole(upto=3 * K16), whole()))
    assert (tmp_path / "f").read_bytes() == BODY
    assert server.ranges() == [None, f"bytes={6 * K16}-", f"bytes={9 * K16}-"]
    assert [headers.get("If-Range") for _, headers, _ in server.requests] == [None, '"v1"', '"v1"']
    assert server.clock.slept == [1.0, 2.0]


def test_resumed_by_the_date_where_the_etag_is_weak(server, fetch, tmp_path):
    answer = partial(whole, etag='W/"v1"', keep_date=True)
    fetch(server.on("/f", answer(upto=K16), answer()))
    assert (tmp_path / "f").read_bytes() == BODY
    assert server.requests[1][1]["If-Range"] == "Tue, 21 Jan 2025 10:00:00 GMT"


def test_a_later_call_goes_on(server, fetch, tmp_path):
    url = server.on("/f", whole(upto=6 * K16), whole())
    with pytest.raises(DownloadError, match="could not be downloaded"):
        fetch(url, tries=1)
    assert left(tmp_path) == [".f.part", ".f.part.json"]
    fetch(url, sha256=SHA)
    assert server.ranges() == [None, f"bytes={6 * K16}-"]
    assert left(tmp_path) == ["f"]


def test_a_part_of_another_address_is_not_gone_on_with(server, fetch, tmp_path):
    with pytest.raises(DownloadError):
        fetch(server.on("/old", whole(b"x" * 5000, upto=100)), tries=1)
    fetch(server.on("/f", whole()))
    assert (tmp_path / "f").read_bytes() == BODY
    assert server.ranges() == [None, None]


def test_a_part_that_is_whole_already(server, fetch, tmp_path):
    url = server.on("/f", whole())
    (tmp_path / ".f.part").write_bytes(BODY)
    (tmp_path / ".f.part.json").write_text(json.dumps({"url": url, "etag": '"v1"'}))
    fetch(url, sha256=SHA)
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize("etag", ['"v1"', ""])
def test_a_server_without_ranges_or_versions_starts_anew(server, fetch, tmp_path, etag):
    fetch(server.on("/f", whole(etag=etag, upto=K16), whole(etag=etag, ranges=False)))
    assert (tmp_path / "f").read_bytes() == BODY
    assert server.ranges() == [None, f"bytes={K16}-" if etag else None]


def test_content_that_changes_between_tries_is_never_mixed(server, fetch, tmp_path):
    new = BODY[::-1]
    fetch(server.on("/f", whole(upto=K16), whole(new, etag='"v2"')))
    assert (tmp_path / "f").read_bytes() == new

    def ignores_if_range(handler):
        span = f"bytes {K16}-{len(new) - 1}/{len(new)}"
        headers = {"Content-Range": span, "ETag": '"v2"', "Content-Length": len(new) - K16}
        _send(handler, 206, headers, new[K16:])

    fetch(server.on("/f", whole(upto=K16), ignores_if_range, whole(new, etag='"v2"')))
    assert (tmp_path / "f").read_bytes() == new


def test_a_wrong_range_is_not_appended(server, fetch, tmp_path):
    headers = {"Content_Range": f"bytes 5-{len(BODY) - 1}/{len(BODY)}", "ETag": '"v1"'}
    wrong = status(206, BODY[5:], **headers)
    fetch(server.on("/f", whole(upto=K16), wrong, whole()))
    assert (tmp_path / "f").read_bytes() == BODY


def test_random_drops(server, fetch, tmp_path):
    rng = np.random.default_rng(1)
    for _ in range(20):
        cuts = [
            whole(upto=int(rng.integers(len(BODY))), etag=['"v1"', "", 'W/"v"'][rng.integers(3)])
            if rng.random() < 0.6
            else [hang_up, status(500), status(503), status(429), status(408)][rng.integers(5)]
            for _ in range(4)
        ]
        fetch(server.on("/f", *cuts, whole()), sha256=SHA)
        assert (tmp_path / "f").read_bytes() == BODY
        assert left(tmp_path) == ["f"]
        (tmp_path / "f").unlink()


def test_it_gives_up_in_the_end_and_the_old_file_stays(server, fetch, tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    url = server.on("/f", status(503))
    with pytest.raises(DownloadError, match=r"3 tries.*503"):
        fetch(url, tries=3)
    with pytest.raises(DownloadError, match=r"bytes came|Incomplete"):
        fetch(server.on("/f", whole(upto=10, etag="")), tries=2)
    assert (tmp_path / "f").read_bytes() == b"old"
    assert len(server.requests) == 5


def test_progress_gives_new_tries(server, fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PROGRESS", 10_000)
    fetch(server.on("/f", *[whole(upto=20_000)] * 10, whole()), tries=2)
    assert (tmp_path / "f").read_bytes() == BODY


def test_waits_as_long_as_it_is_told(server, fetch):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    busy = [status(429, Retry_After="7"), status(503, Retry_After=soon)]
    fetch(server.on("/f", *busy, status(500, Retry_After="soon"), whole()))
    assert server.clock.slept[0] == 7
    assert 25 < server.clock.slept[1] <= 30
    assert server.clock.slept[2] == 4
    with pytest.raises(DownloadError, match="asks to wait 3600 s"):
        fetch(server.on("/f", status(429, Retry_After="3600")))


@pytest.mark.parametrize(("code", "error"), [(404, NotThereError), (410, NotThereError),
                                             (403, DownloadError), (400, DownloadError)])  # fmt: skip
def test_what_will_not_change_is_not_tried_again(server, fetch, tmp_path, code, error):
    with pytest.raises(error, match=str(code)):
        fetch(server.on("/f", status(code, b"<html>no</html>")))
    assert len(server.requests) == 1
    assert left(tmp_path) == []


def test_redirects(server, fetch, tmp_path):
    server.on("/new", whole())
    fetch(server.on("/f", status(302, Location="/new")))
    assert (tmp_path / "f").read_bytes() == BODY
    for to, why in (("/f", "more than 5 times"), ("file:///etc/passwd", "only http and https"),
                    ("ftp://example.org/f", "only http"), ("http://[bad", "no address"), ("//[bad", "no address")):  # fmt: skip
        with pytest.raises(DownloadError, match=why):
            fetch(server.on("/f", status(301, Location=to)))
    with pytest.raises(DownloadError, match="not encrypted"):
        http.allowed("http://example.org/f", "https://example.org/f")
    assert left(tmp_path) == ["f"]


def test_only_http_is_asked(fetch):
    with pytest.raises(DownloadError, match="url='file:///etc/passwd'"):
        fetch("file:///etc/passwd")


def test_a_wrong_checksum_is_refused(server, fetch, tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(DownloadError, match=f"sha256 {SHA}, expected {'0' * 64}"):
        fetch(server.on("/f", whole()), sha256="0" * 64)
    assert (tmp_path / "f").read_bytes() == b"old"
    assert left(tmp_path) == ["f"]


def test_a_spoilt_part_is_found_by_the_checksum_and_fetched_again(server, fetch, tmp_path):
    url = server.on("/f", whole())
    (tmp_path / ".f.part").write_bytes(b"x" * 1000)
    (tmp_path / ".f.part.json").write_text(json.dumps({"url": url, "etag": '"v1"'}))
    fetch(url, sha256=SHA)
    assert (tmp_path / "f").read_bytes() == BODY
    assert server.ranges() == ["bytes=1000-", None]


def test_what_the_check_refuses_is_not_kept(server, fetch, tmp_path):
    def check(part):
        assert part.read_bytes() == BODY
        msg = "not what was asked"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="not what was asked"):
        fetch(server.on("/f", whole()), check=check)
    assert left(tmp_path) == []


def test_too_large_a_file_is_refused(server, fetch, tmp_path):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 10_000)

    for answer in (whole(), endless):
        with pytest.raises(DownloadError, match="at most 100,000 are taken"):
            fetch(server.on("/f", answer), max_bytes=100_000)
    assert left(tmp_path) == []


def test_a_silent_server_is_not_waited_for(server, fetch, tmp_path):
    def silent(handler):
        time.sleep(0.4)
        handler.close_connection = True

    fetch(server.on("/f", silent, whole()), timeout=(1.0, 0.1))
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_server_that_packs_unasked(server, fetch, tmp_path):
    packed = gzip.compress(b"text " * 1000)
    fetch(server.on("/f", status(200, packed, Content_Encoding="gzip", ETag='"v1"')))
    assert (tmp_path / "f").read_bytes() == b"text " * 1000


def test_two_at_once_do_no_harm(server, fetch, tmp_path):
    url = server.on("/f", whole())
    first = download._locked(tmp_path / ".f.part")  # another process is at it
    first.write(b"its bytes")
    first.flush()
    fetch(url, sha256=SHA)
    assert (tmp_path / ".f.part").read_bytes() == b"its bytes"
    assert left(tmp_path) == [".f.part", "f"]
    first.close()

    errors = []

    def work():
        try:
            fetch(url, sha256=SHA)
        except Exception as error:  # noqa: BLE001  whatever it is, the test fails by it
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert (tmp_path / "f").read_bytes() == BODY
    assert left(tmp_path) == ["f"]


def test_pace_keeps_starts_apart():
    clock = Clock()
    pace = clock.pace(0.35)
    starts = []
    for busy in (0.0, 0.1, 0.5, 0.0, 0.0):
        pace.wait()
        starts.append(clock.now)
        clock.now += busy
    assert starts == pytest.approx([100.0, 100.35, 100.7, 101.2, 101.55])


# KEGG. The maps are made up, in the spelling of KGML.


def kgml(pathway):
    return (
        f'<?xml version="1.0"?><pathway name="path:{pathway}" org="{pathway[:3]}" title="Made up">'
        '<entry id="1" name="hsa:4193" type="gene"/><entry id="2" name="hsa:7157" type="gene"/>'
        '<relation entry1="1" entry2="2" type="PPrel"><subtype name="inhibition" value="--|"/>'
        "</relation></pathway>"
    ).encode()


@pytest.fixture
def kegg(server, monkeypatch):
    """A KEGG with one map, one without KGML, and one that is empty."""
    monkeypatch.setattr(kegg_download, "PACE", server.clock.pace(0.35))
    names = ["hsa99991\tOne", "hsa99992\tTwo", "path:hsa99993\tOld spelling"]
    server.on("/list/pathway/hsa", status(200, "\n".join(names).encode()))
    server.on("/get/hsa99991/kgml", status(200, kgml("hsa99991")))
    server.on("/get/hsa99992/kgml", status(404))
    server.on("/get/hsa99993/kgml", status(200, b"\n"))
    return partial(download_kegg, academic_use=True, base_url=server.url)


@pytest.mark.parametrize("said", [False, None, 1, "yes"])
def test_kegg_asks_for_its_terms(tmp_path, said):
    with pytest.raises(ValueError, match=r"academic users only.*kegg\.jp/kegg/legal\.html"):
        download_kegg(tmp_path / "k", academic_use=said)
    assert not (tmp_path / "k").exists()


def test_kegg_is_fetched_once(server, kegg, tmp_path):
    found = kegg(tmp_path / "k")
    assert found["pathway"].tolist() == ["hsa99991", "hsa99992", "hsa99993"]
    assert found["status"].tolist() == ["downloaded", "no KGML", "no KGML"]
    assert found["file"].tolist() == ["hsa99991.xml", "", ""]
    sha256 = hashlib.sha256(kgml("hsa99991")).hexdigest()
    assert found["sha256"].tolist() == [sha256, "", ""]
    record = json.loads((tmp_path / "k" / "kegg_download.json").read_text())["files"]
    assert record["hsa99991.xml"]["sha256"] == sha256
    assert record["hsa99991.xml"]["url"].endswith("/get/hsa99991/kgml")
    assert len(graph.kegg(tmp_path / "k").edges) == 1

    n = len(server.requests)
    again = kegg(tmp_path / "k")
    assert len(server.requests) == n
    assert again["status"].tolist() == ["kept", "no KGML", "no KGML"]
    assert again["sha256"].tolist() == found["sha256"].tolist()


def test_kegg_is_fetched_again_when_asked_or_old_or_spoilt(server, kegg, tmp_path):
    kegg(tmp_path, pathways="hsa99991")
    assert kegg(tmp_path, pathways="99991", overwrite=True)["status"].tolist() == ["downloaded"]
    assert kegg(tmp_path, pathways="99991", max_age=1)["status"].tolist() == ["kept"]
    record = tmp_path / "kegg_download.json"
    record.write_text(record.read_text().replace('"date": "20', '"date": "19'))
    assert kegg(tmp_path, pathways="99991", max_age=1)["status"].tolist() == ["downloaded"]
    (tmp_path / "hsa99991.xml").write_bytes(kgml("hsa99991")[:100])
    assert kegg(tmp_path, pathways="99991")["status"].tolist() == ["downloaded"]
    record.write_text("{")
    assert kegg(tmp_path, pathways="99991")["status"].tolist() == ["kept"]


def test_a_map_that_kegg_has_no_more_is_still_there_and_told(server, kegg, tmp_path):
    kegg(tmp_path, pathways="hsa99991")
    server.on("/get/hsa99991/kgml", status(404))
    found = kegg(tmp_path, pathways="hsa99991", overwrite=True)
    assert found["status"].tolist() == ["kept: KEGG has it no more"]
    assert found["sha256"].tolist() == [hashlib.sha256(kgml("hsa99991")).hexdigest()]
    assert len(graph.kegg(tmp_path).edges) == 1


def test_kegg_gets_at_most_three_requests_a_second_also_of_tries(server, kegg, tmp_path):
    server.on("/get/hsa99991/kgml", status(429, Retry_After="0"), hang_up, status(503, Retry_After="0"),
              status(302, Location="/moved"))  # fmt: skip
    server.on("/moved", status(200, kgml("hsa99991")))
    kegg(tmp_path)
    starts = [now for _, _, now in server.requests]
    assert len(starts) == 8
    assert all(b - a >= 1 / 3 for a, b in pairwise(starts))


def test_kegg_takes_maps_only(server, kegg, tmp_path):
    server.on("/get/hsa99991/kgml", status(200, b"<html><body>Busy</body></html>"))
    server.on("/get/hsa99992/kgml", status(200, kgml("hsa11111")))
    server.on("/get/hsa99993/kgml", status(200, kgml("hsa99993")[:-20]))
    with pytest.warns(DataWarning, match=r"3 map\(s\) of KEGG were refused: 'hsa99991'"):
        found = kegg(tmp_path)
    assert found["status"].str.startswith("refused: ").all()
    assert "first tag is 'html'" in found["status"][0]
    assert "this is the map 'hsa11111'" in found["status"][1]
    assert left(tmp_path) == ["kegg_download.json", "kegg_pathways_hsa.txt"]


def test_kegg_goes_on_after_a_failure(server, kegg, tmp_path):
    server.on("/get/hsa99992/kgml", status(403))
    with pytest.raises(DownloadError, match="403"):
        kegg(tmp_path)
    server.on("/get/hsa99992/kgml", status(200, kgml("hsa99992")))
    assert kegg(tmp_path)["status"].tolist() == ["kept", "downloaded", "no KGML"]


def test_kegg_reference_maps_and_wrong_lists(server, kegg, tmp_path):
    server.on("/list/pathway", status(200, b"map99991\tOne\n"))
    server.on("/get/ko99991/kgml", status(404))
    assert kegg(tmp_path, organism="ko")["pathway"].tolist() == ["ko99991"]
    server.on("/list/pathway/mmu", status(200, b"<html>"))
    with pytest.raises(ValueError, match="holds no map"):
        kegg(tmp_path, organism="mmu")
    for wrong in ("mmu04110", "4110", "hsa04110/kgml", "../x"):
        with pytest.raises(ValueError, match=r"is not a map of organism='hsa'"):
            kegg(tmp_path, pathways=[wrong])
    with pytest.raises(ValueError, match="not a code of KEGG"):
        kegg(tmp_path, organism="../x")


# Reactome

PATHWAYS = b"R-HSA-1\tOne\tHomo sapiens\nR-HSA-2\tTwo\tHomo sapiens\n"
RELATIONS = b"R-HSA-1\tR-HSA-2\n"
UNIPROT = b"P04637\tR-HSA-2\thttps://reactome.org/x\tTwo\tTAS\tHomo sapiens\n"


@pytest.fixture
def reactome(server):
    server.on("/91/ReactomePathways.txt", status(200, PATHWAYS))
    server.on("/91/ReactomePathwaysRelation.txt", status(200, RELATIONS))
    server.on("/91/UniProt2Reactome.txt", status(200, UNIPROT))
    what = ("pathways", "hierarchy", "uniprot")
    return partial(download_reactome, release=91, what=what, base_url=server.url)


def test_reactome_is_fetched_once_and_read_with_its_release(server, reactome, tmp_path):
    sums = {"uniprot": hashlib.sha256(UNIPROT).hexdigest()}
    found = reactome(tmp_path, sha256=sums)
    assert found["status"].tolist() == ["downloaded"] * 3
    assert found["sha256"][2] == sums["uniprot"]
    made = graph.reactome(tmp_path)
    assert made.meta["reactome"]["release"] == "91"
    assert made.members.to_numpy().tolist() == [["hgnc:11998", "reactome:R-HSA-2"]]
    n = len(server.requests)
    assert reactome(tmp_path, sha256=sums)["status"].tolist() == ["kept"] * 3
    assert len(server.requests) == n
    (tmp_path / "ReactomePathways.txt").write_bytes(PATHWAYS + b"R-HSA-3\tEdited\tHomo sapiens\n")
    assert reactome(tmp_path)["status"].tolist() == ["downloaded", "kept", "kept"]
    assert (tmp_path / "ReactomePathways.txt").read_bytes() == PATHWAYS
    assert reactome(tmp_path, overwrite=True)["status"].tolist() == ["downloaded"] * 3


def test_reactome_of_another_release_is_fetched(server, reactome, tmp_path):
    reactome(tmp_path)
    server.on("/92/ReactomePathways.txt", status(200, PATHWAYS + b"R-HSA-3\tX\tHomo sapiens\n"))
    found = reactome(tmp_path, release="92", what="pathways")
    assert found["status"].tolist() == ["downloaded"]
    assert graph.reactome(tmp_path).meta["reactome"]["release"] == "92"


def test_reactome_with_another_checksum_is_refused(reactome, tmp_path):
    with pytest.raises(DownloadError, match="refused"):
        reactome(tmp_path, what="uniprot", sha256={"uniprot": "0" * 64})
    assert left(tmp_path) == []
    reactome(tmp_path)
    with pytest.raises(DownloadError, match="refused"):
        reactome(tmp_path, sha256={"uniprot": "0" * 64})
    assert (tmp_path / "UniProt2Reactome.txt").read_bytes() == UNIPROT


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<!DOCTYPE html><html>Sorry</html>", "HTML"),
        (b"", "empty"),
        (PATHWAYS, "of pathways, not of"),
    ],
)
def test_reactome_takes_what_was_asked_for_only(server, reactome, tmp_path, body, why):
    server.on("/91/UniProt2Reactome.txt", status(200, body))
    with pytest.raises(DownloadError, match=why):
        reactome(tmp_path)
    assert (tmp_path / "ReactomePathways.txt").exists()
    assert not (tmp_path / "UniProt2Reactome.txt").exists()


def test_reactome_archives_and_interactions(server, reactome, tmp_path):
    packed, plain = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Homo_sapiens.owl", "<rdf/>")
    with tarfile.open(fileobj=plain, mode="w:gz") as archive:
        info = tarfile.TarInfo("R-HSA-1.sbml")
        info.size = 20_000
        archive.addfile(info, io.BytesIO(BODY[:20_000]))
    biopax, sbml = packed.getvalue(), plain.getvalue()
    rows = b"# Interactor 1 uniprot id\n" + b"\t".join(
        [b"uniprotkb:P04637", b"-", b"-", b"uniprotkb:Q00987", b"-", b"-", b"physical association",
         b"reactome:R-HSA-5", b"-"]
    )  # fmt: skip
    server.on("/current/biopax.zip", status(200, biopax))
    server.on("/current/homo_sapiens.3.1.sbml.tgz", status(200, sbml))
    where = "/current/interactors/reactome.homo_sapiens.interactions.tab-delimited.txt"
    server.on(where, status(200, rows))
    what = ("biopax", "sbml", "interactions")
    found = reactome(tmp_path, release="current", what=what)
    assert found["status"].tolist() == ["downloaded"] * 3
    assert len(graph.reactome(tmp_path).edges) == 1
    server.on("/current/homo_sapiens.3.1.sbml.tgz", status(200, sbml[:-5000]))
    server.on("/current/biopax.zip", status(200, biopax[:-30]))
    for each in ("sbml", "biopax"):
        with pytest.raises(DownloadError, match="not a whole archive"):
            reactome(tmp_path, release="current", what=each, overwrite=True)
    assert (tmp_path / "biopax.zip").read_bytes() == biopax


def test_reactome_arguments(reactome, tmp_path):
    for changed, why in (({"what": "all"}, "what: 'all' not known"), ({"release": "../x"}, "release="),
                         ({"sha256": {"x": "0" * 64}}, "sha256: 'x' not known"),
                         ({"sha256": {"uniprot": "0"}}, "64 hexadecimal")):  # fmt: skip
        with pytest.raises(ValueError, match=why):
            reactome(tmp_path, **changed)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file"):
        reactome(tmp_path / "file")

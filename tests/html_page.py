"""A parser of pages for tests: strict about tags, and easy to ask."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link"}


class Page(HTMLParser):
    """Tags that open must close; texts by the heading they stand under; tables as lists of rows."""

    def __init__(self, text: str):
        super().__init__()
        self.stack, self.tags, self.images, self.links = [], [], [], []
        self.texts, self.tables = {"": []}, {}
        self.heading = ""
        self.feed(text)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("src", "href") if name in attrs]
        if tag == "img":
            self.images.append(attrs)
        if tag in VOID:
            return
        self.stack.append(tag)
        if tag == "h2":
            self.heading = None
        elif tag == "tr":
            self.tables.setdefault(self.heading, []).append([])
        elif tag in {"td", "th"}:
            self.tables[self.heading][-1].append("")

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if "h2" in self.stack:
            self.heading = (self.heading or "") + data
            return
        self.texts.setdefault(self.heading, []).append(data)
        if {"td", "th"} & set(self.stack):
            told = "|" + data if "small" in self.stack else data
            self.tables[self.heading][-1][-1] += told

    def said(self, heading: str) -> str:
        return " ".join("".join(self.texts[heading]).split())

"""The pages made from the documents of the project: about, downloads, methodology, what changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from posixpath import normpath, relpath

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from pipelines.site.markup import slug
from pipelines.site.page import Page
from warehouse.paths import project_file

DOCUMENTS = {
    "docs/about.md": ("about.html", "About"),
    "docs/downloads.md": ("downloads.html", "Downloads"),
    "CHANGELOG.md": ("changes.html", "What changed"),
    "docs/methodology/index.md": ("methodology/index.html", "The price index"),
    "docs/methodology/like_for_like.md": ("methodology/like-for-like.html", "Like for like"),
    "docs/methodology/price_now.md": ("methodology/price-now.html", "The price of now"),
    "docs/methodology/inference.md": ("methodology/inference.html", "Serving"),
    "docs/methodology/training.md": ("methodology/training.html", "Training"),
    "docs/methodology/margins.md": ("methodology/margins.html", "Margins"),
    "docs/methodology/commitments.md": ("methodology/commitments.html", "Commitments"),
    "docs/glossary.md": ("glossary.html", "Glossary"),
    "DATA_LICENSES.md": ("licences.html", "Licences of the data"),
}
"""The path of the page, and its name, for each document."""
METHODS = "about.html#how-the-results-are-made"
"""The list of the pages on methods."""


@dataclass(frozen=True, kw_only=True)
class DocumentPage(Page):
    """A page that is one document, as HTML."""

    document: Markup


def document_pages() -> list[DocumentPage]:
    """Return the pages of all documents."""
    return [document_page(name) for name in DOCUMENTS]


def document_page(name: str) -> DocumentPage:
    """Return the page of one document; its first heading is the title of the page."""
    path, short = DOCUMENTS[name]
    text = project_file(name).read_text(encoding="utf-8")
    title, html = rendered(text, name)
    return DocumentPage(
        path=path, name=short, title=title, evidence="", basis="", blocks=(), document=html
    )


def rendered(text: str, name: str) -> tuple[str, Markup]:
    r"""Return the title of a document in Markdown, and the rest as HTML.

    HTML in the text stays text. Links between documents lead to their pages; a link to another file
    of the project, which the site does not have, becomes its text.

    Parameters
    ----------
    text : str
        Markdown, with tables.
    name : str
        The file, from the top of the project, by which relative links are resolved.

    Examples
    --------
    >>> text = "# A <b>\n\n## C d\n\n[x](downloads.md#e) [y](z.md)"
    >>> title, html = rendered(text, "docs/about.md")
    >>> title
    'A <b>'
    >>> print(html)
    <h2 id="c-d">C d</h2>
    <p><a href="downloads.html#e">x</a> <span>y</span></p>
    <BLANKLINE>
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    title = ""
    if len(tokens) > 2 and (tokens[0].type, tokens[0].tag) == ("heading_open", "h1"):
        title, tokens = tokens[1].content, tokens[3:]
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slug(tokens[number + 1].content))
        elif token.type == "fence" or token.type == "code_block":
            token.attrSet("tabindex", "0")
        for child in token.children or ():
            if child.type == "link_open":
                lead(child, name)
    close_spans(tokens)
    # markdown-it escapes every text of the document.
    return title, Markup(markdown.renderer.render(tokens, markdown.options, {}))


def lead(link: Token, name: str) -> None:
    """Let a link lead to the page of the document that it names; else make it a plain span."""
    href = str(link.attrGet("href") or "")
    if href.startswith(("https://", "http://", "#")):
        return
    file, _, anchor = href.partition("#")
    target = normpath(str(PurePosixPath(name).parent / file))
    link.attrs.clear()
    if target not in DOCUMENTS:
        link.tag = "span"
        return
    here, there = DOCUMENTS[name][0], DOCUMENTS[target][0]
    address = relpath(there, str(PurePosixPath(here).parent))
    link.attrSet("href", f"{address}#{anchor}" if anchor else address)


def close_spans(tokens: list[Token]) -> None:
    """Close what ``lead`` made a span as a span; links do not nest."""
    for token in tokens:
        tag = "a"
        for child in token.children or ():
            if child.type == "link_open":
                tag = child.tag
            elif child.type == "link_close":
                child.tag = tag

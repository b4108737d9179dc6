#!/usr/bin/env python3
"""Uses the playground and the docs page as a person at a keyboard does, in headless Chromium, against a running server.
With a folder it also leaves pictures there, to be looked at. Without Chromium it exits with 77, which CTest counts as
skipped.

usage: page_test.py URL [--pictures FOLDER]
"""

import argparse
import pathlib
import sys

import chromium_pipe

# The contrast of text and what is behind it, by WCAG 2: at least 4.5 everywhere.
CONTRAST = """(() => {
  const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const faults = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!hasText || !element.checkVisibility() || element.tagName === "SCRIPT" || element.disabled) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push(element.tagName + " " + element.className + " " + contrast.toFixed(2));
  }
  return faults;
})()"""
TAB, ENTER, CTRL = 9, 13, 2


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_equal(found, wanted, what):
    expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def rank_by_keyboard(page):
    """Tab to the query, type, Tab to the documents, type, Ctrl+Enter."""
    for field, text in (("query", "edit photos"), ("documents", "a web server\nan image editor for photos\n\n<b>a compiler</b>")):
        for _ in range(20):
            page.press("Tab", TAB)
            if page.value("document.activeElement.id") == field:
                break
        expect_equal(page.value("document.activeElement.id"), field, "Tab reaches the field")
        page.value("document.activeElement.select()")
        page.type(text)
    expect_equal(page.value("document.getElementById('count').textContent"), "3 texts", "the number of documents")
    page.press("Enter", ENTER, CTRL)
    page.wait("document.querySelectorAll('#ranking li').length === 3")
    page.wait("!document.getElementById('rank').disabled")


def check_ranking(page):
    texts = page.value("[...document.querySelectorAll('#ranking .text')].map(text => text.textContent)")
    expect_equal(texts[0], "an image editor for photos", "the first document")
    expect("<b>a compiler</b>" in texts, f"a document is text, not markup: {texts}")
    scores = page.value("[...document.querySelectorAll('#ranking .score')].map(score => Number(score.textContent))")
    expect(scores == sorted(scores, reverse=True), f"the highest score first: {scores}")
    widths = page.value("[...document.querySelectorAll('#ranking .bar')].map(bar => bar.getBoundingClientRect().width)")
    expect(widths == sorted(widths, reverse=True), f"the longest bar first: {widths}")
    terms = page.value("[...document.querySelectorAll('#timings dt')].map(term => term.textContent)")
    expect_equal(terms, ["In all", "Waiting", "Tokenizing", "Computing", "Tokens"], "the timings")
    expect("an image editor for photos" in page.value("document.getElementById('curl').textContent"), "the curl line")
    expect_equal(page.value("document.getElementById('message').textContent"),
                 "3 of 3 documents, the most relevant first.", "what is announced")


def check_truncated(page):
    """A document longer than any model reads here is cut, and the page says so."""
    page.value("document.getElementById('documents').value = 'short\\n' + 'editor '.repeat(20000)")
    page.press("Enter", ENTER, CTRL)
    page.wait("document.querySelectorAll('#ranking li').length === 2")
    expect_equal(page.value("document.querySelectorAll('#ranking .badge').length"), 1, "badges of truncated documents")
    expect("1 of them cut" in page.value("document.getElementById('message').textContent"), "what is announced")


def check_playground(url, pictures, dark, width):
    name = f"playground-{'dark' if dark else 'light'}-{width}"
    with chromium_pipe.Page(url, width=width, dark=dark) as page:
        page.wait("document.getElementById('model').options.length > 0")
        rank_by_keyboard(page)
        check_ranking(page)
        expect_equal(page.value(CONTRAST), [], f"{name}: too little contrast")
        expect(page.value("document.documentElement.scrollWidth <= innerWidth"), f"{name}: wider than the window")
        if pictures:
            page.picture(pictures / f"{name}.png")
        check_truncated(page)
        page.value("document.getElementById('documents').value = ''")
        page.press("Enter", ENTER, CTRL)
        page.wait("document.getElementById('message').getAttribute('role') === 'alert'")
        expect_equal(page.errors, [], "errors of the page")


def check_docs(url, pictures):
    with chromium_pipe.Page(url.rstrip("/") + "/docs", dark=True) as page:
        page.wait("document.querySelectorAll('main details').length > 40")
        page.value("document.querySelectorAll('main details')[1].open = true")
        page.value("document.getElementById('RerankRequest').open = true")
        expect(page.value("document.querySelectorAll('#RerankRequest tbody tr').length > 20"), "the fields of a request")
        expect_equal(page.value(CONTRAST), [], "docs: too little contrast")
        expect_equal(page.errors, [], "errors of the page")
        if pictures:
            page.picture(pictures / "docs.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--pictures", type=pathlib.Path)
    arguments = parser.parse_args()
    if chromium_pipe.chromium() is None:
        print("skipped: there is no Chromium here (Debian: apt-get install chromium)")
        return 77
    for dark, width in ((False, 1280), (True, 1280), (False, 420)):
        check_playground(arguments.url, arguments.pictures, dark, width)
    check_docs(arguments.url, arguments.pictures)
    print("the pages do what they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())

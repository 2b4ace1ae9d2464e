"""Reading a page as people do: the words of a part, in order."""

from html.parser import HTMLParser
from typing import Any

APART = {"small", "td", "th", "p", "div", "li", "dt", "dd", "h1", "h2", "h3", "button", "a"}
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


class _Words(HTMLParser):
    """The text of all elements that have an attribute of this value."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__()
        self.name, self.value = name, value
        self.depth = 0
        self.found: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth:
            self.depth += tag not in VOID
            if tag in APART:
                self.found[-1].append(" ")
        elif self.value in (dict(attrs).get(self.name) or "").split():
            self.depth = 1
            self.found.append([])

    def handle_endtag(self, tag: str) -> None:
        if self.depth and tag not in VOID:
            self.depth -= 1

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.found[-1].append(data)


def texts(response: Any, **attribute: str) -> list[str]:
    """What stands in each element with this attribute, as `texts(page, class_="c-size")`."""
    ((name, value),) = attribute.items()
    reader = _Words(name.strip("_").replace("_", "-"), value)
    reader.feed(response.content.decode())
    reader.close()
    return [" ".join("".join(words).split()) for words in reader.found]


def text(response: Any, **attribute: str) -> str:
    """The same of the only one."""
    (found,) = texts(response, **attribute)
    return found

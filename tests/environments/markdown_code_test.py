"""The code of a page: what is taken, and what is refused."""

import pytest

from tests.environments import markdown_code

PAGE = """\
# Page

```python
above = 0
```

## One

```python
a = 1  # not a heading:
# b
```

### Deeper

```bash
rm -rf .
```

```python
c = "```"
```

## Two

```python
d = 4
```
"""


@pytest.fixture
def page(tmp_path):
    """Writes a page and returns its path."""

    def write(text=PAGE):
        path = tmp_path / "page.md"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("One", ["a = 1  # not a heading:", "# b", 'c = "```"']),
        ("Deeper", ['c = "```"']),
        ("Two", ["d = 4"]),
    ],
)
def test_python_under_a_heading_keeps_its_place(page, heading, expected):
    code = markdown_code.code_under(page(), heading).splitlines()
    assert [line for line in code if line] == expected
    assert code.index(expected[0]) == PAGE.splitlines().index(expected[0])


@pytest.mark.parametrize(
    "text",
    [
        "# Other\n```python\na = 1\n```\n",
        PAGE + PAGE,
        "## One\n```bash\nls\n```\n",
        "## One\n```python\na = 1\n```\n```python\nb = 2\n",
        "## One\n```python\n\n```\n",
    ],
    ids=["no heading", "twice", "no python", "no end", "empty"],
)
def test_page_without_whole_code(text, page):
    with pytest.raises(ValueError, match="the heading 'One' once"):
        markdown_code.code_under(page(text), "One")

"""The code of a page: what is taken, and what is refused."""

import pytest

from tests.environments import markdown_code

PAGE = """\
# Page

```python
above = 0
```

## One

Words.

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


class CodeUnderTest:
    def test_python_of_a_heading_and_those_below_it(self, page):
        code = markdown_code.code_under(page(), "One")
        lines = [line for line in code.splitlines() if line]
        assert lines == ["a = 1  # not a heading:", "# b", 'c = "```"']

    def test_next_heading_of_the_level_ends_it(self, page):
        assert markdown_code.code_under(page(), "Deeper").strip() == 'c = "```"'

    def test_first_level_holds_the_whole_page(self, page):
        names = {}
        exec(markdown_code.code_under(page(), "Page"), names)
        assert [names[name] for name in ("above", "a", "d")] == [0, 1, 4]

    def test_lines_keep_their_numbers(self, page):
        code = markdown_code.code_under(page(), "Two").splitlines()
        assert code[PAGE.splitlines().index("d = 4")] == "d = 4"


class BadPageTest:
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
    def test_page_without_whole_code(self, text, page):
        with pytest.raises(ValueError, match="the heading 'One' once"):
            markdown_code.code_under(page(text), "One")

    def test_message_says_what_was_found(self, page):
        with pytest.raises(ValueError, match="the heading 2 times, 6 lines"):
            markdown_code.code_under(page(PAGE + PAGE), "One")

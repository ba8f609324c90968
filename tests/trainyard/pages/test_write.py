"""What every page is made of; tests/browser looks at it in a browser."""

import base64
import gzip
import re
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from ml_contract.errors import ContractError
from trainyard.pages import write
from trainyard.pages.figures import line, plot


@pytest.fixture(autouse=True)
def _no_bundle(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Plotly's megabytes are not what most of this is about."""
    if "bundle" not in request.node.name:
        monkeypatch.setattr(write, "bundle", lambda: "")


def page(name: str = "a curve") -> str:
    figure = plot(x="step", y="loss")
    figure.add_trace(line([1, 2], [3.0, 2.0], name, "#0072B2"))
    return write.render_figures("<title>", [("What </figure> shows & means.", figure)])


def test_names_and_captions_are_escaped() -> None:
    found = page("</script><script>alert(1)</script>")
    assert "<script>alert" not in found
    assert "&lt;title&gt;" in found
    assert "What &lt;/figure&gt; shows &amp; means." in found


def test_the_page_names_nothing_outside_and_forbids_it() -> None:
    found = page()
    assert "default-src 'none'" in found
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=(?!\"data:)", found)


def test_the_bundle_is_plotly_whole() -> None:
    assert gzip.decompress(base64.b64decode(write.bundle())).decode() == get_plotlyjs()


def test_a_page_appears_whole(tmp_path: Path) -> None:
    said = write.write(page(), tmp_path / "new" / "page.html")
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["page.html"]
    assert said.startswith(str(tmp_path / "new" / "page.html"))


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"--html.*it is a folder"):
        write.write(page(), tmp_path, option="--html")

"""Runbooks: how a page is read, and that every page is one that can be followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.symptoms import SYMPTOMS
from trainyard.incidents.catalogue import INCIDENTS
from trainyard.incidents.runbook import FOLDER, SECTIONS, Runbook, parse
from trainyard.incidents.scene import GIVEN
from trainyard.operations.connection import OperationError

PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
PAGE = """# Title

## Symptom

What is seen. `$NOT_A_COMMAND`

```console
$ echo "not of the commands"
```

## Commands

First this:

```console
$ FOUND=$(echo "$JOB") \\
    --more
an answer, which nobody types
$ echo "$FOUND" "${PLACE#s3://}"
```

then `$ this` is text, and this is no console:

```python
$ nothing
```

## Afterwards

Rest.
"""


def test_commands_are_the_typed_lines_of_the_console_blocks_of_their_section() -> None:
    assert parse("page", PAGE).commands == ('FOUND=$(echo "$JOB") \\\n    --more', 'echo "$FOUND" "${PLACE#s3://}"')


def test_what_a_command_sets_itself_need_not_be_given() -> None:
    assert parse("page", PAGE).variables == {"JOB", "PLACE"}


def test_a_variable_that_is_set_only_later_has_to_be_given() -> None:
    page = "# T\n\n## Commands\n\n```console\n$ echo $LATE\n$ LATE=1\n```\n"
    assert parse("page", page).variables == {"LATE"}


@given(st.text())
def test_any_text_is_a_page_of_its_headings(text: str) -> None:
    assert all(not heading.startswith(" ") for heading in parse("any", text).sections)


def test_a_page_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"no-such: there is no runbook .*no-such\.md"):
        Runbook.read("no-such", tmp_path)


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.name)
def test_every_symptom_has_a_runbook_that_names_its_alarm(symptom) -> None:
    alarm = Runbook.read(symptom.runbook).sections["Alarm"]
    # CloudWatch's alarms have it as the last part of their names, Prometheus' alerts as a label.
    assert f"-{symptom.name}" in alarm or f"symptom `{symptom.name}`" in alarm


@pytest.mark.parametrize("name", PAGES)
def test_every_runbook_has_its_sections_in_order_and_says_something_in_each(name: str) -> None:
    sections = Runbook.read(name).sections
    assert tuple(sections) == SECTIONS
    assert all(sections.values())


@pytest.mark.parametrize("name", PAGES)
def test_every_runbook_says_how_serious_its_alarms_are(name: str) -> None:
    alarm = Runbook.read(name).sections["Alarm"]
    mine = {symptom.severity for symptom in SYMPTOMS if symptom.runbook == name}
    assert all(severity in alarm for severity in mine)


@pytest.mark.parametrize("kind", INCIDENTS, ids=lambda kind: kind.name)
def test_an_incident_gives_every_variable_that_its_runbook_wants(kind) -> None:
    assert Runbook.read(kind.name).variables <= {*kind.variables, *GIVEN}


@pytest.mark.parametrize("kind", INCIDENTS, ids=lambda kind: kind.name)
def test_an_incident_raises_what_its_runbook_is_about(kind) -> None:
    told = (*kind.symptoms, *kind.notices)
    assert told
    assert all(symptom.runbook == kind.name for symptom in told)


def test_the_index_lists_every_symptom_with_its_severity_and_its_runbook() -> None:
    lines = (FOLDER / "README.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    listed = {(row[1].strip("`"), row[2], row[3].partition("](")[2].removesuffix(".md)")) for row in rows[2:]}
    assert listed == {(symptom.name, symptom.severity, symptom.runbook) for symptom in SYMPTOMS}

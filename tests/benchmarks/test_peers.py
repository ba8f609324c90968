"""What we declare beside AWS's templates, as the page shows it."""

from __future__ import annotations

import csv

from synthesis import ROOT, assembly

from benchmarks.peers import PEERS, table

PAGE = ROOT / "docs" / "hyperpod" / "peers.md"


def test_the_page_shows_what_the_templates_declare_now() -> None:
    assert table(assembly()) in PAGE.read_text(), "write it again: cdk synth --quiet && python -m benchmarks.peers"


def test_a_mark_leads_to_a_note_of_the_page() -> None:
    with PEERS.open(newline="") as file:
        marks = {mark.partition("=")[2] for row in csv.DictReader(file) for mark in row["marks"].split()}
    notes = PAGE.read_text()
    assert [mark for mark in sorted(marks) if f"{mark} " not in notes.partition("| **all**")[2]] == []

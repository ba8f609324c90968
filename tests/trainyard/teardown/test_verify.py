"""What is said at the end is what there is."""

from __future__ import annotations

from tests.trainyard.teardown import scenes
from trainyard.teardown.strays import When
from trainyard.teardown.verify import verdict


def test_where_nothing_is_nothing_bills() -> None:
    assert verdict(scenes.survey()) == (True, "nothing bills, and nothing is left")


def test_what_bills_is_named_with_its_amount_and_summed() -> None:
    found = scenes.survey(
        held=[scenes.held(scenes.BUCKET, "data", None)], strays=[scenes.beside("endpoint e", When.HOSTING)]
    )
    assert verdict(found) == (
        False, "2 still bill, 3.00/month: bucket data (1.00/month), endpoint e (2.00/month)"
    )  # fmt: skip


def test_where_nobody_may_look_nothing_is_certain() -> None:
    quiet, says = verdict(scenes.survey(unseen=("fsx describe_file_systems: denied",)))
    assert not quiet
    assert says == "it is not certain what bills: could not look at fsx describe_file_systems: denied"

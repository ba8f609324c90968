"""Budgets with actions bill from the third on."""

import json
from pathlib import Path

import pytest

from trainyard.cost.assumptions import Assumptions
from trainyard.cost.estimators import budgets
from trainyard.cost.estimators.base import Around, Estimator
from trainyard.cost.lines import Kind
from trainyard.cost.prices import Prices
from trainyard.cost.templates import read


@pytest.mark.parametrize(
    ("owners", "kinds"),
    [
        (["a", "b"], [[Kind.NOTE], [Kind.NOTE]]),
        (["a", "b", "c"], [[Kind.NOTE], [Kind.NOTE], [Kind.FIXED]]),
        # Two actions of one budget are one budget's.
        (["a", "b", "c", "c"], [[Kind.NOTE], [Kind.NOTE], [Kind.FIXED], []]),
    ],
)
def test_the_first_two_are_free(owners: list[str], kinds: list[list[Kind]], tmp_path: Path) -> None:
    found = {f"A{rank}": {"Type": "AWS::Budgets::BudgetsAction", "Properties": {"BudgetName": owner}}
             for rank, owner in enumerate(owners)}  # fmt: skip
    file = tmp_path / "it.json"
    file.write_text(json.dumps({"Resources": found}))
    (template,) = read(file, region="us-east-1")
    around = Around(template=template, prices=Prices.load("us-east-1"), assumptions=Assumptions(given={}))
    estimator = Estimator.registered["AWS::Budgets::BudgetsAction"]
    assert isinstance(estimator, budgets.BudgetAction)
    lines = [list(estimator.lines(each, around)) for each in template.resources.values()]
    assert [[line.kind for line in each] for each in lines] == kinds
    dear = [line for each in lines for line in each if line.kind is Kind.FIXED]
    assert [round(line.monthly.low, 2) for line in dear if line.monthly] == [3.04] * len(dear)

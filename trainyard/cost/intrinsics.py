"""Values of a template without its functions, as far as the template alone tells them.

What only a deployment knows (attributes, exports, parameters without a default) stays `Unresolved` and says what it is;
inside a longer text it is written ``${…}``, so that the rest of the text can be read.
The functions: `functions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_contract.errors import ContractError, reject
from trainyard.cost.functions import FUNCTIONS, NO_VALUE, Context, Unresolved

_DEEPEST = 40


@dataclass(frozen=True, kw_only=True)
class Scope(Context):
    """One template, whose values it resolves."""

    def holds(self, condition: str, depth: int = 0) -> bool | Unresolved:
        """Whether a condition of the template is true.

        Raises:
            ContractError: The template has no such condition.
        """
        conditions = self.template.get("Conditions", {})
        if condition not in conditions:
            reject("Condition", condition, "the template does not define it", "Correct the template.")
        found = self.resolve(conditions[condition], depth + 1)
        return found if isinstance(found, bool | Unresolved) else str(found).lower() == "true"

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """``value`` without functions.

        Raises:
            ContractError: A function is malformed, or functions refer to each other in a circle.
        """
        if depth > _DEEPEST:
            reject(
                "template", str(value)[:80], "its functions nest too deeply, or in a circle", "Correct the template."
            )
        if isinstance(value, list):
            resolved = (self.resolve(each, depth + 1) for each in value)
            return [each for each in resolved if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = FUNCTIONS.get(name)
            if function is not None:
                try:
                    return function(self, argument, depth + 1)
                except ContractError:
                    raise
                except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                    reject(name, str(argument)[:120], "its argument has another form", "Correct the template.")
            if name.startswith("Fn::"):
                return Unresolved(f"{name} {argument}")
        found = {key: self.resolve(each, depth + 1) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not NO_VALUE}

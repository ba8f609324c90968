"""What somebody does by hand between two stacks, noted where CloudFormation reads it before it makes anything.

The commands that a first stack prints end by writing what they did into a parameter of Systems Manager. A later stack
reads it as a parameter of its template, which a rule of the template holds against what the stack needs: CloudFormation
decides rules before it touches a resource, and answers with their own words. CDK looks at its bootstrap's version in
the same way. A note is no proof: whoever writes it by hand is believed.

Source: "Rules syntax reference" and "Specify existing resources at runtime with CloudFormation-supplied parameter
types", CloudFormation User Guide, read 2026-11-22.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

NOTHING = "nothing-yet"


class Note(Construct):
    """A parameter that says what was done, for stacks that wait for it."""

    def __init__(self, scope: Construct, construct_id: str, *, parameter: str, done: str, way_out: str) -> None:
        """Make the parameter, empty.

        Args:
            scope: Parent, in the stack that prints the commands: the note goes with what it is about.
            construct_id: Construct id, also of what waiting stacks have for it: a word for what is done.
            parameter: Name of the parameter.
            done: What stands there when it is done.
            way_out: What is told to whoever deploys too early, a sentence without its full stop.
        """
        super().__init__(scope, construct_id)
        self._parameter, self._done, self._way_out = parameter, done, way_out
        ssm.StringParameter(self, "Resource", parameter_name=parameter, string_value=NOTHING,
                            description="Written by commands that the stack prints")  # fmt: skip

    @property
    def command(self) -> str:
        """What the commands end with."""
        region = cdk.Stack.of(self).region
        return f"aws ssm put-parameter --region {region} --name {self._parameter} --value {self._done} --overwrite"

    def require(self, stack: cdk.Stack) -> None:
        """Let ``stack`` be created and updated only while the note says that it is done."""
        # By its name and not by reference: the stack reads it whenever it is deployed.
        found = cdk.CfnParameter(
            stack, f"{self.node.id}Noted", type="AWS::SSM::Parameter::Value<String>", default=self._parameter,
            description="What was done by hand before",
        )  # fmt: skip
        assertion = cdk.CfnRuleAssertion(
            assert_=cdk.Fn.condition_equals(found.value_as_string, self._done), assert_description=self._way_out
        )
        cdk.CfnRule(stack, f"{self.node.id}First", assertions=[assertion])

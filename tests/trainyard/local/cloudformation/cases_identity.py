"""Roles and policies."""

from __future__ import annotations

from .cases import RETAGGED, TAGS, Case, policy, ref, trust

ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {"AssumeRolePolicyDocument": trust("vpc-flow-logs.amazonaws.com")},
}

CASES = [
    Case(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": trust("sagemaker.amazonaws.com"),
            "Description": "jobs",
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess", ref("Managed")],
            "MaxSessionDuration": "7200",
            "PermissionsBoundary": ref("Managed"),
            "Policies": [{"PolicyName": "one", "PolicyDocument": policy()}],
            "Tags": TAGS,
        },
        {"Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy("s3:*")}}},
        update={
            "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
            "Description": None,
            "ManagedPolicyArns": [ref("Managed")],
            "MaxSessionDuration": None,
            "PermissionsBoundary": None,
            "Policies": [{"PolicyName": "two", "PolicyDocument": policy("s3:PutObject")}],
            "Tags": RETAGGED,
        },
        replace={"Path": "/jobs/"},
        wrong={"ManagedPolicyArns": ["arn:aws:iam::aws:policy/NoSuchPolicy"]},
        wrong_says="NoSuchPolicy",
    ),
    Case(
        "AWS::IAM::Policy",
        {"PolicyName": "it", "PolicyDocument": policy(), "Roles": [ref("Role")]},
        {"Role": ROLE, "Other": ROLE},
        update={"PolicyDocument": policy("s3:PutObject"), "Roles": [ref("Other")]},
        wrong={"Roles": ["not-there"]},
        wrong_says="not-there",
    ),
    Case(
        "AWS::IAM::ManagedPolicy",
        {"PolicyDocument": policy(), "Roles": [ref("Role")]},
        {"Role": ROLE, "Other": ROLE},
        update={"PolicyDocument": policy("s3:PutObject"), "Roles": [ref("Other")]},
        replace={"Description": "another"},
        wrong={"Roles": ["not-there"]},
        wrong_says="not-there",
    ),
]

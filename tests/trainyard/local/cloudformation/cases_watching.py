"""Logs, alarms, topics, rules."""

from __future__ import annotations

from .cases import RETAGGED, TAGS, Case, att, key

WRITERS = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, '
    '"Action": "logs:PutLogEvents", "Resource": "*"}]}'
)
CASES = [
    Case(
        "AWS::Logs::LogGroup",
        {"RetentionInDays": 30, "KmsKeyId": att("Key", "Arn"), "Tags": TAGS},
        {"Key": key("logs.us-east-1.amazonaws.com"), "Other": key()},
        update={"RetentionInDays": "7", "KmsKeyId": None, "Tags": RETAGGED},
        replace={"LogGroupName": "/it/under/another/name"},
        refused={"DataProtectionPolicy": {"Name": "x"}},
        refused_path="DataProtectionPolicy",
        wrong={"KmsKeyId": att("Other", "Arn")},
        wrong_says="does not let logs.us-east-1.amazonaws.com use it",
    ),
    Case(
        "AWS::Logs::ResourcePolicy",
        {"PolicyName": "it", "PolicyDocument": WRITERS},
        update={"PolicyDocument": WRITERS.replace("PutLogEvents", "CreateLogStream")},
        replace={"PolicyName": "its-other-name"},
        wrong={"PolicyDocument": '{"Version": "2012-10-17"}'},
        wrong_says="a Statement is wanted",
    ),
    Case(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": "Invocations",
            "Namespace": "AWS/SageMaker",
            "Statistic": "Sum",
            "Period": "60",
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "LessThanThreshold",
            "ActionsEnabled": "false",
            "Tags": TAGS,
        },
        update={"Threshold": "2.5", "ActionsEnabled": None, "Period": 300, "Tags": RETAGGED},
        replace={"AlarmName": "it"},
        refused={"Metrics": [{"Id": "m1", "Expression": "1 + 1"}]},
        refused_path="Metrics",
        wrong={"ComparisonOperator": "GreaterThanUpperThreshold"},
        wrong_says="ComparisonOperator",
    ),
    Case(
        "AWS::CloudWatch::Dashboard",
        {"DashboardBody": '{"widgets": []}', "Tags": TAGS},
        update={"DashboardBody": '{"start": "-PT1H", "widgets": []}', "Tags": RETAGGED},
        replace={"DashboardName": "it"},
        wrong={"DashboardBody": '{"charts": []}'},
        wrong_says="it is an object with an array of widgets",
    ),
    Case(
        "AWS::Logs::QueryDefinition",
        {"Name": "it", "QueryString": "limit 20", "LogGroupNames": ["/aws/sagemaker/TrainingJobs"]},
        update={"Name": "its/other/name", "QueryString": "limit 30", "LogGroupNames": None},
        refused={"QueryLanguage": "SQL"},
        refused_path="QueryLanguage",
        wrong={"QueryString": "explode"},
        wrong_says="does not know the command 'explode'",
    ),
    Case(
        "AWS::SNS::Topic",
        {"DisplayName": "it", "KmsMasterKeyId": att("Key", "KeyId"), "Tags": TAGS},
        {"Key": key("sns.amazonaws.com"), "Other": key("sns.amazonaws.com")},
        update={"DisplayName": None, "KmsMasterKeyId": att("Other", "KeyId"), "Tags": RETAGGED},
        replace={"TopicName": "it"},
        refused={"ContentBasedDeduplication": True},
        refused_path="ContentBasedDeduplication",
        wrong={"KmsMasterKeyId": "not-there"},
        wrong_says="not-there",
    ),
    Case(
        "AWS::Events::Rule",
        {"ScheduleExpression": "rate(5 minutes)", "State": "DISABLED", "Description": "it", "Tags": TAGS},
        update={"State": None, "Description": None, "ScheduleExpression": "rate(1 hour)", "Tags": RETAGGED},
        replace={"Name": "it"},
        refused={"Targets": [{"Id": "a", "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/c", "EcsParameters": {}}]},
        refused_path="Targets.EcsParameters",
        wrong={"ScheduleExpression": "every day"},
        wrong_says="ScheduleExpression",
    ),
]

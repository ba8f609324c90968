"""What CloudFormation calls for a team's compute quota, and what the schedule calls to see whether it is still so.

Runs in Lambda, from a folder that holds nothing but this package: the standard library and boto3, no other import.
"""

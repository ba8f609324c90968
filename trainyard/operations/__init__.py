"""What an operator does with a deployed platform, on AWS and on the embedded cloud alike: all through boto3."""

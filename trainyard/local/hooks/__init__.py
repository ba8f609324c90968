"""Where this project takes hold of the emulator. Nothing else but the CloudFormation types imports it.

The emulator is pinned exactly, and these modules lean on its internals: each has a test that fails at once when an
upgrade moves them.
"""

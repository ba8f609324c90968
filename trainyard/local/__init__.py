"""The account-free cloud: an emulator whose SageMaker runs what was deployed."""

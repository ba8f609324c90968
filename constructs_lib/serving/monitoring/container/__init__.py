"""What runs inside of Model Monitor's container: single files of the standard library, which nothing here imports."""

"""Code that runs in Lambda. Each folder is one function's, and is uploaded as it is."""

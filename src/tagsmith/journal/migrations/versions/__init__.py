"""The steps, one module each, named by the version they lead to."""

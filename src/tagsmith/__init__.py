"""tagsmith: an enrollment station for RFID charging keys."""

# A literal: reading it from the installed metadata costs 39 ms at every start.
__version__ = "0.1.0"

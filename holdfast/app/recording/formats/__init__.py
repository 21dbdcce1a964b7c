"""The shelf of file formats that a recording may have, one a file."""

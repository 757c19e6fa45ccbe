"""Import of other systems' files as reports, and export of complaints in their file formats."""

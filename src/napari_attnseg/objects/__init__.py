"""Connected objects of a mask: measured, described, put into sentences."""

"""What CRMs say lands here, by the same doors that people's own doings come in by."""

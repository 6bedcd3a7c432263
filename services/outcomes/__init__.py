"""The life of each need, status to agencies, indicators."""

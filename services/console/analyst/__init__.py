"""The analyst's command `indicators`: published counts of needs.

`cells` adds the counts up, `formats` writes them as CSV, Parquet or HTML. Counts that are held back stay held back.
"""

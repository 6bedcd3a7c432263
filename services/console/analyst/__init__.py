"""The analyst's command: published counts, as published."""

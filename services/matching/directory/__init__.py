"""The services that can be matched, and the index that finds those that fit."""

"""Outcomes' periodic work: publishing indicators, loop-closure metrics."""

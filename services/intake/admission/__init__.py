"""What agencies send, checked and stripped of everything that only intake may know."""

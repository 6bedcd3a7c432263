"""What crosses a topic: message models, their CloudEvents codec and the topics' names. No I/O."""

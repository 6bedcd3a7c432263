"""What is sent over topics: message models, their CloudEvents codec, and the names of topics. No I/O.

`topics` names the topics, `asyncapi.channels` says who sends and reads what on each, and `catalogue` lists all message
types. Messages are grouped by sender: `agency`, `recommendation`, `provider`, `intake`, `matching`, `notification`,
`outcomes`, `operations`. Coded fields are in ``words``, their texts in ``texts``. README.md has a glossary.
"""

"""Dashboard of the engine: one read-only web page for operators.

`complaint_row` reduces a snapshot to a row, `read_model` folds rows to counts, `figures` renders what the page is sent,
`projector` reads the topics, `broadcaster` streams to browsers, `complaint_history` renders the facts of one complaint,
and `server` is the web application.
"""

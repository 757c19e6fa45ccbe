"""Dashboard of the engine: read-only web pages for operators.

`complaint_row` reduces a snapshot to a row, `read_model` folds rows to counts, `figures` renders the overview as JSON,
`listing` selects rows, `metrics` exposes the counts to Prometheus. `projector` reads the topics, `broadcaster` streams
to browsers, `complaint_history` renders the facts of one complaint. `overview`, `list_page` and `complaint_page` are
the pages, drawn by the templates in `page/` with the words in `words`. `server` is the web application.
"""

"""Mirror: the topics as relational tables, for statistics and analysts (docs/how-to/analyse.md).

`tables` defines them, `rows` builds rows from records, `stores` are DuckDB and PostgreSQL, `service` copies.
`definitions` and `figures` are the reports, `site` the public pages, limited by the privacy floor in `floor`. No
identity and no free text is stored, except published stories.
"""

"""Mirror: the topics as relational tables, for statistics and analysts (docs/how-to/analyse.md).

`tables` defines them, `rows` fills them from records, `stores` are DuckDB and PostgreSQL, `service` copies.
`definitions` and `figures` are the reports, `site` the public pages, behind the privacy floor of `floor`. No identity
and no free text is stored, but for stories that have been published.
"""

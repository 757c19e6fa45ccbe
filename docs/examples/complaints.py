import os
import sqlite3

from events.client import ClientSettings, ComplaintFeed

database = sqlite3.connect("complaints.db")
database.execute("CREATE TABLE IF NOT EXISTS positions (partition INTEGER PRIMARY KEY, next INTEGER)")
database.execute(
    "CREATE TABLE IF NOT EXISTS complaints (id TEXT PRIMARY KEY, version INTEGER, status TEXT, office TEXT)"
)
database.execute("CREATE TABLE IF NOT EXISTS happened (id TEXT, version INTEGER, fact TEXT)")
positions = dict(database.execute("SELECT partition, next FROM positions"))

with ComplaintFeed(ClientSettings.from_environment(os.environ), positions) as feed:
    for batch in feed.to_end():  # up to the present end; `while True: batch = feed.poll()` continues
        standing = [*batch.present, *(recorded.complaint for recorded in batch.facts)]
        with database:
            for each in standing:
                row = (each.complaint_id, each.version, each.status, each.office)
                database.execute("INSERT OR REPLACE INTO complaints VALUES (?, ?, ?, ?)", row)
            for recorded in batch.facts:
                row = (recorded.complaint.complaint_id, recorded.complaint.version, recorded.fact.NAME)
                database.execute("INSERT INTO happened VALUES (?, ?, ?)", row)
            database.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", batch.positions.items())
for table in ("complaints", "happened"):
    for row in database.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
        print(*row)

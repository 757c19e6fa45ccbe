import os
import sqlite3

from events.client import ClientSettings, ResolutionFeed

database = sqlite3.connect("resolutions.db")
database.execute("CREATE TABLE IF NOT EXISTS positions (partition INTEGER PRIMARY KEY, next INTEGER)")
database.execute(
    "CREATE TABLE IF NOT EXISTS resolutions (complaint TEXT, sequence INTEGER, outcome TEXT, rating INTEGER)"
)
positions = dict(database.execute("SELECT partition, next FROM positions"))

with ResolutionFeed(ClientSettings.from_environment(os.environ), positions) as feed:
    for batch in feed.to_end():  # up to the present end; `while True: batch = feed.poll()` continues
        with database:  # one transaction: results of the batch, and positions
            for each in batch.resolutions:
                row = (each.complaint_id, each.sequence, each.resolution.outcome, each.resolution.rating)
                database.execute("INSERT INTO resolutions VALUES (?, ?, ?, ?)", row)
            database.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", batch.positions.items())
for row in database.execute("SELECT complaint, MAX(sequence), outcome, rating FROM resolutions GROUP BY complaint"):
    print(*row)

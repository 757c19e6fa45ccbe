-- Times are UTC without zone, and columns that end in `_on` are days in the national zone.

CREATE TABLE facts (
    complaint_id TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, happened_at TIMESTAMP NOT NULL,
    actor TEXT NOT NULL, status TEXT NOT NULL, holder TEXT, office TEXT, clock TEXT, due_at TIMESTAMP,
    archive_reason TEXT, rating INTEGER, working_days INTEGER
);

CREATE TABLE complaints (
    complaint_id TEXT NOT NULL, tracking_id TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL,
    class TEXT NOT NULL, category TEXT, province TEXT, city TEXT, district TEXT, channel TEXT NOT NULL,
    anonymous BOOLEAN NOT NULL, secret BOOLEAN NOT NULL, chosen_office TEXT, office TEXT,
    round INTEGER NOT NULL, returns INTEGER NOT NULL, escalations INTEGER NOT NULL, exhausted BOOLEAN NOT NULL,
    breaches INTEGER NOT NULL, extensions INTEGER NOT NULL, policy TEXT NOT NULL,
    received_at TIMESTAMP NOT NULL, received_on DATE NOT NULL, updated_at TIMESTAMP NOT NULL,
    verified_at TIMESTAMP, disposed_at TIMESTAMP, answered_at TIMESTAMP, answered_working_days INTEGER,
    outcome TEXT, closed_at TIMESTAMP, closed_on DATE, working_days INTEGER, rating INTEGER,
    reopenings INTEGER NOT NULL, progress_notes INTEGER NOT NULL, follow_up_rejections INTEGER NOT NULL,
    follows TEXT, waiting_for TEXT, waiting_why TEXT
);

CREATE TABLE clocks (
    complaint_id TEXT NOT NULL, name TEXT NOT NULL, started_at TIMESTAMP NOT NULL, due_at TIMESTAMP,
    warned BOOLEAN NOT NULL, breached BOOLEAN NOT NULL, paused BOOLEAN NOT NULL
);

CREATE TABLE resolutions (
    complaint_id TEXT NOT NULL, sequence INTEGER, tracking_id TEXT, outcome TEXT, class TEXT, category TEXT,
    province TEXT, city TEXT, office TEXT, received_at TIMESTAMP, closed_at TIMESTAMP, working_days INTEGER,
    on_time BOOLEAN, breaches INTEGER, escalations INTEGER, rating INTEGER, story_title TEXT, story_answer TEXT
);

CREATE TABLE offices (
    office TEXT NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL, parent TEXT, agency TEXT NOT NULL, province TEXT,
    city TEXT, since DATE, until DATE, categories TEXT
);

CREATE TABLE unread (
    topic TEXT NOT NULL, kafka_partition INTEGER NOT NULL, kafka_offset BIGINT NOT NULL, reason TEXT NOT NULL
);

CREATE TABLE positions (
    topic TEXT NOT NULL, kafka_partition INTEGER NOT NULL, next_offset BIGINT NOT NULL
);

CREATE TABLE mirror (
    name TEXT NOT NULL, value TEXT NOT NULL
);

-- Statements of tests/support/mirrored.py: a mirror of complaints whose lots are drawn by a hash.
CREATE TEMPORARY VIEW lots AS
    SELECT i, (hash(i * 8 + 1 + {seed}) % 1000000) / 1e6 AS a, (hash(i * 8 + 2 + {seed}) % 1000000) / 1e6 AS b,
           (hash(i * 8 + 3 + {seed}) % 1000000) / 1e6 AS c, (hash(i * 8 + 4 + {seed}) % 1000000) / 1e6 AS d,
           (hash(i * 8 + 5 + {seed}) % 1000000) / 1e6 AS e
    FROM range({count}) AS lots (i);

CREATE TEMPORARY VIEW lives AS
    SELECT printf('%08x-0000-4000-8000-%012x', i, i) AS id, CAST(1000000 + i AS TEXT) AS tracking, i,
           CAST(FLOOR({cities} * POW(a, 3)) AS INTEGER) AS city, CAST(FLOOR({categories} * POW(b, 3)) AS INTEGER) AS category,
           TIMESTAMP '{start}' + INTERVAL (CAST(c * {seconds} AS BIGINT)) SECOND AS received, d, e
    FROM lots;

INSERT INTO complaints BY NAME
SELECT id AS complaint_id, tracking AS tracking_id, 8 AS version, CASE WHEN d < 0.8 THEN 'closed' ELSE 'disposed' END AS status,
       'complaint' AS class, 'kategori-' || category AS category, 'Provinsi ' || city % {provinces} AS province,
       'Kota ' || city AS city, NULL AS district, ['web', 'sms', 'whatsapp'][1 + i % 3] AS channel,
       FALSE AS anonymous, e < 0.03 AS secret, NULL AS chosen_office,
       CASE WHEN e < 0.8 THEN 'kota-' || city ELSE 'kementerian-' || category END AS office,
       1 AS round, CASE WHEN d > 0.95 THEN 1 ELSE 0 END AS returns, 0 AS escalations, FALSE AS exhausted,
       CASE WHEN d > 0.7 THEN 1 ELSE 0 END AS breaches, 0 AS extensions, 'lapor/2026' AS policy,
       received AS received_at, CAST(received AS DATE) AS received_on, received + INTERVAL 20 DAY AS updated_at,
       received + INTERVAL 1 DAY AS verified_at, received + INTERVAL 2 DAY AS disposed_at,
       CASE WHEN d < 0.9 THEN received + INTERVAL (CAST(2 + 12 * d AS INTEGER)) DAY END AS answered_at,
       CASE WHEN d < 0.9 THEN CAST(2 + 9 * d AS INTEGER) END AS answered_working_days,
       CASE WHEN d < 0.8 THEN 'resolved' END AS outcome,
       CASE WHEN d < 0.8 THEN received + INTERVAL 20 DAY END AS closed_at,
       CASE WHEN d < 0.8 THEN CAST(received + INTERVAL 20 DAY AS DATE) END AS closed_on,
       CASE WHEN d < 0.8 THEN 14 END AS working_days, CASE WHEN d < 0.1 THEN 4 END AS rating,
       0 AS reopenings, 0 AS progress_notes, 0 AS follow_up_rejections, NULL AS follows, NULL AS waiting_for, NULL AS waiting_why
FROM lives;

INSERT INTO facts BY NAME
SELECT id AS complaint_id, step AS version, name, received AS happened_at, '/stages/sla' AS actor, 'closed' AS status,
       'kota-' || city AS holder, NULL AS office, CASE WHEN name = 'breached' THEN 'follow_up' END AS clock, NULL AS due_at,
       NULL AS archive_reason, NULL AS rating, NULL AS working_days
FROM lives, (VALUES (1, 'registered'), (2, 'verified'), (3, 'disposed'), (4, 'breached'), (5, 'followed-up'), (6, 'closed')) AS steps (step, name)
WHERE name <> 'breached' OR d > 0.7;

INSERT INTO clocks
SELECT id, name, received, received, FALSE, FALSE, FALSE FROM lives, (VALUES ('follow_up'), ('settlement')) AS c (name)
WHERE d >= 0.8;

INSERT INTO resolutions BY NAME
SELECT id AS complaint_id, 8 AS sequence, tracking AS tracking_id, 'resolved' AS outcome, 'complaint' AS class,
       'kategori-' || category AS category, 'Provinsi ' || city % {provinces} AS province, 'Kota ' || city AS city,
       'kota-' || city AS office, received AS received_at, received + INTERVAL 20 DAY AS closed_at, 14 AS working_days,
       TRUE AS on_time, 0 AS breaches, 0 AS escalations, 4 AS rating,
       CASE WHEN i % 200 = 0 THEN 'Jalan ' || i || ' diperbaiki' END AS story_title,
       CASE WHEN i % 200 = 0 THEN repeat('Tim menambal lubang dan memeriksa drainase. ', 8) END AS story_answer
FROM lives WHERE d < 0.8 AND e >= 0.03;

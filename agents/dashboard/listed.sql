WITH deadlines AS (
    SELECT complaint_id,
           MIN(CASE WHEN NOT breached AND name IN ({obligations}) THEN number END) AS coming,
           MIN(CASE WHEN breached THEN number END) AS gone
    FROM (SELECT complaint_id, name, breached,
                 (CAST(FLOOR(EXTRACT(EPOCH FROM due_at)) AS BIGINT) << {bits}) + CASE name {to_number} END AS number
          FROM clocks WHERE due_at IS NOT NULL AND NOT paused) AS numbered
    GROUP BY complaint_id),
listed AS (
    SELECT status, CASE WHEN NOT secret THEN office END AS office, round > 0 AS disposed,
           exhausted AND status IN ({open}) AS exhausted, secret, waiting_why AS why,
           CASE WHEN NOT secret THEN category END AS category, escalations AS rung, tracking_id, version,
           CAST(FLOOR(EXTRACT(EPOCH FROM received_at)) AS BIGINT) AS received,
           CAST(FLOOR(EXTRACT(EPOCH FROM closed_at)) AS BIGINT) AS ended, coming, gone,
           round > 0 OR status = '{verified}' AS verified, LENGTH(tracking_id) AS length,
           coming >> {bits} AS due, CASE coming & {mask} {to_name} END AS due_clock,
           CASE gone & {mask} {to_name} END AS missed_clock,
           COALESCE(gone, coming) >> {bits} AS deadline
    FROM complaints LEFT JOIN deadlines USING (complaint_id))

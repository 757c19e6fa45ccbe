-- One row a complaint, with what the reports count. A complaint belongs to the office that holds it, or held it last.
CREATE VIEW complaint_figures AS
SELECT c.complaint_id, c.class, c.category, c.province, c.city, c.channel, c.secret, c.status, c.received_on,
       c.closed_on, c.office, o.name AS office_name, o.level, o.agency,
       c.verified_at IS NOT NULL AS verified,
       c.disposed_at IS NOT NULL AS disposed,
       c.answered_at IS NOT NULL AS answered,
       CASE WHEN c.answered_at IS NOT NULL
            THEN EXTRACT(EPOCH FROM (c.answered_at - c.received_at)) / 86400.0 END AS answer_days,
       c.answered_working_days,
       c.outcome = 'resolved' AS resolved,
       c.outcome = 'resolved' AND c.breaches = 0 AS on_time,
       c.outcome = 'archived' AS archived,
       c.outcome = 'withdrawn' AS withdrawn,
       c.outcome IS NULL AS open,
       CASE WHEN c.outcome IS NULL
            THEN EXTRACT(EPOCH FROM ((SELECT MAX(updated_at) FROM complaints) - c.received_at)) / 86400.0 END AS open_days,
       c.reopenings > 0 AS reopened,
       c.progress_notes > 0 AND c.answered_at IS NULL AND c.outcome IS NULL AS progress_unanswered,
       c.breaches, c.escalations, c.returns, c.rating, c.working_days
FROM complaints c LEFT JOIN offices o ON o.office = c.office;

-- One row a complaint and deadline of an office. Those of the reporter end a complaint, and are never missed.
CREATE VIEW deadline_figures AS
SELECT f.*, d.clock, COALESCE(d.clock = ANY(m.missed), FALSE) AS missed,
       COALESCE(d.clock = ANY(r.overdue), FALSE) AS overdue, COALESCE(d.clock = ANY(r.pending), FALSE) AS pending
FROM complaint_figures f
LEFT JOIN (SELECT complaint_id, ARRAY_AGG(clock) AS missed FROM facts WHERE name = 'breached' GROUP BY 1) AS m
       ON m.complaint_id = f.complaint_id
LEFT JOIN (SELECT complaint_id, ARRAY_AGG(name) FILTER (WHERE breached) AS overdue,
                  ARRAY_AGG(name) FILTER (WHERE NOT breached) AS pending FROM clocks GROUP BY 1) AS r
       ON r.complaint_id = f.complaint_id
CROSS JOIN (VALUES ('verification'), ('follow_up'), ('settlement')) AS d (clock)
WHERE d.clock <> 'follow_up' OR f.disposed;

CREATE VIEW breaches AS
SELECT f.complaint_id, c.tracking_id, f.clock, f.due_at, f.happened_at, f.holder AS office
FROM facts f JOIN complaints c ON c.complaint_id = f.complaint_id
WHERE f.name = 'breached';

-- What everybody may see: of a secret complaint its tracking number, class, outcome and times only. Category and place are
-- words of the channel: without those of an archived complaint, which may be abuse.
CREATE VIEW public_complaints AS
SELECT tracking_id, class, status, outcome, secret, received_on, closed_on, working_days,
       CASE WHEN NOT secret AND status <> 'archived' THEN category END AS category,
       CASE WHEN NOT secret AND status <> 'archived' THEN province END AS province,
       CASE WHEN NOT secret AND status <> 'archived' THEN city END AS city,
       CASE WHEN NOT secret THEN office END AS office
FROM complaints;

-- Complaints whose reporter named an earlier one, by its tracking number or its id, and what became of that. Not public:
-- both are of one person, and what is known of one tells what a secret one is about.
CREATE VIEW linked_complaints AS
SELECT c.complaint_id, c.tracking_id, c.follows, e.complaint_id AS earlier_complaint_id,
       e.tracking_id AS earlier_tracking_id, e.status AS earlier_status, e.closed_at AS earlier_closed_at
FROM complaints c
LEFT JOIN (SELECT tracking_id AS named, * FROM complaints UNION ALL SELECT complaint_id, * FROM complaints) e
       ON e.named = c.follows
WHERE c.follows IS NOT NULL;

CREATE VIEW public_stories AS
SELECT r.tracking_id, r.class, r.category, r.province, r.city, r.office, o.name AS office_name, r.closed_at,
       r.working_days, r.on_time, r.rating, r.story_title, r.story_answer
FROM resolutions r LEFT JOIN offices o ON o.office = r.office
WHERE r.story_title IS NOT NULL;

-- Counts of each quarter, of which the public site merges small ones. Secret complaints have no place, office or category.
CREATE VIEW public_counts AS
SELECT CAST(DATE_TRUNC('quarter', f.received_on) AS DATE) AS quarter,
       CASE WHEN NOT f.secret THEN f.province END AS province,
       CASE WHEN NOT f.secret THEN f.city END AS city,
       CASE WHEN NOT f.secret THEN COALESCE(a.name, f.agency) END AS agency,
       CASE WHEN NOT f.secret THEN a.city END AS agency_city,
       CASE WHEN NOT f.secret THEN f.category END AS category,
       COUNT(*) AS received, COUNT(CASE WHEN f.answered THEN 1 END) AS answered,
       COUNT(CASE WHEN f.answered_working_days <= 5 THEN 1 END) AS in_time
FROM complaint_figures f LEFT JOIN offices a ON a.office = f.agency
GROUP BY 1, 2, 3, 4, 5, 6;

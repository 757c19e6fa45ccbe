-- Replaces complaints by those of the table `new_complaints`: in DuckDB a fourth of the time of ON CONFLICT. The moments
-- of verification and disposition keep their first value, and those of answers, the first since one was last rejected.
UPDATE new_complaints SET
    verified_at = COALESCE(complaints.verified_at, new_complaints.verified_at),
    disposed_at = COALESCE(complaints.disposed_at, new_complaints.disposed_at),
    answered_at = CASE WHEN new_complaints.follow_up_rejections > complaints.follow_up_rejections
                       THEN new_complaints.answered_at
                       ELSE COALESCE(complaints.answered_at, new_complaints.answered_at) END,
    answered_working_days = CASE WHEN new_complaints.follow_up_rejections > complaints.follow_up_rejections
                                 THEN new_complaints.answered_working_days
                                 ELSE COALESCE(complaints.answered_working_days,
                                               new_complaints.answered_working_days) END
FROM complaints WHERE complaints.complaint_id = new_complaints.complaint_id;

DELETE FROM complaints WHERE complaint_id IN (SELECT complaint_id FROM new_complaints);

INSERT INTO complaints SELECT * FROM new_complaints;

DELETE FROM clocks WHERE complaint_id IN (SELECT complaint_id FROM new_complaints);

"""The state machine of a complaint: commands in, facts out.

**Two machines, one snapshot.** A complaint runs two coupled state machines, both stored in `events.snapshot.Complaint`:

* The *procedure* is the status: `registered → verified → disposed → followed_up → … → closed`, with `postponed`,
  `returned`, `archived` and `withdrawn` beside it. `transitions.TRANSITIONS` lists which fact leads from which status
  to which; `transitions.ALLOWED_IN` lists in which status a command is accepted.
* The *escalation ladder* is the rung (`rung`, `escalated_to`, `exhausted`). It never changes the status or the holder.

A breached deadline sets `escalation_due`; the procedure resets it when the missed deadline needs no action any more
(the office answers, the complaint is disposed again or ends). Each rung starts the escalation clock; when that clock
elapses without an answer, the next rung is due.

**Commands and facts.** A command is a request and may be rejected; a fact is never altered or deleted.
`decide.decide(command, complaint, now, policy)` returns the facts of one command, or `Rejected` with a code. It is a
pure function: `now` is the log's timestamp of the command, so that a replay decides the same. A rejected command, and a
repeat of an accepted one (same source and id, `Complaint.recent`), leave no fact.

**The order of one decision.**

1. Existence: `register-complaint` needs a complaint that does not exist, every other command one that does.
2. Catching up: `decide` first records what has happened by the log's time. Announced days off move running deadlines
   (`rescheduled`), elapsed deadlines become `breached`, `withdrawn` or `closed`, in the order of their due
   times. So a follow-up that reached the log too late comes after its breach even if no timer fired, and a timely one
   is in time however late it is read. Timers (the `sla` stage) only make a breach visible early.
3. Permission: the sender's role (`permissions.PERMITTED_ROLES`), and the handler's conditions on sender and policy
   (`permission_check`). A sender without permission gets the same code in every status.
4. Status: the expected version, then the status (`transitions.ALLOWED_IN`). For commands of stages: the basis of the
   decision still holds (status, revision, round, breaches), else `overtaken`, so that a stage that reads its topic
   again changes nothing. Then further conditions on the complaint (`state_check`).
5. Data: `fact` of the handler returns one fact or raises `Refused`. Unreadable data are refused here too
   (`decide.refuse`), not earlier.

`checks.check` implements 3 and 4. The first check that fails determines the code.

**Folding.** `evolve.evolve` applies a fact to the snapshot. Clocks are computed once, when the fact is decided
(`workflow.machine.clocks.clocks_after`), and are part of the snapshot with the fact; a fold never computes a
deadline. The snapshot therefore equals a replay of the history, which `alur audit` checks.

**What is decided where.**

| question | place |
| --- | --- |
| may this command be sent now, by this sender? | `checks`, by `permissions` and `transitions` |
| what does it do? | `handlers`, `corrections`, `deadline_handlers` |
| which clock runs in which status, and what does its expiry mean? | `workflow.deadlines.clock_rules` |
| when is a deadline due? | `workflow.deadlines.due_dates`, numbers in the policy |
| is a report complete, which office is competent, who is next on the ladder? | `workflow.stages` |
| does a complaint need a check of its deadlines? | `workflow.deadlines.schedule`, asked by the `sla` stage |
"""

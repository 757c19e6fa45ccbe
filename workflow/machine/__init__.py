"""The state machine of a complaint: commands in, facts out.

**Two machines, one snapshot.** A complaint runs two coupled state machines, both stored in `events.snapshot.Complaint`:

* The *procedure* is the status: `registered → verified → disposed → followed_up → … → closed`, with `postponed`,
  `returned`, `archived` and `withdrawn` beside it. `transitions.TRANSITIONS` lists which fact leads from which status
  to which; `transitions.ALLOWED_IN` lists in which status a command is accepted.
* The *escalation ladder* is the rung (`rung`, `escalated_to`, `exhausted`). It never changes the status or the holder.

The coupling is one way each. A breached deadline sets `escalation_due`; the procedure sets it back when the missed
deadline no longer presses (the office answers, the complaint is disposed again or ends). A climbed rung starts the
escalation clock; when that clock elapses without an answer, the next rung is due.

**Commands and facts.** A command is a request and may be rejected; a fact has happened and is never taken back.
`decide.decide(command, complaint, now, policy)` returns the facts of one command, or `Rejected` with a code. It is a
pure function: time comes from the log (the timestamp of the command's record), so a replay decides the same. A rejected
command leaves no fact. A repeat of an accepted command (same source and id, `Complaint.recent`) returns no fact.

**The order of one decision.**

1. Existence: `register-complaint` needs a complaint that does not exist, every other command one that does.
2. Catching up: `decide` first records what the log's time has already settled. Announced days off move running
   deadlines (`deadline-rescheduled`), elapsed deadlines become `breached`, `withdrawn` or `closed`, each in the order
   in which they fell due. A follow-up that reached the log too late therefore comes after its breach even if no timer
   fired, and one that reached it in time is in time however late it is read. Timers (the `sla` stage) only make a
   breach visible early; they decide nothing.
3. Permission: the sender's role (`permissions.MAY`), and what else a handler asks of the sender or the policy (`may`).
   A stranger is refused here, by the same code in every status.
4. Status: the expected version, then the status (`transitions.ALLOWED_IN`). For commands of stages: the decision they
   are based on still holds (status, revision, round, breaches), else `overtaken`; a stage that reads its topic again
   from the beginning changes nothing. Then the other conditions on the complaint (`standing`).
5. Data: `fact` of the handler returns one fact or raises `Refused`. Data that cannot be read are refused here too
   (`decide.refuse`), not earlier.

`checks.check` has 3 and 4. The first check that fails decides the answer, for all senders and commands.

**Folding.** `evolve.evolve` applies a fact to the snapshot. Clocks are computed once, when the fact is decided
(`workflow.deadlines.clocks.clocks_after`), and travel inside the snapshot that accompanies the fact; a fold never
computes a deadline. The snapshot therefore equals a replay of the history, which `alur audit` checks.

**What is decided where.**

| question | place |
| --- | --- |
| may this command be sent now, by this sender? | `checks`, by `permissions` and `transitions` |
| what does it do? | `handlers`, `corrections`, `deadline_handlers` |
| which clock runs in which status, and what does its elapse mean? | `workflow.deadlines.clock_rules` |
| when is a deadline due? | `workflow.deadlines.due_dates`, numbers in the policy |
| is a report complete, which office is competent, who is next on the ladder? | `workflow.stages` |
| does a complaint need a check of its deadlines? | `workflow.deadlines.schedule`, asked by the `sla` stage |
"""

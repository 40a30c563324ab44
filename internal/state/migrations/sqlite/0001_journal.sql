CREATE TABLE rightful_journal (
	seq  INTEGER PRIMARY KEY,
	run  TEXT NOT NULL,
	at   INTEGER NOT NULL,
	kind TEXT NOT NULL,
	body TEXT NOT NULL,
	prev TEXT NOT NULL,
	hash TEXT NOT NULL
) STRICT;

CREATE INDEX rightful_journal_run ON rightful_journal (run, seq);

CREATE TABLE rightful_journal_head (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	records INTEGER NOT NULL,
	hash    TEXT NOT NULL
) STRICT;

INSERT INTO rightful_journal_head VALUES (1, 0, '');

-- INSERT OR REPLACE deletes without the trigger for deletes, so a record may
-- only come after the last one.
CREATE TRIGGER rightful_journal_appends BEFORE INSERT ON rightful_journal
WHEN NOT EXISTS (SELECT 1 FROM rightful_journal_head WHERE records = NEW.seq - 1 AND hash = NEW.prev)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER rightful_journal_keeps BEFORE UPDATE ON rightful_journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER rightful_journal_stays BEFORE DELETE ON rightful_journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER rightful_journal_head_follows BEFORE UPDATE ON rightful_journal_head
WHEN NEW.records <> OLD.records + 1
	OR NOT EXISTS (SELECT 1 FROM rightful_journal WHERE seq = NEW.records AND hash = NEW.hash)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER rightful_journal_head_one BEFORE INSERT ON rightful_journal_head
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER rightful_journal_head_stays BEFORE DELETE ON rightful_journal_head
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- Derived from the journal.
CREATE TABLE rightful_runs (
	id           TEXT PRIMARY KEY,
	seq          INTEGER NOT NULL,
	plan         TEXT NOT NULL,
	plan_made_at INTEGER NOT NULL,
	undoes       TEXT NOT NULL,
	summary      TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX rightful_runs_plan ON rightful_runs (plan, plan_made_at) WHERE plan <> '';
CREATE INDEX rightful_runs_seq ON rightful_runs (seq);

CREATE TABLE rightful_leases (
	account  TEXT NOT NULL,
	livemode INTEGER NOT NULL,
	run      TEXT NOT NULL,
	token    TEXT NOT NULL,
	holder   TEXT NOT NULL,
	process  TEXT NOT NULL, -- which process that is, for others on its machine; empty: they cannot tell
	since    INTEGER NOT NULL,
	beat     INTEGER NOT NULL,
	PRIMARY KEY (account, livemode)
) STRICT;

CREATE TABLE rightful_plans (
	hash           TEXT NOT NULL,
	made_at        INTEGER NOT NULL,
	document       TEXT NOT NULL,
	saved_by       TEXT NOT NULL,
	created_at     INTEGER NOT NULL,
	needs_approval INTEGER NOT NULL,
	approver       TEXT NOT NULL,
	approved_by    TEXT NOT NULL,
	approved_at    INTEGER NOT NULL,
	PRIMARY KEY (hash, made_at)
) STRICT;

CREATE TABLE rightful_journal (
	seq  bigint PRIMARY KEY,
	run  text NOT NULL,
	at   bigint NOT NULL,
	kind text NOT NULL,
	body text NOT NULL,
	prev text NOT NULL,
	hash text NOT NULL
);

CREATE INDEX rightful_journal_run ON rightful_journal (run, seq);

CREATE TABLE rightful_journal_head (
	id      integer PRIMARY KEY CHECK (id = 1),
	records bigint NOT NULL,
	hash    text NOT NULL
);

INSERT INTO rightful_journal_head VALUES (1, 0, '');

CREATE FUNCTION rightful_journal_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the journal is append-only';
END $$;

CREATE FUNCTION rightful_journal_appends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT 1 FROM rightful_journal_head WHERE records = NEW.seq - 1 AND hash = NEW.prev) THEN
		RAISE EXCEPTION 'the journal is append-only';
	END IF;
	RETURN NEW;
END $$;

CREATE FUNCTION rightful_journal_head_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.records <> OLD.records + 1
		OR NOT EXISTS (SELECT 1 FROM rightful_journal WHERE seq = NEW.records AND hash = NEW.hash) THEN
		RAISE EXCEPTION 'the journal is append-only';
	END IF;
	RETURN NEW;
END $$;

CREATE TRIGGER appends BEFORE INSERT ON rightful_journal FOR EACH ROW EXECUTE FUNCTION rightful_journal_appends();
CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON rightful_journal FOR EACH ROW EXECUTE FUNCTION rightful_journal_refuses();
CREATE TRIGGER stays BEFORE TRUNCATE ON rightful_journal FOR EACH STATEMENT EXECUTE FUNCTION rightful_journal_refuses();
CREATE TRIGGER follows BEFORE UPDATE ON rightful_journal_head FOR EACH ROW EXECUTE FUNCTION rightful_journal_head_follows();
CREATE TRIGGER keeps BEFORE INSERT OR DELETE ON rightful_journal_head FOR EACH ROW EXECUTE FUNCTION rightful_journal_refuses();
CREATE TRIGGER stays BEFORE TRUNCATE ON rightful_journal_head FOR EACH STATEMENT EXECUTE FUNCTION rightful_journal_refuses();

-- Derived from the journal.
CREATE TABLE rightful_runs (
	id           text PRIMARY KEY,
	seq          bigint NOT NULL,
	plan         text NOT NULL,
	plan_made_at bigint NOT NULL,
	undoes       text NOT NULL,
	summary      text NOT NULL
);

CREATE UNIQUE INDEX rightful_runs_plan ON rightful_runs (plan, plan_made_at) WHERE plan <> '';
CREATE INDEX rightful_runs_seq ON rightful_runs (seq);

CREATE TABLE rightful_leases (
	account  text NOT NULL,
	livemode boolean NOT NULL,
	run      text NOT NULL,
	token    text NOT NULL,
	holder   text NOT NULL,
	process  text NOT NULL, -- which process that is, for others on its machine; empty: they cannot tell
	since    bigint NOT NULL,
	beat     bigint NOT NULL,
	PRIMARY KEY (account, livemode)
);

CREATE TABLE rightful_plans (
	hash           text NOT NULL,
	made_at        bigint NOT NULL,
	document       text NOT NULL,
	saved_by       text NOT NULL,
	created_at     bigint NOT NULL,
	needs_approval boolean NOT NULL,
	approver       text NOT NULL,
	approved_by    text NOT NULL,
	approved_at    bigint NOT NULL,
	PRIMARY KEY (hash, made_at)
);

-- An audit as it was recorded: a document, and what it is found by.
CREATE TABLE rightful_audits (
	seq      INTEGER PRIMARY KEY,
	id       TEXT NOT NULL UNIQUE,
	account  TEXT NOT NULL,
	livemode INTEGER NOT NULL,
	record   TEXT NOT NULL
) STRICT;

CREATE INDEX rightful_audits_account ON rightful_audits (account, livemode, seq);

-- A finding by its id, which is stable: its last life.
CREATE TABLE rightful_findings (
	id               TEXT PRIMARY KEY,
	account          TEXT NOT NULL,
	livemode         INTEGER NOT NULL,
	code             TEXT NOT NULL,
	family           TEXT NOT NULL,
	severity         TEXT NOT NULL,
	company          TEXT NOT NULL, -- canonical; empty: none
	rightful_company TEXT NOT NULL,
	body             TEXT NOT NULL,
	born             TEXT NOT NULL,
	opened_at        INTEGER NOT NULL,
	opened_by        TEXT NOT NULL,
	seen_at          INTEGER NOT NULL,
	resolved_at      INTEGER NOT NULL, -- 0: it is open
	resolved_by      TEXT NOT NULL,
	resolved_because TEXT NOT NULL
) STRICT;

CREATE INDEX rightful_findings_open ON rightful_findings (id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_code ON rightful_findings (code, severity, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_company ON rightful_findings (company, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_rightful ON rightful_findings (rightful_company, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_family ON rightful_findings (family) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_born ON rightful_findings (born, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_opened ON rightful_findings (opened_by, id);
CREATE INDEX rightful_findings_resolved ON rightful_findings (resolved_by, id) WHERE resolved_by <> '';

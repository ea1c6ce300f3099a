-- Version 2: conflicts, each with the two versions it was about, who decided and how it ended (design M12, issue 3).
-- A row is open until `closed_at`. Node ids are without a reference: a conflict outlives its nodes.

CREATE TABLE conflict (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    path           TEXT NOT NULL,
    copy           TEXT,                        -- NULL: the policy chose, nothing was kept beside it
    policy         TEXT NOT NULL,
    reason         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    node           INTEGER,
    copy_node      INTEGER,
    local_size     INTEGER,
    local_hash     BLOB CHECK (length(local_hash) = 32),
    local_mtime_ns INTEGER,
    remote_file    INTEGER,
    remote_size    INTEGER,
    remote_hash    BLOB CHECK (length(remote_hash) = 32),
    closed_at      INTEGER,
    outcome        TEXT,
    closed_by      TEXT,
    CHECK ((closed_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX conflict_open ON conflict (path) WHERE closed_at IS NULL;

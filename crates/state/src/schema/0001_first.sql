-- Version 1: the whole journal of one pair.
-- Numbers the world gives us as unsigned 64 bit (ids, sizes, inodes) are stored bit for bit in SQLite's signed ones.
-- Times are seconds since 1970 unless the column ends in _ns.

CREATE TABLE meta (
    only_row       INTEGER PRIMARY KEY CHECK (only_row = 1),
    journal_id     INTEGER NOT NULL,
    api_url        TEXT,
    account        TEXT,
    remote_root    INTEGER,                     -- NULL: not known yet; 0: the account's top; else a folder id
    root_id        TEXT,
    generation     INTEGER NOT NULL DEFAULT 0,
    agreed_at      INTEGER,
    next_node      INTEGER NOT NULL DEFAULT 1   -- no node id from here on was ever written anywhere
) STRICT;

-- The merge base (design §2). A node's folder is checked at the end of each transaction, so order does not matter.
CREATE TABLE node (
    id             INTEGER PRIMARY KEY,
    parent         INTEGER REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
    remote_name    TEXT NOT NULL,
    local_name     TEXT NOT NULL,
    device         INTEGER,
    inode          INTEGER,
    birth_ns       INTEGER,
    published      INTEGER NOT NULL CHECK (published IN (0, 1)),
    is_file        INTEGER NOT NULL CHECK (is_file IN (0, 1)),
    remote_id      INTEGER NOT NULL CHECK (remote_id <> 0),
    short_url      TEXT,
    size           INTEGER,
    hash           BLOB CHECK (length(hash) = 32),
    mtime_ns       INTEGER,
    ctime_ns       INTEGER,
    CHECK ((device IS NULL) = (inode IS NULL)),
    CHECK ((mtime_ns IS NULL) = (ctime_ns IS NULL)),
    CHECK ((size IS NOT NULL) = (is_file = 1))
) STRICT;
CREATE INDEX node_parent ON node (parent);

-- Every file id that was ever in `node` (design A4, S5), since when.
CREATE TABLE held_id (
    file_id        INTEGER PRIMARY KEY,
    since          INTEGER NOT NULL
) STRICT;

-- What was begun and may have happened (design A1, D1).
CREATE TABLE intent (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             INTEGER NOT NULL UNIQUE,
    body_version   INTEGER NOT NULL,
    body           TEXT NOT NULL,
    begun_at       INTEGER NOT NULL,
    closed_at      INTEGER
) STRICT;
-- Every name an upload intent ever had on the wire.
CREATE TABLE intent_name (
    name           TEXT NOT NULL,
    intent         INTEGER NOT NULL REFERENCES intent (id) ON DELETE CASCADE,
    PRIMARY KEY (name, intent)
) STRICT, WITHOUT ROWID;
CREATE INDEX intent_name_intent ON intent_name (intent);

-- Observations: all of it can be seen again, at the price of requests and reading.
CREATE TABLE row_look (
    file_id        INTEGER PRIMARY KEY,
    size           INTEGER NOT NULL,
    looks          INTEGER NOT NULL,
    last_without   INTEGER,
    first_seen     INTEGER NOT NULL,
    last_counted   INTEGER NOT NULL
) STRICT;
CREATE TABLE remote_hash (
    file_id        INTEGER PRIMARY KEY,
    size           INTEGER NOT NULL,
    short_url      TEXT,
    hash           BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE local_hash (
    device         INTEGER NOT NULL,
    inode          INTEGER NOT NULL,
    size           INTEGER NOT NULL,
    mtime_ns       INTEGER NOT NULL,
    ctime_ns       INTEGER NOT NULL,
    hash           BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (device, inode)
) STRICT, WITHOUT ROWID;
CREATE TABLE proved_folder (
    folder_id      INTEGER PRIMARY KEY,
    date           TEXT
) STRICT;
CREATE TABLE absence (
    is_file        INTEGER NOT NULL CHECK (is_file IN (0, 1)),
    remote_id      INTEGER NOT NULL CHECK (remote_id <> 0),
    missed_at      INTEGER NOT NULL,
    trashed_at     INTEGER,
    lost_at        INTEGER,
    PRIMARY KEY (is_file, remote_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE walk (
    only_row       INTEGER PRIMARY KEY CHECK (only_row = 1),
    completed_at   INTEGER NOT NULL
) STRICT;
CREATE TABLE note (
    key            TEXT PRIMARY KEY,
    value          TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, for people; and how much was deleted, for the brake (design §6).
CREATE TABLE history (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    at             INTEGER NOT NULL,
    pass           INTEGER NOT NULL,
    side           TEXT NOT NULL CHECK (side IN ('local', 'remote')),
    action         TEXT NOT NULL,
    path           TEXT NOT NULL,
    to_path        TEXT,
    bytes          INTEGER,
    reason         TEXT NOT NULL,
    allowed_by     TEXT,
    deleted_files  INTEGER NOT NULL
) STRICT;
CREATE TABLE deletion (
    at             INTEGER NOT NULL,
    side           TEXT NOT NULL CHECK (side IN ('local', 'remote')),
    files          INTEGER NOT NULL,
    PRIMARY KEY (at, side)
) STRICT, WITHOUT ROWID;
CREATE TABLE synced_count (
    at             INTEGER PRIMARY KEY,
    files          INTEGER NOT NULL
) STRICT;

CREATE TABLE problem (
    path           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    reason         TEXT NOT NULL,
    since          INTEGER NOT NULL,
    PRIMARY KEY (path, kind, reason)
) STRICT, WITHOUT ROWID;

-- Deletions a safety stop holds, and those the user let through (design §6). Both end with their node.
CREATE TABLE held_deletion (
    node           INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    what           TEXT NOT NULL,
    base           TEXT NOT NULL,
    path           TEXT NOT NULL,
    PRIMARY KEY (node, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE approved_deletion (
    node           INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    what           TEXT NOT NULL,
    base           TEXT NOT NULL,
    allowed_by     TEXT NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (node, what)
) STRICT, WITHOUT ROWID;

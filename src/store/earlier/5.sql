-- The schema of version 5, as it was: what a database of that version must look like.

CREATE TABLE users (
    userid       INTEGER PRIMARY KEY AUTOINCREMENT,
    username     TEXT NOT NULL UNIQUE,
    namekey      TEXT NOT NULL UNIQUE,
    userpassword TEXT NOT NULL,
    userstatus   INTEGER NOT NULL DEFAULT 1
                 CHECK (userstatus IN (0, 1)),
    createtime   INTEGER NOT NULL,
    isadmin      INTEGER NOT NULL DEFAULT 0
                 CHECK (isadmin IN (0, 1)),
    authtoken    BLOB
                 CHECK (length(authtoken) = 32),
    keycreated   INTEGER,
    keyused      INTEGER
) STRICT;

CREATE UNIQUE INDEX users_by_key ON users (authtoken) WHERE authtoken IS NOT NULL;

CREATE INDEX users_with_old_password ON users (userid) WHERE length(userpassword) = 32;

CREATE TABLE user_login_log (
    id            INTEGER PRIMARY KEY,
    userid        INTEGER NOT NULL REFERENCES users (userid),
    username      TEXT NOT NULL,
    lastlogintime INTEGER NOT NULL,
    lastloginip   TEXT NOT NULL
) STRICT;

CREATE INDEX user_login_log_by_user ON user_login_log (userid);

CREATE TABLE groups (
    groupid        INTEGER PRIMARY KEY AUTOINCREMENT,
    groupname      TEXT NOT NULL,
    namekey        TEXT NOT NULL,
    createuserid   INTEGER NOT NULL REFERENCES users (userid),
    createtime     INTEGER NOT NULL,
    groupusercount INTEGER NOT NULL DEFAULT 0
                   CHECK (groupusercount >= 0),
    groupstatus    INTEGER NOT NULL DEFAULT 1
                   CHECK (groupstatus IN (0, 1, 2))
) STRICT;

CREATE UNIQUE INDEX groups_by_name ON groups (createuserid, namekey) WHERE groupstatus <> 2;

CREATE INDEX groups_alive ON groups (groupid) WHERE groupstatus <> 2;

CREATE TABLE group_users (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    groupid  INTEGER NOT NULL REFERENCES groups (groupid),
    userid   INTEGER NOT NULL REFERENCES users (userid),
    from_seq INTEGER NOT NULL,
    UNIQUE (userid, groupid)
) STRICT;

CREATE INDEX group_users_by_group ON group_users (groupid);

CREATE TABLE group_past (
    userid   INTEGER NOT NULL,
    groupid  INTEGER NOT NULL,
    from_seq INTEGER NOT NULL,
    to_seq   INTEGER NOT NULL,
    span     INTEGER NOT NULL
             GENERATED ALWAYS AS (CASE
                 WHEN to_seq - from_seq < 1 << 4 THEN 4 WHEN to_seq - from_seq < 1 << 8 THEN 8
                 WHEN to_seq - from_seq < 1 << 12 THEN 12 WHEN to_seq - from_seq < 1 << 16 THEN 16
                 WHEN to_seq - from_seq < 1 << 20 THEN 20 WHEN to_seq - from_seq < 1 << 24 THEN 24
                 WHEN to_seq - from_seq < 1 << 28 THEN 28 ELSE 62 END) VIRTUAL,
    PRIMARY KEY (userid, groupid, to_seq),
    CHECK (from_seq < to_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_past_by_begin ON group_past (userid, from_seq, to_seq);

CREATE INDEX group_past_by_span ON group_past (userid, span, from_seq, to_seq);

CREATE TABLE group_stay_out (
    userid  INTEGER NOT NULL REFERENCES users (userid),
    groupid INTEGER NOT NULL REFERENCES groups (groupid),
    PRIMARY KEY (userid, groupid)
) STRICT, WITHOUT ROWID;

CREATE TABLE friends (
    userid   INTEGER NOT NULL REFERENCES users (userid),
    friendid INTEGER NOT NULL REFERENCES users (userid),
    PRIMARY KEY (userid, friendid)
) STRICT, WITHOUT ROWID;

CREATE TABLE friend_requests (
    toid       INTEGER NOT NULL REFERENCES users (userid),
    fromid     INTEGER NOT NULL REFERENCES users (userid),
    createtime INTEGER NOT NULL,
    PRIMARY KEY (toid, fromid)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    seq          INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    sender       INTEGER,
    at           INTEGER NOT NULL,
    kind         INTEGER NOT NULL
                 CHECK (kind BETWEEN 0 AND 3),
    body         TEXT NOT NULL,
    mid          TEXT,
    rising       INTEGER NOT NULL
                 CHECK (rising IN (0, 1))
) STRICT;

CREATE TABLE log_state (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    head   INTEGER NOT NULL,
    sealed INTEGER NOT NULL
) STRICT;
INSERT INTO log_state (id, head, sealed) VALUES (1, 0, 0);

CREATE TABLE log_slices (
    block        INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    sender       INTEGER NOT NULL,
    slice        INTEGER NOT NULL,
    offsets      BLOB NOT NULL,
    PRIMARY KEY (block, conversation, sender, slice)
) STRICT, WITHOUT ROWID;

CREATE TABLE mid_slices (
    block  INTEGER NOT NULL,
    sender INTEGER NOT NULL,
    part   INTEGER NOT NULL,
    slice  INTEGER NOT NULL,
    rising INTEGER,
    mids   BLOB NOT NULL,
    PRIMARY KEY (block, sender, part, slice)
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE words USING fts5 (
    terms,
    content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

CREATE TABLE cursors (
    userid INTEGER PRIMARY KEY REFERENCES users (userid),
    seq    INTEGER NOT NULL
) STRICT;

CREATE TABLE waiting (
    userid   INTEGER NOT NULL,
    sender   INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (userid, sender)
) STRICT, WITHOUT ROWID;

CREATE TABLE stored_bytes (
    userid INTEGER PRIMARY KEY REFERENCES users (userid),
    day    INTEGER NOT NULL,
    bytes  INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

CREATE TABLE reads (
    conversation INTEGER NOT NULL,
    userid       INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    PRIMARY KEY (conversation, userid)
) STRICT, WITHOUT ROWID;

CREATE INDEX reads_by_seq ON reads (conversation, seq);

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

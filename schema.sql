-- The whole schema of p2sp.db; src/store/shape.rs knows its version (PRAGMA user_version).
--
-- Every fact is kept once, and what must change together changes in one transaction. Nothing
-- here decides anything: no triggers, no clocks, no random values. Times are unix seconds that
-- the server hands in, so that a simulation can repeat them.
--
-- Foreign keys stand where a row is written rarely. The log, which every message appends to,
-- has none: users and groups are never deleted, so its ids always name somebody.

-- Accounts. A row is never deleted, for the log goes on naming its sender. `keyused` stays when
-- the key is gone: it tells when they were last here.
CREATE TABLE users (
    userid       INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: it names a person's inbox
    username     TEXT NOT NULL UNIQUE,              -- as shown (NFKC of what was typed)
    namekey      TEXT NOT NULL UNIQUE,              -- as compared (lower case): one `Bob`, one `bob`
    userpassword TEXT NOT NULL,                     -- scheme tag and PHC string (src/password.rs)
    userstatus   INTEGER NOT NULL DEFAULT 1         -- 1 normal, 0 blocked: may not sign in
                 CHECK (userstatus IN (0, 1)),
    createtime   INTEGER NOT NULL,                  -- when they registered
    isadmin      INTEGER NOT NULL DEFAULT 0         -- 1: has the administrators' commands
                 CHECK (isadmin IN (0, 1)),
    authtoken    BLOB                               -- SHA-256 of the login key: the file opens
                 CHECK (length(authtoken) = 32),    -- no session; NULL while there is no key
    keycreated   INTEGER,                           -- when the key was made: its absolute age
    keyused      INTEGER                            -- when it was last used: its idle age
) STRICT;

-- `resume` finds the user by the key.
CREATE UNIQUE INDEX users_by_key ON users (authtoken) WHERE authtoken IS NOT NULL;

-- The bare MD5 digests of a first version that still wait to be wrapped; empty ever after, so
-- that asking for them at each start costs nothing. All other forms are longer.
CREATE INDEX users_with_old_password ON users (userid) WHERE length(userpassword) = 32;

-- Sign-ins with a password, the newest hundred of each user: who was here, and from where.
CREATE TABLE user_login_log (
    id            INTEGER PRIMARY KEY,                        -- the order
    userid        INTEGER NOT NULL REFERENCES users (userid), -- who
    username      TEXT NOT NULL,                              -- their name, for a reader by eye
    lastlogintime INTEGER NOT NULL,                           -- when
    lastloginip   TEXT NOT NULL                               -- the peer's address
) STRICT;

-- Finds a user's oldest rows when they are one too many.
CREATE INDEX user_login_log_by_user ON user_login_log (userid);

-- What administrators and the operator did, the newest acts.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,       -- the order
    at      INTEGER NOT NULL,                        -- when
    userid  INTEGER REFERENCES users (userid),       -- the administrator; NULL: the operator
    act     TEXT NOT NULL,                           -- the type of the request
    about   TEXT,                                    -- the user, or the creator and name of the
                                                     -- group, to which it was done
    address TEXT NOT NULL                            -- the peer's address
) STRICT;

-- Groups. A deleted one keeps its row: readers who are behind still need its name.
CREATE TABLE groups (
    groupid        INTEGER PRIMARY KEY AUTOINCREMENT,          -- never reused: it names messages
    groupname      TEXT NOT NULL,                              -- as shown
    namekey        TEXT NOT NULL,                              -- as compared
    createuserid   INTEGER NOT NULL REFERENCES users (userid), -- the creator, who owns it
    createtime     INTEGER NOT NULL,                           -- when it was created
    groupusercount INTEGER NOT NULL DEFAULT 0                  -- members now; spares lists a count
                   CHECK (groupusercount >= 0),                -- of thousands of rows
    groupstatus    INTEGER NOT NULL DEFAULT 1                  -- 1 normal, 0 blocked: nobody may
                   CHECK (groupstatus IN (0, 1, 2))            -- send, 2 deleted
) STRICT;

-- A group is named by its creator and its name, and a name is free again once it is deleted.
CREATE UNIQUE INDEX groups_by_name ON groups (createuserid, namekey) WHERE groupstatus <> 2;

-- The list of all groups, without wading through the deleted ones.
CREATE INDEX groups_alive ON groups (groupid) WHERE groupstatus <> 2;

-- Who is in which group now.
CREATE TABLE group_users (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,           -- the order of joining: creator first
    groupid  INTEGER NOT NULL REFERENCES groups (groupid), -- the group
    userid   INTEGER NOT NULL REFERENCES users (userid),   -- the member
    from_seq INTEGER NOT NULL,                             -- the first seq they may see
    UNIQUE (userid, groupid)                               -- once; and finds a user's groups
) STRICT;

-- A group's members, in the order of joining.
CREATE INDEX group_users_by_group ON group_users (groupid);

-- Who was in which group: memberships that ended, as intervals [from_seq, to_seq) of the log.
-- A reader who is behind still gets what was said while they were in, and nothing else.
CREATE TABLE group_past (
    userid   INTEGER NOT NULL, -- the former member
    groupid  INTEGER NOT NULL, -- the group
    from_seq INTEGER NOT NULL, -- the first seq they may see
    to_seq   INTEGER NOT NULL, -- the first one they may not
    span     INTEGER NOT NULL  -- how long it was: fewer seqs than two to the power of this
             GENERATED ALWAYS AS (CASE
                 WHEN to_seq - from_seq < 1 << 4 THEN 4 WHEN to_seq - from_seq < 1 << 8 THEN 8
                 WHEN to_seq - from_seq < 1 << 12 THEN 12 WHEN to_seq - from_seq < 1 << 16 THEN 16
                 WHEN to_seq - from_seq < 1 << 20 THEN 20 WHEN to_seq - from_seq < 1 << 24 THEN 24
                 WHEN to_seq - from_seq < 1 << 28 THEN 28 ELSE 62 END) VIRTUAL,
    PRIMARY KEY (userid, groupid, to_seq),
    CHECK (from_seq < to_seq)
) STRICT, WITHOUT ROWID;

-- The memberships that began behind a seq, in the log's order: a page reads a few at a time.
CREATE INDEX group_past_by_begin ON group_past (userid, from_seq, to_seq);

-- The memberships in which a seq lies: one of a span began less than the span before it.
CREATE INDEX group_past_by_span ON group_past (userid, span, from_seq, to_seq);

-- Who left a group and said that nobody is to bring them in again; they can take it back.
CREATE TABLE group_stay_out (
    userid  INTEGER NOT NULL REFERENCES users (userid),   -- who
    groupid INTEGER NOT NULL REFERENCES groups (groupid), -- out of which group
    PRIMARY KEY (userid, groupid)
) STRICT, WITHOUT ROWID;

-- Friendships, a row for either side: one look-up answers, and a list is in one place.
CREATE TABLE friends (
    userid   INTEGER NOT NULL REFERENCES users (userid), -- whose list
    friendid INTEGER NOT NULL REFERENCES users (userid), -- who is on it
    PRIMARY KEY (userid, friendid)
) STRICT, WITHOUT ROWID;

-- Requests for friendship that wait for an answer (only with friend approval on).
CREATE TABLE friend_requests (
    toid       INTEGER NOT NULL REFERENCES users (userid), -- who is asked
    fromid     INTEGER NOT NULL REFERENCES users (userid), -- who asks
    createtime INTEGER NOT NULL,                           -- when
    PRIMARY KEY (toid, fromid)
) STRICT, WITHOUT ROWID;

-- The message log: the only queue. One row a message, whatever the number of its readers, and
-- no index: a message is one append, however many there are. Where the newest entries are is
-- known in memory (src/log/tail.rs), where the others are stands in the two tables below.
-- The oldest go when they have been kept long enough (src/log/retention.rs).
CREATE TABLE log (
    seq          INTEGER PRIMARY KEY, -- the message's id and its place; given by log_state
    conversation INTEGER NOT NULL,    -- 0 everyone, 2 * userid an inbox, 2 * groupid + 1 a group
    sender       INTEGER,             -- userid; NULL: the system itself
    at           INTEGER NOT NULL,    -- when it was committed
    kind         INTEGER NOT NULL     -- 0 text, 1 an administrator's text, 2 a system message,
                 CHECK (kind BETWEEN 0 AND 3), -- 3 a notice
    body         TEXT NOT NULL,       -- the text as sent; a notice's event and arguments
    mid          TEXT,                -- the sender's name for it, if they gave one
    rising       INTEGER NOT NULL     -- 1: the mid is greater than all its sender's earlier ones,
                 CHECK (rising IN (0, 1)) -- so that the next greater one is known to be new
) STRICT;

-- How far the log reaches, in one row.
CREATE TABLE log_state (
    id     INTEGER PRIMARY KEY CHECK (id = 1), -- the row
    head   INTEGER NOT NULL,                   -- seqs up to here were given, as was that of the
                                               -- log's last row: none is given twice. Raised
                                               -- when a slice is sealed
    sealed INTEGER NOT NULL                    -- slices of the log, of 65,536 seqs each, that
                                               -- are in the tables below
) STRICT;
INSERT INTO log_state (id, head, sealed) VALUES (1, 0, 0);

-- Where the entries of a conversation are, by slice. Follows from the log.
CREATE TABLE log_slices (
    block        INTEGER NOT NULL, -- 16 slices: what is written together stands together
    conversation INTEGER NOT NULL, -- as in the log
    sender       INTEGER NOT NULL, -- 0: all entries; in an inbox also, for each sender, the texts
                                   -- by them alone, for the history of two users
    slice        INTEGER NOT NULL, -- seqs from 65,536 * slice on
    offsets      BLOB NOT NULL,    -- two bytes an entry, big-endian: its seq within the slice
    PRIMARY KEY (block, conversation, sender, slice)
) STRICT, WITHOUT ROWID;

-- Where the mids of a sender are, by slice, for a retry. Follows from the log. Those of a sender
-- who used many in a slice stand in several rows, so that one is found without reading all.
CREATE TABLE mid_slices (
    block  INTEGER NOT NULL, -- as above
    sender INTEGER NOT NULL, -- who used them
    part   INTEGER NOT NULL, -- -1: all of them; where they are many, `mids` is a byte that tells
                             -- by how many first bits of their hash they are parted, and a
                             -- part is 65,536 times that number and those bits
    slice  INTEGER NOT NULL, -- as above
    rising INTEGER,          -- in part -1: the seq of the last that was rising, if any was
    mids   BLOB NOT NULL,    -- eight bytes a mid: six of its hash, two of its offset
    PRIMARY KEY (block, sender, part, slice)
) STRICT, WITHOUT ROWID;

-- The words of the log's texts, for the search: trails the log, and follows from it. It tells
-- which texts have a word (`rowid` is the seq) and not where. What a word is, is decided in
-- src/log/tokens.rs, so that nothing is left for the tokenizer but to part them at spaces.
CREATE VIRTUAL TABLE words USING fts5 (
    terms, -- each begins with its slice of the log, as above, in hexadecimal, and §. The different
           -- words, each Chinese character as one; and for the conversation §u and a userid, §g
           -- and a groupid, §e for everyone
    content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

-- How far the log has reached each user. Apart from `users`, because it changes all the time.
CREATE TABLE cursors (
    userid INTEGER PRIMARY KEY REFERENCES users (userid), -- the reader
    seq    INTEGER NOT NULL                               -- everything up to here reached them
) STRICT;

-- What waits in the inbox of a user who is behind, since they were last caught up: kept as
-- sums, so that a full mailbox is known without counting.
CREATE TABLE waiting (
    userid   INTEGER NOT NULL, -- the reader
    sender   INTEGER NOT NULL, -- whose messages; 0: all senders together
    messages INTEGER NOT NULL, -- how many
    bytes    INTEGER NOT NULL, -- the length of their texts
    PRIMARY KEY (userid, sender)
) STRICT, WITHOUT ROWID;

-- What each user had stored on a day: a row a user, of the last day on which they had anything
-- stored. Raised ahead by a share of the limit, so that not every message writes it.
CREATE TABLE stored_bytes (
    userid INTEGER PRIMARY KEY REFERENCES users (userid), -- who
    day    INTEGER NOT NULL,                              -- which: unix seconds / 86,400
    bytes  INTEGER NOT NULL CHECK (bytes >= 0)            -- UTF-8 bytes of texts, notices, names
) STRICT;

-- How far each user has read, where their client says so.
CREATE TABLE reads (
    conversation INTEGER NOT NULL, -- as in the log, but of an inbox: what its owner said to them
    userid       INTEGER NOT NULL, -- the reader
    seq          INTEGER NOT NULL, -- up to here
    PRIMARY KEY (conversation, userid)
) STRICT, WITHOUT ROWID;

-- Counts the readers of a message.
CREATE INDEX reads_by_seq ON reads (conversation, seq);

-- Facts about the database itself. Beside the epoch, `mid_key`: the key by which mids are hashed;
-- `indexed`: the last seq whose words are kept;
-- `memberships`: some of `group_past` may tell nothing, and are forgotten at the next start; and
-- `dissolving N`: the deleted group N has memberships that are still to be moved to `group_past`.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY, -- `epoch`
    value TEXT NOT NULL     -- of `epoch`: 16 hexadecimal digits, drawn when the file was made. A
                            -- seq is meant within it: whoever puts back an older copy of the file
                            -- must draw a new one, or seqs are given twice
) STRICT, WITHOUT ROWID;

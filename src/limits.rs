//! Every bound of the program, with its unit in its name and its reason above it.
//!
//! There are two kinds: constants, and [`Limits`], which an operator may change with
//! `--limit NAME=VALUE`. A queue, a buffer or a name that is not bounded here is a defect (P20).

/// Bytes of a frame's header: magic, checksum, length.
pub const FRAME_HEADER_BYTES: usize = 12;
/// Bytes that nearly every push has beside its texts: so much more is allocated for it at once.
pub const PUSH_OVERHEAD_BYTES: usize = 256;
/// The longest payload of a frame. It is checked before anything is allocated.
pub const FRAME_PAYLOAD_BYTES_MAX: usize = 65_536;
/// The longest frame.
pub const FRAME_BYTES_MAX: usize = FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX;

/// The longest message text, in bytes of UTF-8. As JSON it can grow six times and must still fit in
/// a frame.
pub const MESSAGE_BYTES_MAX: usize = 8_000;
/// The longest username, in characters.
pub const USERNAME_CHARS_MAX: usize = 32;
/// The longest group name, in characters as a person sees them: a letter with its marks is one.
pub const GROUPNAME_CHARS_MAX: usize = 64;
/// The longest group name, in bytes of UTF-8: enough for 64 characters of any script, and for 40
/// families of emoji.
pub const GROUPNAME_BYTES_MAX: usize = 1_024;
/// Marks on one letter of a group name. No script needs more, and more of them cover the line
/// above.
pub const NAME_MARKS_MAX: usize = 4;
/// The shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// The longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// The longest request id that is a string, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 64;
/// The longest `mid`, in bytes.
pub const MID_BYTES_MAX: usize = 64;
/// Rows of one page of a list.
pub const LIST_ROWS_MAX: usize = 200;
/// Messages in a history reply when no count is asked for.
pub const HISTORY_ROWS_DEFAULT: usize = 20;
/// Bytes of a list's rows, in text and data together. A longer list is continued with `next`; the
/// other bytes of the frame are for what is around the rows.
pub const LIST_BYTES_MAX: usize = 60 * 1024;

/// Bytes that `read` takes from one connection in a tick: a frame of any legal length fits.
pub const READ_BYTES_PER_CONN: usize = FRAME_BYTES_MAX;
/// Encrypted bytes that `read` takes from one connection in a tick: two records. A frame of chat
/// needs half of one.
pub const TLS_READ_BYTES_PER_CONN: usize = 2 * RECORD_BYTES_MAX;
/// The longest TLS record, with its header and what encryption adds.
pub const RECORD_BYTES_MAX: usize = 5 + RECORD_PLAIN_BYTES_MAX + 256;
/// The most plaintext in one TLS record. The send buffer is encrypted in pieces of this length.
pub const RECORD_PLAIN_BYTES_MAX: usize = 16_384;
/// Bytes that TLS 1.3 adds to a record: its header, the type of the content, the tag.
pub const RECORD_SEAL_BYTES: usize = 5 + 1 + 16;
/// Encrypted bytes of one connection that a tick has: the beginning of a record, and what was read.
pub const SEALED_BYTES_PER_CONN: usize = RECORD_BYTES_MAX + TLS_READ_BYTES_PER_CONN;
/// Bytes of one connection in the intake. Records are decrypted as a whole, so what came under TLS
/// can be more than [`READ_BYTES_PER_CONN`].
pub const INTAKE_BYTES_PER_CONN: usize = READ_BYTES_PER_CONN + SEALED_BYTES_PER_CONN;
/// Bytes that a peer may send during the handshake: ten times what any client needs.
pub const HANDSHAKE_BYTES_MAX: usize = 16 * 1024;
/// Handshakes that a tick computes, at a third of a millisecond each. The others wait for the next
/// ticks, and requests are served between them (P21).
pub const HANDSHAKES_PER_TICK: usize = 2;
/// Seconds after its first byte in which a TLS handshake must be complete.
pub const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// Frames that `serve` takes from one connection in a tick.
pub const FRAMES_PER_CONN: usize = 64;
/// Newcomers (connections that have not signed in) that a tick serves. A user who has signed in
/// waits for no more of them, however many there are (P21).
pub const NEWCOMERS_PER_TICK: usize = 16;
/// Microseconds that the loop waits before it serves the next newcomers, if a signed-in user was
/// active within [`TALK_MICROS`]. A poll that counts milliseconds waits one.
pub const NEWCOMER_REST_MICROS: u64 = 500;
/// Microseconds for which a signed-in user counts as active: newcomers are served more slowly then.
pub const TALK_MICROS: u64 = 20_000;
/// Frames that a tick takes from one newcomer: enough to sign in and to send a request.
pub const FRAMES_PER_NEWCOMER: usize = 4;
/// Bytes that a tick takes from all newcomers.
pub const NEWCOMER_BYTES_MAX: usize = 256 * 1024;
/// Connections that the kernel completes before they are accepted: the maximum of Linux.
pub const ACCEPT_BACKLOG: i32 = 4_096;
/// Seconds of silence after which TCP probes a peer.
pub const KEEPALIVE_AFTER_SECONDS: u64 = 60;
/// Seconds between two such probes.
pub const KEEPALIVE_EVERY_SECONDS: u64 = 15;
/// Probes without an answer after which TCP ends the connection.
pub const KEEPALIVE_PROBES: u32 = 5;
/// Connections accepted in a tick.
pub const ACCEPTS_PER_TICK: usize = 64;
/// Connections accepted in a tick at the reserved listeners.
pub const RESERVED_ACCEPTS_PER_TICK: usize = 16;
/// Requests served in a tick, those of newcomers not counted.
pub const REQUESTS_PER_TICK: usize = 4_096;
/// Microseconds that `serve` may take in a tick; the other requests wait for the next one.
pub const SERVE_MICROS_MAX: u64 = 5_000;
/// Microseconds that one request may take: one that needs more is cut short and answers with
/// `next`.
pub const SLICE_MICROS: u64 = 1_000;
/// The costly requests of one user take at most one part in so many of all time, after
/// [`TIME_BURST_MICROS`].
pub const TIME_SHARE: u32 = 100;
/// Microseconds that one user's costly requests may take at once before [`TIME_SHARE`] applies.
pub const TIME_BURST_MICROS: u64 = 200_000;
/// The most that one request is charged, in microseconds. One that takes longer met a machine that
/// stood still, which is not its user's fault.
pub const TIME_CHARGED_MICROS_MAX: u64 = 10_000;
/// Microseconds of each request that are not charged. Most requests take less, and the rate limit
/// bounds their number.
pub const TIME_FREE_MICROS: u64 = 200;
/// Requests served between two readings of the clock, if none of them can be costly.
pub const REQUESTS_PER_CLOCK_LOOK: usize = 4;
/// Bytes that `read` takes from all connections in a tick.
pub const INTAKE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Pushes that `deliver` appends in a tick.
pub const PUSHES_PER_TICK: usize = 65_536;
/// Bytes of pushes that `deliver` appends in a tick.
pub const PUSH_BYTES_PER_TICK: usize = 16 * 1024 * 1024;
/// Entries of a reader's own that `deliver` skips in a tick: they are read and not pushed.
pub const OWN_ENTRIES_PER_TICK: usize = 4_096;
/// Log entries read at once for a reader who is behind.
pub const PAGE_ROWS: usize = 128;
/// Bytes of the entries read at once for a reader who is behind; the last entry may exceed it.
pub const PAGE_BYTES: usize = 64 * 1024;
/// Log entries read, and places looked up for them, in a tick; the page that reaches the number is
/// the last. Each takes some microseconds, for which all others wait: with eight times as many the
/// others' p99 was ten times that of a quiet hour (`growth --only late`).
pub const LOG_READS_PER_TICK: usize = 128;
/// An entry counts once more for each so many bytes of it.
pub const LOG_READ_BYTES: usize = 1024;

/// Places that are looked up for one page, each a conversation in a block of the log. A reader who
/// was away for long gets the log in several pages.
pub const LOOKS_PER_PAGE: usize = 256;
/// Ended memberships of a reader that one page or one search reads. The log after them is for the
/// next one. Few in unit tests, so that a short log has many.
pub const MEMBERSHIPS_PER_PAGE: usize = if cfg!(test) { 2 } else { 128 };
/// Memberships of deleted groups that end with one commit: the first with the deletion, the others
/// with the following commits. Each moves a row to another table. Few in unit tests, so that small
/// groups need several commits.
pub const MEMBERSHIPS_ENDED_PER_COMMIT: usize = if cfg!(test) { 2 } else { 32 };
/// Ended memberships that cost as much to read as one look-up in a block of the log.
pub const MEMBERSHIPS_PER_LOOK: usize = 4;
/// Memberships that an upgrade moves in one transaction.
pub const UPGRADED_MEMBERSHIPS_PER_COMMIT: usize = 4_096;
/// Old passwords that a migration wraps in one transaction: a crash loses less than a second of
/// work.
pub const MIGRATED_PASSWORDS_PER_COMMIT: i64 = 16;
/// Entries that are sealed for each one that is appended: more than three, because the three sweeps
/// over a slice must end before the next slice is full.
pub const SEALED_PER_APPENDED: usize = 4;
/// About how many `mid`s of one sender in one slice of the log are in one row. Few in unit tests,
/// so that a short log has several rows.
pub const MIDS_PER_ROW: usize = if cfg!(test) { 2 } else { 32 };
/// Senders whose greatest `mid` is kept in memory; if there are more, all are read again.
pub const GREATEST_MIDS_KEPT: usize = 16_384;
/// The newest blocks of the log, of 1,048,576 messages and 2 MiB of memory each, that have a filter
/// which tells whether they contain a `mid`.
pub const MID_FILTER_BLOCKS: usize = 4;

/// A connection with more bytes in its send buffer is neither fed nor served, until it has less
/// than [`SEND_LOW_BYTES`]. With the message that goes over it, and bytes that were sent and are
/// still in memory, a peer that does not read costs at most 256 KiB.
pub const SEND_HIGH_BYTES: usize = 192 * 1024;
/// A connection that is backed up is fed and served again below this.
pub const SEND_LOW_BYTES: usize = 64 * 1024;
/// Bytes at the front of a send buffer that were sent: if there are more, the others are moved to
/// the front. A smaller number costs more copying.
pub const SEND_COMPACT_BYTES: usize = 32 * 1024;
/// Bytes in all send buffers together. Above it no connection with a byte in its send buffer gets
/// more: peers that read go on, and the others cost no more.
pub const SEND_TOTAL_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Unsent bytes of one connection that the kernel accepts: without a bound it would take megabytes
/// before a peer is found to be slow.
pub const KERNEL_UNSENT_BYTES: u32 = 128 * 1024;

/// Pairs of a sender and a recipient, the last ones, that are not looked up again.
pub const ADDRESSEES_KEPT: usize = 4_096;
/// Memory of send buffers that is kept for the next ones: what a tick needs that pushes all it may.
pub const SPARE_BYTES_MAX: usize = PUSH_BYTES_PER_TICK;
/// The largest send buffer whose memory is kept: a slow reader that gets it costs no more.
pub const SPARE_BUFFER_BYTES_MAX: usize = SEND_LOW_BYTES;
/// Spare memory that was not needed for so many microseconds is given back.
pub const SPARE_TRIM_MICROS: u64 = 1_000_000;

/// The nice value of the helper thread: the loop and other programs come first.
pub const WORKER_NICENESS: i32 = 10;
/// Where the helper thread shares the only core with the loop: microseconds after which the
/// scheduler is made to choose again.
pub const WORKER_BEAT_MICROS: u64 = 250;
/// Blocks of 1 KiB that are allocated for a password hash, though fewer are used. An allocator
/// keeps freed memory up to 32 MiB, and gives a larger piece back to the system.
pub const HASH_BLOCKS_MAPPED: usize = 33 * 1024;
/// Password hashes that wait for sign-ins and registrations. At 46 ms each the last one waits about
/// three seconds.
pub const HASH_QUEUE_MAX: usize = 64;
/// Password hashes that wait for users who change their password, one for each.
pub const HASH_PLACES_MEMBERS: usize = 32;
/// Password hashes that wait for the operator, one for each of the operator's connections.
pub const HASH_PLACES_OPERATOR: usize = CONTROL_CONNECTIONS_MAX;
/// Password hashes that the helper thread has: one that it computes, and the next, so that it need
/// not wait for the loop.
pub const HASHES_UNDER_WAY_MAX: usize = 2;

/// Seconds after its first byte in which a frame must be complete.
pub const FRAME_SECONDS_MAX: u64 = 15;
/// Seconds in which a closing connection must take its last bytes.
pub const FLUSH_SECONDS_MAX: u64 = 5;
/// Seconds for which the peer's bytes are discarded after our side is shut down.
pub const LINGER_SECONDS_MAX: u64 = 2;
/// Bytes of the peer that are discarded after our side is shut down.
pub const LINGER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a closing connection that one system call reads and discards.
pub const DISCARD_BYTES: usize = 4_096;
/// Microseconds after which a cursor that moved is on the disk at the latest.
pub const CURSOR_DELAY_MICROS: u64 = 500_000;
/// Microseconds between two looks at the free space on the disk, while requests come in.
pub const DISK_LOOK_MICROS: u64 = 1_000_000;
/// With less free space on the disk, new messages and registrations are refused.
pub const DISK_FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;
/// Microseconds after which accepting is tried again when descriptors have run out.
pub const ACCEPT_RETRY_MICROS: u64 = 100_000;
/// Connections of the operator. They are accepted even if there is no room for others.
pub const CONTROL_CONNECTIONS_MAX: usize = 16;
/// Bytes of the row of one connection in `connections`, in text and data together.
pub const CONNECTION_ROW_BYTES_MAX: usize = 640;
/// Bytes of a row of `audit`, in text and data together. The longest part is a group's name, which
/// stands in both.
pub const AUDIT_ROW_BYTES_MAX: usize = 4 * GROUPNAME_BYTES_MAX;
/// Seconds that a command of the operator waits for the server's answer: the server may have a long
/// write-ahead log to copy first.
pub const OPERATOR_ANSWER_SECONDS_MAX: u64 = 120;
/// Seconds that `doctor` waits for the server's answer: a server that needs longer has a problem.
pub const DOCTOR_ANSWER_SECONDS_MAX: u64 = 5;
/// Connections of monitors. One that has not sent its request is closed for a new one.
pub const METRICS_CONNECTIONS_MAX: usize = 8;
/// Seconds in which a monitor must send its request: it is on this machine.
pub const METRICS_SECONDS_MAX: u64 = 2;
/// Prepared statements that are kept: more than there are, so that none is compiled twice.
pub const STATEMENTS_KEPT: usize = 128;
/// Open files kept for SQLite, the listeners, the poll and the operator's connections.
pub const RESERVED_FILES: u64 = 48;

/// Pages of 4 KiB (2 MiB) at which the write-ahead log is always checkpointed: no tick copies much
/// more.
pub const WAL_PAGES_MAX: u32 = 512;
/// Pages (1 MiB) from which on it is checkpointed when the loop is idle.
pub const WAL_PAGES_IDLE: u32 = 256;
/// Microseconds without any event after which the loop is idle in that sense.
pub const IDLE_CHECKPOINT_MICROS: u64 = 1_000_000;

/// Commits without upkeep after one that found the disk full: requests come first, and there may be
/// space for them.
pub const COMMITS_WITHOUT_UPKEEP: u32 = 64;

/// The longest typed line without its end: the longest message, and the command before it.
pub const LINE_BYTES_MAX: usize = 8 * 1024;
/// Groups whose numbers are remembered for a user who types lines.
pub const LINE_GROUPS_MAX: usize = 10_000;
/// Marks on one letter of a peer's text that a terminal is given. No script needs more, and
/// hundreds of them cover the lines around.
pub const LETTER_MARKS_MAX: usize = 4;
/// Characters of a peer's text that an answer quotes.
pub const EXCERPT_CHARS_MAX: usize = 64;
/// Tags of an emoji flag: those of the longest name of a region, and the last one.
pub const EMOJI_TAGS_MAX: usize = 7;
/// Spaces that a line of an answer may begin with on a terminal: as many as our lists have.
pub const INDENT_SPACES_MAX: usize = 4;

/// Bytes of a PROXY header before its addresses.
pub const PROXY_HEADER_BYTES_MIN: usize = 16;
/// The longest PROXY header: the addresses, and what a proxy may add.
pub const PROXY_HEADER_BYTES_MAX: usize = 2 * 1024;
/// The longest head of an HTTP request.
pub const HTTP_HEAD_BYTES_MAX: usize = 8 * 1024;
/// The headers of an HTTP request.
pub const HTTP_HEADERS_MAX: usize = 64;
/// Bytes of a WebSocket's key in base64: 16 random bytes.
pub const WEBSOCKET_KEY_BYTES: usize = 24;
/// The longest payload of a WebSocket control frame.
pub const WEBSOCKET_CONTROL_BYTES_MAX: usize = 125;
/// The header of a WebSocket message of 126 to 65,535 bytes.
pub const WEBSOCKET_HEADER_BYTES: usize = 4;

/// Seconds for which a backup may stop the checkpoints.
pub const HOLD_SECONDS_MAX: u64 = 600;
/// Pages (1 GiB) of the write-ahead log at which a backup stops the checkpoints no longer.
pub const HOLD_WAL_PAGES_MAX: u32 = 262_144;
/// Pages (64 MiB) above which the file of the write-ahead log is truncated after a checkpoint.
pub const WAL_PAGES_KEPT: u32 = 16_384;

/// Days for which a retry is recognised by its `mid` (P5): no younger message is removed.
pub const KEEP_DAYS_MIN: u32 = 30;
/// Entries whose words one step adds to the index.
pub const INDEX_ROWS: usize = 128;
/// Bytes of the entries in one step; the last entry may exceed it.
pub const INDEX_BYTES_PER_STEP: usize = 16 * 1024;
/// Microseconds between two steps of the index while there is other work.
pub const INDEX_BUSY_MICROS: u64 = 100_000;
/// Microseconds without other work after which the steps follow each other at once.
pub const INDEX_IDLE_MICROS: u64 = 10_000;
/// Different words of one text that are added to the index; the words after them are not found. A
/// text of natural language has fewer: the bound is for the cost of all other texts.
pub const TERMS_PER_TEXT_MAX: usize = 1_024;
/// Bytes of a word in the index. Longer words are compared in the texts.
pub const TERM_BYTES_MAX: usize = 64;
/// The longest query of a search, in bytes.
pub const QUERY_BYTES_MAX: usize = 256;
/// Different phrases of one query: each text is compared with each of them.
pub const SEARCH_PHRASES_MAX: usize = 32;
/// Words of a query that are looked up in the index. The others are compared in the texts that have
/// these.
pub const SEARCH_TERMS_MAX: usize = 3;
/// A reader in fewer groups is searched for by conversation, too, if the words are frequent. The
/// hits of a reader in more groups are filtered out of all hits.
pub const SEARCH_CONVERSATIONS_MAX: usize = 16;
/// Steps of SQLite's virtual machine that one query of the index may take; three read a page.
pub const SEARCH_STEPS_MAX: u32 = 4_096;
/// Such steps between two looks at what is left of them, and at the clock.
pub const SEARCH_STEPS_PER_LOOK: u32 = 8;
/// Rows that a search takes from the index at first, or entries that it compares one by one where
/// the index has too many hits.
pub const SEARCH_ROWS_FIRST: usize = 64;
/// Rows that one search takes from the index in all.
pub const SEARCH_ROWS_MAX: usize = 256;
/// Bytes that one search reads, with the costs below.
pub const SEARCH_BYTES_MAX: usize = 64 * 1024;
/// Bytes that an entry costs beside its own.
pub const SEARCH_BYTES_PER_ROW: usize = 256;
/// Bytes that a look-up of a word in the index costs.
pub const SEARCH_BYTES_PER_TERM: usize = 2_048;
/// Bytes that an entry in the log's tail costs if only its conversation is looked at.
pub const SEARCH_BYTES_PER_PLACE: usize = 4;

/// Sessions that a user has at the same time: another one ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 1;
/// Users who came or went, and friends of them who are told, in one tick.
pub const PRESENCE_PER_TICK: usize = 256;
/// Users who came or went and whose friends are not told yet. For more of them the friends are not
/// told.
pub const PRESENCE_WAITING_MAX: usize = 16_384;
/// Entries of one `ack` that are searched for senders who want receipts.
pub const RECEIPTS_PER_ACK_MAX: usize = 256;
/// Members of the largest group whose receipts are counted one by one.
pub const RECEIPT_MEMBERS_MAX: u64 = 1_000;
/// Readers of one message that are counted.
pub const RECEIPTS_COUNTED_MAX: u64 = 10_000;

/// Readers that one step of retention looks at.
pub const RETENTION_READERS: usize = 1_024;
/// Log entries that one step of retention removes.
pub const RETENTION_ROWS: usize = 256;
/// Microseconds between two steps of retention.
pub const RETENTION_STEP_MICROS: u64 = 20_000;
/// Microseconds after which a step that was not possible is tried again.
pub const RETENTION_RETRY_MICROS: u64 = 1_000_000;
/// Microseconds between two rounds of retention.
pub const RETENTION_PAUSE_MICROS: u64 = 3_600_000_000;

/// Seconds of a day of UTC.
pub const DAY_SECONDS: i64 = 86_400;
/// Seconds after its last use at which a login key ends.
pub const KEY_IDLE_SECONDS: i64 = 7 * DAY_SECONDS;
/// Seconds after the sign-in at which a login key ends.
pub const KEY_AGE_SECONDS: i64 = 30 * DAY_SECONDS;
/// Seconds by which the stored time of a key's last use may be late.
pub const KEY_TOUCH_SECONDS: i64 = 3_600;
/// Acts of administrators that the database keeps: the newest.
pub const AUDIT_ROWS_MAX: i64 = 100_000;
/// Lines of the log that may wait to be written; more are left out.
pub const LOG_LINES_WAITING_MAX: usize = 4_096;
/// Milliseconds for which lines of the log are gathered before they are written together.
pub const LOG_PAUSE_MILLIS: u64 = 20;
/// Seconds that the end of a server waits for lines of its log to be written.
pub const LOG_FLUSH_SECONDS_MAX: u64 = 1;
/// Lines about refused connections in the operator's log, a minute; the others are only counted.
pub const REFUSED_LOGGED_PER_MINUTE: u64 = 60;
/// Rows of the sign-in log kept for one user.
pub const LOGIN_LOG_ROWS: usize = 100;

/// Bytes of the texts that wait for one user. Their number is bounded by `waiting_per_user`.
pub const WAITING_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// Bytes that a notice counts among those that wait for a user: its names, and what is around them.
pub const NOTICE_BYTES: usize = 256;
/// Times an hour that one user may join one group.
pub const JOINS_PER_HOUR: u64 = 10;
/// Unknown users that one user may name in a minute, in any request.
pub const NAME_MISSES_PER_MINUTE: u64 = 60;
/// The daily quota of a user is reserved in so many shares: a restart costs one of them.
pub const QUOTA_SHARES: u64 = 1_024;
/// Users whose quota is kept in memory (2 MiB); if there are more, users are removed in turn.
pub const QUOTA_USERS_KEPT: usize = 16_384;
/// Users that one user may add as friends in a minute: the answer tells whether a name exists.
pub const FRIEND_ADDS_PER_MINUTE: u64 = 60;
/// The longest wait that the sign-in throttle imposes, in seconds.
pub const THROTTLE_SECONDS_MAX: u64 = 900;
/// Seconds after the end of the delay at which wrong passwords are forgotten.
pub const THROTTLE_FORGET_SECONDS: u64 = 86_400;
/// How many times the limit of one address a /24 of IPv4 has; and wrong passwords of one account
/// that are free there.
pub const PREFIX_24_FACTOR: u64 = 16;
/// The same for a /56 of IPv6, where a /64 counts as one address.
pub const PREFIX_56_FACTOR: u64 = 4;
/// The same for a /48 of IPv6.
pub const PREFIX_48_FACTOR: u64 = 16;
/// Wrong passwords of one account at once, from all places where its user never signed in.
pub const ACCOUNT_TRIES_BURST: u64 = 30;
/// Seconds after which one more of these is allowed: 288 a day.
pub const ACCOUNT_TRY_SECONDS: u64 = 300;
/// Wrong invite codes from one address in a minute.
pub const INVITE_MISSES_PER_MINUTE: u64 = 60;
/// Registrations from one address in a minute that may find the name taken.
pub const NAMES_TAKEN_PER_MINUTE: u64 = 60;
/// Rows of each throttle table; when it is full, the older half is removed.
pub const THROTTLE_ROWS_MAX: usize = 65_536;

/// Bytes around a text or a list: a group's name, which JSON may double, and the rest.
const AROUND_BYTES_MAX: usize = 2 * GROUPNAME_BYTES_MAX + 1_024;

const _: () = assert!(MESSAGE_BYTES_MAX * 7 + AROUND_BYTES_MAX < FRAME_PAYLOAD_BYTES_MAX);
const _: () = assert!(LIST_BYTES_MAX + AROUND_BYTES_MAX < FRAME_PAYLOAD_BYTES_MAX);
const _: () = assert!(SEND_LOW_BYTES < SEND_HIGH_BYTES);
const _: () = assert!(SEND_HIGH_BYTES > FRAME_BYTES_MAX);
const _: () = assert!(READ_BYTES_PER_CONN >= FRAME_BYTES_MAX);
const _: () = assert!(NEWCOMER_BYTES_MAX >= INTAKE_BYTES_PER_CONN);
const _: () = assert!(INTAKE_BYTES_MAX - NEWCOMER_BYTES_MAX >= INTAKE_BYTES_PER_CONN);
const _: () = assert!(HANDSHAKE_BYTES_MAX <= RECORD_BYTES_MAX);
const _: () = assert!(WAL_PAGES_IDLE < WAL_PAGES_MAX);
const _: () = assert!(WAL_PAGES_MAX < WAL_PAGES_KEPT && WAL_PAGES_KEPT < HOLD_WAL_PAGES_MAX);

/// Days that our own certificate is valid: browsers accept no longer one.
pub const CERTIFICATE_DAYS: i64 = 397;
/// Names and addresses in our own certificate, if no more of them are lasting.
pub const CERTIFICATE_NAMES_MAX: usize = 64;
/// The longest common name of X.509, in characters.
pub const COMMON_NAME_CHARS_MAX: usize = 64;
/// Seconds by which the clock of a client may be late: it accepts a new certificate all the same.
pub const CERTIFICATE_SLACK_SECONDS: i64 = 3_600;
/// Seconds between two checks whether our own certificate must be renewed.
pub const CERTIFICATE_LOOK_SECONDS: u64 = 86_400;

/// The shortest invite code, in characters: a shorter one could be guessed.
pub const INVITE_CHARS_MIN: usize = 8;
/// Addresses of this machine that a start prints.
pub const ADDRESSES_SHOWN_MAX: usize = 8;
/// Characters of the password that all accounts of the demonstration share.
pub const DEMO_PASSWORD_CHARS: usize = 8;
/// Seconds without a frame after which our clients, the page and the demonstration's bot send a
/// ping, so that `idle_seconds` does not end their sessions.
pub const PING_SECONDS: u64 = 240;
/// The least `idle_seconds` that is not 0: a ping and its way must fit in.
pub const IDLE_SECONDS_MIN: u64 = 300;
const _: () = assert!(PING_SECONDS < IDLE_SECONDS_MIN);

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:literal,)+) => {
        /// What an operator may change with `--limit NAME=VALUE`; 0 means none.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// Every limit: its name, its default and what it bounds.
            pub const TABLE: &[(&str, u64, &str)] =
                &[$((stringify!($name), $default, concat!($($doc),+)),)+];

            /// The limit of that name, to be changed.
            pub fn get_mut(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }
        }
    };
}

limits! {
    /// Requests a second that a user is served; more wait.
    requests_per_second = 20,
    /// Requests that a user may send at once before that rate counts.
    requests_burst = 100,
    /// Messages a second that a user is served; more wait.
    messages_per_second = 10,
    /// Messages that a user may send at once before that rate counts.
    messages_burst = 50,
    /// Messages that wait for one user who is behind.
    waiting_per_user = 10_000,
    /// Messages of one sender that wait for one user who is behind.
    waiting_per_sender = 1_000,
    /// Groups that one user may own.
    groups_owned = 10,
    /// Groups that one user may be in.
    groups_joined = 200,
    /// Friends of one user.
    friends = 1_000,
    /// Members of one group.
    group_members = 10_000,
    /// Times a minute that a user's session may move to another connection.
    takeovers_per_minute = 6,
    /// Connections from one address that have not signed in.
    connections_per_address = 256,
    /// Failed sign-ins a minute from one address.
    signins_per_minute = 30,
    /// Registrations an hour from one address, without an invite code.
    registrations_per_hour = 60,
    /// Seconds that a connection may take to sign in.
    signin_seconds = 180,
    /// Seconds after which a connection ends if its session confirms and sends nothing, or if its
    /// peer takes nothing; 300 or more.
    idle_seconds = 600,
    /// Bytes that a user may have stored in a day of UTC: texts, notices, names of groups.
    stored_bytes_per_day = 67_108_864,
    /// 1: limits by address apply to loopback too.
    loopback = 0,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_in_the_table_can_be_changed() {
        let mut limits = Limits::default();
        for (name, default, what) in Limits::TABLE {
            assert!(!what.is_empty());
            let limit = limits.get_mut(name).expect("the table names a limit");
            assert_eq!(limit, default);
            *limit += 1;
        }
        assert_ne!(limits, Limits::default());
        assert!(limits.get_mut("no_such").is_none());
    }
}

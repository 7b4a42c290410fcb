//! Every bound of the program, with its unit in its name and its reason above it.
//!
//! Two kinds: constants, which the shape of the program depends on, and [`Limits`], which an
//! operator may change with `--limit NAME=VALUE`. A queue, a buffer or a name that is not
//! bounded here is a defect (P20).

/// Bytes of a frame's header: magic, checksum, length.
pub const FRAME_HEADER_BYTES: usize = 12;
/// Bytes that a push has beside its texts, nearly always: its memory is asked for once.
pub const PUSH_OVERHEAD_BYTES: usize = 256;
/// The longest payload of a frame. Checked before anything is allocated.
pub const FRAME_PAYLOAD_BYTES_MAX: usize = 65_536;
/// The longest frame.
pub const FRAME_BYTES_MAX: usize = FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX;

/// The longest message text, in bytes of UTF-8. Escaped as JSON it can grow six times and
/// must still fit a frame.
pub const MESSAGE_BYTES_MAX: usize = 8_000;
/// The longest username, in characters.
pub const USERNAME_CHARS_MAX: usize = 32;
/// The longest group name, in characters that a person sees: a letter with its marks is one, …
pub const GROUPNAME_CHARS_MAX: usize = 64;
/// … and in bytes of UTF-8: enough for so many of any script, and for 40 families of emoji.
pub const GROUPNAME_BYTES_MAX: usize = 1_024;
/// Marks on one letter of a group name; no script needs more, and more hide what stands above.
pub const NAME_MARKS_MAX: usize = 4;
/// The shortest and the longest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// See [`PASSWORD_CHARS_MIN`].
pub const PASSWORD_CHARS_MAX: usize = 128;
/// The longest request id that is a string, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 64;
/// The longest `mid`, in bytes.
pub const MID_BYTES_MAX: usize = 64;
/// Rows of one page of a list.
pub const LIST_ROWS_MAX: usize = 200;
/// Messages in a history reply when no count is asked for.
pub const HISTORY_ROWS_DEFAULT: usize = 20;
/// Bytes of a list's rows, in text and data together, before it is cut and continued with
/// `next`; the rest of a frame is for what stands around them.
pub const LIST_BYTES_MAX: usize = 60 * 1024;

/// Bytes that `read` takes from one connection in a tick: one frame of any legal size fits.
pub const READ_BYTES_PER_CONN: usize = FRAME_BYTES_MAX;
/// Bytes that a connection under TLS may bring in a tick, sealed: two records. A frame of chat
/// needs half of one.
pub const TLS_READ_BYTES_PER_CONN: usize = 2 * RECORD_BYTES_MAX;
/// The longest TLS record, with its header and what sealing adds.
pub const RECORD_BYTES_MAX: usize = 5 + RECORD_PLAIN_BYTES_MAX + 256;
/// The most plaintext that one TLS record holds; the send buffer is sealed by as much at a time.
pub const RECORD_PLAIN_BYTES_MAX: usize = 16_384;
/// Bytes that sealing adds to a record of TLS 1.3: its header, the content's type, the tag.
pub const RECORD_SEAL_BYTES: usize = 5 + 1 + 16;
/// Sealed bytes of one connection that a tick looks at: the record that had begun, and what came.
pub const SEALED_BYTES_PER_CONN: usize = RECORD_BYTES_MAX + TLS_READ_BYTES_PER_CONN;
/// What a connection may have in the intake, and keep of it. A record is opened as a whole, so what
/// came under TLS can reach beyond [`READ_BYTES_PER_CONN`].
pub const INTAKE_BYTES_PER_CONN: usize = READ_BYTES_PER_CONN + SEALED_BYTES_PER_CONN;
/// Bytes that a peer may take to shake hands: ten times what any client needs.
pub const HANDSHAKE_BYTES_MAX: usize = 16 * 1024;
/// Handshakes that a tick computes, at a third of a millisecond each; the others' turn comes in the
/// next ticks, and everybody else is served between them (P21).
pub const HANDSHAKES_PER_TICK: usize = 2;
/// A TLS handshake must be complete this long after its first byte.
pub const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// Frames that `serve` takes from one connection in a tick.
pub const FRAMES_PER_CONN: usize = 64;
/// Newcomers, who have not signed in, of whom a tick takes something: whoever has signed in waits
/// for so many of them and no more, however large the crowd is (P21).
pub const NEWCOMERS_PER_TICK: usize = 16;
/// How long the loop rests before it takes something of the next ones, in microseconds; where the
/// poll counts milliseconds it is one, …
pub const NEWCOMER_REST_MICROS: u64 = 500;
/// … if somebody who has signed in said something in these last microseconds.
pub const TALK_MICROS: u64 = 20_000;
/// Frames that it takes of each: enough to sign in with, and to ask something.
pub const FRAMES_PER_NEWCOMER: usize = 4;
/// Bytes of newcomers that it gathers.
pub const NEWCOMER_BYTES_MAX: usize = 256 * 1024;
/// Connections that the kernel completes before they are accepted: its own maximum on Linux.
pub const ACCEPT_BACKLOG: i32 = 4_096;
/// TCP probes a peer that was silent for so many seconds, …
pub const KEEPALIVE_AFTER_SECONDS: u64 = 60;
/// … again after so many seconds, …
pub const KEEPALIVE_EVERY_SECONDS: u64 = 15;
/// … and ends the connection when so many probes got no answer.
pub const KEEPALIVE_PROBES: u32 = 5;
/// Connections accepted in a tick.
pub const ACCEPTS_PER_TICK: usize = 64;
/// Connections accepted in a tick at the reserved listeners.
pub const RESERVED_ACCEPTS_PER_TICK: usize = 16;
/// Requests served in a tick, those of newcomers apart.
pub const REQUESTS_PER_TICK: usize = 4_096;
/// Time that `serve` may take in a tick before it leaves the rest for the next, in
/// microseconds.
pub const SERVE_MICROS_MAX: u64 = 5_000;
/// What one request may take, in microseconds: what costs more is cut short and answers with
/// `next`.
pub const SLICE_MICROS: u64 = 1_000;
/// One user's requests that can be dear take at most one part in so many of all time, …
pub const TIME_SHARE: u32 = 100;
/// … once they have taken so much at once, in microseconds.
pub const TIME_BURST_MICROS: u64 = 200_000;
/// What one request is charged at most, in microseconds: what takes longer has met a machine that
/// stood still, and nobody is to pay for that.
pub const TIME_CHARGED_MICROS_MAX: u64 = 10_000;
/// What a request may take without being charged, in microseconds: most take less, and how many of
/// those there may be is bounded by the rate of requests.
pub const TIME_FREE_MICROS: u64 = 200;
/// Requests served between two looks at the clock, where none of them can be dear.
pub const REQUESTS_PER_CLOCK_LOOK: usize = 4;
/// Bytes that `read` gathers from all connections in a tick.
pub const INTAKE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Pushes that `deliver` appends in a tick.
pub const PUSHES_PER_TICK: usize = 65_536;
/// Bytes of pushes that `deliver` appends in a tick.
pub const PUSH_BYTES_PER_TICK: usize = 16 * 1024 * 1024;
/// Entries of a reader's own that `deliver` goes past in a tick: they are read and not pushed.
pub const OWN_ENTRIES_PER_TICK: usize = 4_096;
/// Log entries read at once for a reader who is behind, …
pub const PAGE_ROWS: usize = 128;
/// … of at most so many bytes, and one more.
pub const PAGE_BYTES: usize = 64 * 1024;
/// Log entries read, and places looked at for them, in a tick; the page that reaches it is the
/// last. They take some microseconds each, which those who are caught up wait for: eight times as
/// many made the others' p99 ten times what it is in a quiet hour (`growth --only late`).
pub const LOG_READS_PER_TICK: usize = 128;
/// An entry counts once more for each so many bytes of it.
pub const LOG_READ_BYTES: usize = 1024;

/// Places in which one page is looked for: a conversation in a block of the log each. Whoever was
/// away for long goes through the log in several pages.
pub const LOOKS_PER_PAGE: usize = 256;
/// Ended memberships of a reader that one page or one search reads: what lies beyond them in the
/// log is looked at in the next.
/// Few in unit tests, so that a short log has many.
pub const MEMBERSHIPS_PER_PAGE: usize = if cfg!(test) { 2 } else { 128 };
/// Memberships of deleted groups that end with one commit: the first with the deletion, the others
/// with the commits behind it. Each is a row taken from one table and put into another.
/// Few in unit tests, so that small groups are ended by several commits.
pub const MEMBERSHIPS_ENDED_PER_COMMIT: usize = if cfg!(test) { 2 } else { 32 };
/// Ended memberships that cost as much to read as one look into a block of the log.
pub const MEMBERSHIPS_PER_LOOK: usize = 4;
/// Memberships that an upgrade of an earlier version moves in one transaction.
pub const UPGRADED_MEMBERSHIPS_PER_COMMIT: usize = 4_096;
/// Passwords that a migration of the first version wraps in one transaction: a crash loses less
/// than a second of work.
pub const MIGRATED_PASSWORDS_PER_COMMIT: i64 = 16;
/// Entries that are sealed for each one that is appended: more than three, because the three
/// sweeps over a slice must end before the next slice is full.
pub const SEALED_PER_APPENDED: usize = 4;
/// About how many `mid`s of one sender in one slice of the log stand in one row.
/// Few in unit tests, so that a short log has several rows.
pub const MIDS_PER_ROW: usize = if cfg!(test) { 2 } else { 32 };
/// Senders whose greatest `mid` is kept in memory; above it all are looked for again.
pub const GREATEST_MIDS_KEPT: usize = 16_384;
/// The newest blocks of the log, of 1,048,576 messages and 2 MiB of memory each, of which a filter
/// tells whether they have a `mid`.
pub const MID_FILTER_BLOCKS: usize = 4;

/// A connection whose send buffer holds more is neither fed nor served: with the message that goes
/// beyond, and what was sent and is not let go yet, one who does not read costs at most 256 KiB …
pub const SEND_HIGH_BYTES: usize = 192 * 1024;
/// … until it holds less than this again.
pub const SEND_LOW_BYTES: usize = 64 * 1024;
/// Bytes that were sent and still stand at the front of a send buffer: when there are more, the
/// rest is moved to the front. A smaller number costs more copying.
pub const SEND_COMPACT_BYTES: usize = 32 * 1024;
/// All send buffers together; above it a connection is neither fed nor served once it holds
/// anything, so that those who read go on and those who do not cost no more.
pub const SEND_TOTAL_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What the kernel keeps of a connection that was not sent yet: it takes no more, so that nobody
/// who does not read is handed megabytes before they are found to be slow.
pub const KERNEL_UNSENT_BYTES: u32 = 128 * 1024;

/// Who writes to whom, of those who did last, that need not be asked again.
pub const ADDRESSEES_KEPT: usize = 4_096;
/// Memory of send buffers that were sent, kept for the next ones: that of a tick which pushes all
/// it may.
pub const SPARE_BYTES_MAX: usize = PUSH_BYTES_PER_TICK;
/// Larger buffers are not kept: one that was lent to a reader who is slow costs at most this.
pub const SPARE_BUFFER_BYTES_MAX: usize = SEND_LOW_BYTES;
/// Spare memory that was not needed for this long is given back, in microseconds.
pub const SPARE_TRIM_MICROS: u64 = 1_000_000;

/// How much the helper thread stands back behind the loop and other programs.
pub const WORKER_NICENESS: i32 = 10;
/// Where it shares the only core with the loop: how often the scheduler is made to decide anew, in
/// microseconds.
pub const WORKER_BEAT_MICROS: u64 = 250;
/// Memory that is asked for to compute a password hash, in blocks of 1 KiB, though fewer are
/// touched. An allocator keeps up to 32 MiB for later; what is larger goes back to the system at
/// once.
pub const HASH_BLOCKS_MAPPED: usize = 33 * 1024;
/// Password hashes that wait for sign-ins and registrations. At 46 ms each the last of them waits
/// about three seconds.
pub const HASH_QUEUE_MAX: usize = 64;
/// Those of members who change their password: one a member.
pub const HASH_PLACES_MEMBERS: usize = 32;
/// The operator's: each of their connections may wait for one.
pub const HASH_PLACES_OPERATOR: usize = CONTROL_CONNECTIONS_MAX;
/// Password hashes that the helper thread has: the one that it computes, and the next, so that it
/// need not wait for the loop. All others take turns.
pub const HASHES_UNDER_WAY_MAX: usize = 2;

/// A frame must be complete this long after its first byte.
pub const FRAME_SECONDS_MAX: u64 = 15;
/// A closing connection may take this long to take its last bytes.
pub const FLUSH_SECONDS_MAX: u64 = 5;
/// After our side is shut down, the peer's remaining bytes are discarded this long …
pub const LINGER_SECONDS_MAX: u64 = 2;
/// … and this far.
pub const LINGER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a closing connection that are read and discarded with one system call.
pub const DISCARD_BYTES: usize = 4_096;
/// Cursors reach the disk at the latest this long after they moved, in microseconds.
pub const CURSOR_DELAY_MICROS: u64 = 500_000;
/// How often free space on the disk is looked at while requests come in, in microseconds.
pub const DISK_LOOK_MICROS: u64 = 1_000_000;
/// With less free space than this, new messages and registrations are refused.
pub const DISK_FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;
/// Accepting is tried again after this long when descriptors have run out, in microseconds.
pub const ACCEPT_RETRY_MICROS: u64 = 100_000;
/// Connections of the operator's; they have room when the others have none.
pub const CONTROL_CONNECTIONS_MAX: usize = 16;
/// Bytes of the row that `connections` has for one connection, in text and data together.
pub const CONNECTION_ROW_BYTES_MAX: usize = 640;
/// How long a command of the operator waits for the server's answer, in seconds: the server may
/// have a long write-ahead log to copy first.
pub const OPERATOR_ANSWER_SECONDS_MAX: u64 = 120;
/// The same for `doctor`, in seconds: a server that needs longer to tell its figures is not well.
pub const DOCTOR_ANSWER_SECONDS_MAX: u64 = 5;
/// Connections of monitors; one that has not asked gives way to the next one that comes.
pub const METRICS_CONNECTIONS_MAX: usize = 8;
/// A monitor asks so soon after it connected, in seconds: it is on this machine.
pub const METRICS_SECONDS_MAX: u64 = 2;
/// Prepared statements kept: more than there are, so that none is compiled twice.
pub const STATEMENTS_KEPT: usize = 128;
/// Open files kept free for SQLite, the listeners, the poll and the connections inside.
pub const RESERVED_FILES: u64 = 48;

/// The write-ahead log is checkpointed at this size whatever happens (in pages of 4 KiB:
/// 2 MiB), so that no tick copies much more …
pub const WAL_PAGES_MAX: u32 = 512;
/// … and when the loop has nothing to do, from this size on (1 MiB).
pub const WAL_PAGES_IDLE: u32 = 256;
/// How long nothing must have happened for that, in microseconds.
pub const IDLE_CHECKPOINT_MICROS: u64 = 1_000_000;

/// Commits after one that found the disk full that go without upkeep: requests come first, and
/// there may be room for them.
pub const COMMITS_WITHOUT_UPKEEP: u32 = 64;

/// The longest line that is typed, its end not counted: the longest message, and the command
/// before it.
pub const LINE_BYTES_MAX: usize = 8 * 1024;
/// Groups whose numbers are remembered for one who types lines.
pub const LINE_GROUPS_MAX: usize = 10_000;
/// Marks that a letter of a peer's text carries on a terminal: no script needs more, and with
/// hundreds one letter covers the lines around it.
pub const LETTER_MARKS_MAX: usize = 4;
/// Characters of a peer's text that an answer quotes.
pub const EXCERPT_CHARS_MAX: usize = 64;
/// Tags of an emoji flag: those of the longest name of a region, and the one that ends it.
pub const EMOJI_TAGS_MAX: usize = 7;
/// Spaces that a line of an answer may begin with on a terminal: as many as our lists have.
pub const INDENT_SPACES_MAX: usize = 4;

/// Bytes of a PROXY header in front of its addresses.
pub const PROXY_HEADER_BYTES_MIN: usize = 16;
/// The longest header of the PROXY protocol: the addresses, and what a proxy may tell beside them.
pub const PROXY_HEADER_BYTES_MAX: usize = 2 * 1024;
/// The longest head of an HTTP request …
pub const HTTP_HEAD_BYTES_MAX: usize = 8 * 1024;
/// … and its headers.
pub const HTTP_HEADERS_MAX: usize = 64;
/// Bytes of a WebSocket's key in base64: 16 random bytes.
pub const WEBSOCKET_KEY_BYTES: usize = 24;
/// The most that a control frame of WebSocket may hold.
pub const WEBSOCKET_CONTROL_BYTES_MAX: usize = 125;
/// The header of a WebSocket message of 126 to 65,535 bytes.
pub const WEBSOCKET_HEADER_BYTES: usize = 4;

/// For a backup the checkpoints are held at most so long …
pub const HOLD_SECONDS_MAX: u64 = 600;
/// … and at most until the write-ahead log has so many pages (1 GiB).
pub const HOLD_WAL_PAGES_MAX: u32 = 262_144;
/// A write-ahead log that grew so long (64 MiB) is cut short again once it is copied.
pub const WAL_PAGES_KEPT: u32 = 16_384;

/// A retry is known by its `mid` for so many days (P5): nothing younger is removed.
pub const KEEP_DAYS_MIN: u32 = 30;
/// Entries whose words one step takes into the index, …
pub const INDEX_ROWS: usize = 128;
/// … of at most so many bytes, and one more.
pub const INDEX_BYTES_PER_STEP: usize = 16 * 1024;
/// From one such step to the next while there is other work, in microseconds, …
pub const INDEX_BUSY_MICROS: u64 = 100_000;
/// … and how long nothing must have happened for it to count as idle.
pub const INDEX_IDLE_MICROS: u64 = 10_000;
/// Different words of one text that are put into the index; what stands behind them is not found.
/// A text of natural language has fewer: the bound is for what it costs to store anything else.
pub const TERMS_PER_TEXT_MAX: usize = 1_024;
/// Bytes of a word that stand in the index; longer ones are told apart by looking at the text.
pub const TERM_BYTES_MAX: usize = 64;
/// Bytes of what is looked for, …
pub const QUERY_BYTES_MAX: usize = 256;
/// … and different phrases in it: each text that is looked at is gone through for each of them.
pub const SEARCH_PHRASES_MAX: usize = 32;
/// Words that the index is asked for at once: the others are looked for in the texts that have
/// these.
pub const SEARCH_TERMS_MAX: usize = 3;
/// Groups, fewer than which the index is asked for a reader's conversations, too, where the words
/// are frequent. Who is or was in more is shown what is theirs among what is others'.
pub const SEARCH_CONVERSATIONS_MAX: usize = 16;
/// Steps of SQLite's machine that one question to the index may take; three are a page read, …
pub const SEARCH_STEPS_MAX: u32 = 4_096;
/// … and those between two looks at what is left of them, and at the clock.
pub const SEARCH_STEPS_PER_LOOK: u32 = 8;
/// Texts that the index names at first, or that are looked at though it names none, because it was
/// asked for too much; …
pub const SEARCH_ROWS_FIRST: usize = 64;
/// … and if it is asked for the reader's conversations, too.
pub const SEARCH_ROWS_MAX: usize = 256;
/// Bytes of all that one search looks at, …
pub const SEARCH_BYTES_MAX: usize = 64 * 1024;
/// … where an entry counts as so many more, …
pub const SEARCH_BYTES_PER_ROW: usize = 256;
/// … a term that the index is asked for as so many, …
pub const SEARCH_BYTES_PER_TERM: usize = 2_048;
/// … and a place in the log's tail, where it is only looked whose it is, as so many.
pub const SEARCH_BYTES_PER_PLACE: usize = 4;

/// Friends of users who came or went who are told in one tick, and those users.
pub const PRESENCE_PER_TICK: usize = 256;
/// Users who came or went and whose friends are not told yet: one more is not told.
pub const PRESENCE_WAITING_MAX: usize = 16_384;
/// Entries that one `ack` looks through for senders who want to know.
pub const RECEIPTS_PER_ACK_MAX: usize = 256;
/// Members up to whom a group's receipts are counted one by one.
pub const RECEIPT_MEMBERS_MAX: u64 = 1_000;
/// More readers of one message than that are not counted.
pub const RECEIPTS_COUNTED_MAX: u64 = 10_000;

/// Readers that one step of retention looks at …
pub const RETENTION_READERS: usize = 1_024;
/// … or log entries that it removes.
pub const RETENTION_ROWS: usize = 256;
/// From one step of retention to the next, in microseconds, …
pub const RETENTION_STEP_MICROS: u64 = 20_000;
/// … when it cannot go on now, …
pub const RETENTION_RETRY_MICROS: u64 = 1_000_000;
/// … and from one round to the next.
pub const RETENTION_PAUSE_MICROS: u64 = 3_600_000_000;

/// Seconds of a day of UTC.
pub const DAY_SECONDS: i64 = 86_400;
/// A login key that was not used for this long is worth nothing …
pub const KEY_IDLE_SECONDS: i64 = 7 * DAY_SECONDS;
/// … and neither is one this old.
pub const KEY_AGE_SECONDS: i64 = 30 * DAY_SECONDS;
/// How exactly it is known when a key was last used.
pub const KEY_TOUCH_SECONDS: i64 = 3_600;
/// Rows of the sign-in log kept for one user.
pub const LOGIN_LOG_ROWS: usize = 100;

/// Bytes of texts that wait for one user; the rows are `waiting_per_user`.
pub const WAITING_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// What a notice to one user counts among the bytes that wait for them: its names, and what
/// stands around them.
pub const NOTICE_BYTES: usize = 256;
/// Times an hour that one user may come into one group.
pub const JOINS_PER_HOUR: u64 = 10;
/// Users who do not exist that one user may name in a minute, in whatever request.
pub const NAME_MISSES_PER_MINUTE: u64 = 60;
/// What a user may have stored a day is reserved in so many shares: a restart costs one of them.
pub const QUOTA_SHARES: u64 = 1_024;
/// Users whose use of it is kept in memory (2 MiB); above it each makes room in turn.
pub const QUOTA_USERS_KEPT: usize = 16_384;
/// Friends that one user may ask for in a minute: the answer tells whether a name exists.
pub const FRIEND_ADDS_PER_MINUTE: u64 = 60;
/// The longest wait that the sign-in throttle imposes, in seconds.
pub const THROTTLE_SECONDS_MAX: u64 = 900;
/// Wrong passwords are forgotten when none was tried for so many seconds behind their wait.
pub const THROTTLE_FORGET_SECONDS: u64 = 86_400;
/// How many times what one address may do all of a /24 of IPv4 may do; and how many wrong passwords
/// of one account are free there: …
pub const PREFIX_24_FACTOR: u64 = 16;
/// … all of a /56 of IPv6, where a /64 counts as one address, …
pub const PREFIX_56_FACTOR: u64 = 4;
/// … and all of a /48.
pub const PREFIX_48_FACTOR: u64 = 16;
/// Wrong passwords of one account, from wherever nobody signed in to it before, that its bucket
/// holds …
pub const ACCOUNT_TRIES_BURST: u64 = 30;
/// … and the seconds in which one more is allowed: 288 a day.
pub const ACCOUNT_TRY_SECONDS: u64 = 300;
/// Wrong invite codes from one address in a minute.
pub const INVITE_MISSES_PER_MINUTE: u64 = 60;
/// Names that one address may find taken in a minute, asking to register.
pub const NAMES_TAKEN_PER_MINUTE: u64 = 60;
/// Entries of each throttle table; the oldest half is dropped when it is full.
pub const THROTTLE_ROWS_MAX: usize = 65_536;

/// What stands around a text or a list: a group's name, which JSON may double, and the rest.
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

/// Days that our own certificate is valid: browsers take no longer one.
pub const CERTIFICATE_DAYS: i64 = 397;
/// Names and addresses in our own certificate, if no more of them last.
pub const CERTIFICATE_NAMES_MAX: usize = 64;
/// The longest common name of X.509, in characters.
pub const COMMON_NAME_CHARS_MAX: usize = 64;
/// A client whose clock is so many seconds behind ours accepts a new certificate all the same.
pub const CERTIFICATE_SLACK_SECONDS: i64 = 3_600;
/// How often a server that runs looks whether its own certificate is to be renewed, in seconds.
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

//! How the address at the other end of a connection is known.

/// Whose address a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The peer's own.
    Direct,
    /// That of a proxy, which has not told the address of its client yet.
    Proxy,
    /// That of a proxy, which told that it speaks for itself.
    Itself,
    /// That of a proxy's client, told by a PROXY header in front of its bytes.
    Header,
    /// That of a proxy's client, told by `X-Forwarded-For`.
    Forwarded,
}

impl Via {
    /// Whether the connection counts among those of its address. A proxy has those of many
    /// clients.
    pub fn is_counted(self) -> bool {
        !matches!(self, Via::Proxy | Via::Itself)
    }
}

//! How it is known who is at the other end of a connection.

/// Whose address a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The peer's own.
    Direct,
    /// That of a proxy, which has not told yet for whom it speaks.
    Proxy,
    /// That of a proxy, which speaks for itself.
    Itself,
    /// A proxy told it in front of the peer's bytes.
    Header,
    /// A proxy told it with a request over HTTP.
    Forwarded,
}

impl Via {
    /// Whether the connection is one of those of its address. A proxy's are those of many.
    pub fn is_counted(self) -> bool {
        !matches!(self, Via::Proxy | Via::Itself)
    }
}

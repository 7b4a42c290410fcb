//! What a browser is told that is not served.

texts! {
    /// Why a request over HTTP is refused, for the person at the browser.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum PageRefusal {
        HostNotOurs { host: String } =>
            "This server was asked for as \"{host}\", which is not one of its names. If it is, \
             start it with --host {host}; or ask for it by its address.",
            "浏览器以“{host}”访问本服务器，但这不是它的名称。如确为其名称，请以 --host {host} \
             启动服务器；也可直接用 IP 地址访问。";
        /// There is no name, or several, or what is no name.
        BadHost =>
            "The request names no server: exactly one Host is needed.", "请求未正确指明服务器：须有且仅有一个 Host。";
        OriginNotOurs { origin: String, host: String } =>
            "A page from {origin} may not speak to the server at {host}: only its own page may. \
             Behind a proxy, let it pass on the browser's Host, and start the server with --proxy \
             and the proxy's address.",
            "来自 {origin} 的页面不能连接 {host} 上的服务器，只有服务器自己的页面可以。\
             如经由代理访问，请让代理转发浏览器的 Host，并以 --proxy 加代理的地址启动服务器。";
    }
}

//! Somebody who registers while the world goes on, and is a client like any other once they have.

use serde_json::{Map, json};

use super::client::Client;
use super::scene::Scene;
use super::stream::Ask;
use crate::support::pipe_net::PeerId;
use crate::support::test_server::PASSWORD;

/// A person without an account.
#[derive(Debug)]
pub struct Newcomer {
    name: String,
    peer: Option<PeerId>,
}

impl Newcomer {
    /// Somebody who wants that name.
    pub fn new(name: &str) -> Newcomer {
        Newcomer { name: name.to_owned(), peer: None }
    }

    /// The server is no more.
    pub fn lost(&mut self) {
        self.peer = None;
    }

    /// Asks for an account, again and again.
    pub fn act(&mut self, scene: &mut Scene) {
        self.leave(scene);
        let peer = scene.connect(&self.name);
        self.peer = Some(peer);
        let args = Map::from_iter([
            ("username".to_owned(), json!(self.name)),
            ("password".to_owned(), json!(PASSWORD)),
        ]);
        scene.ask(peer, "reg", None, args, Ask::Change(format!("reg {}", self.name)));
        scene.push_out(peer, usize::MAX);
    }

    /// Leaves.
    pub fn leave(&mut self, scene: &mut Scene) {
        if let Some(peer) = self.peer.take() {
            scene.leave(peer);
            scene.net.cut(peer);
        }
    }

    /// The client of the account, if there is one by now.
    pub fn settle(&mut self, scene: &mut Scene) -> Option<Client> {
        let id = scene.ledger.id(&self.name)?;
        self.leave(scene);
        Some(Client::new(id, &self.name, false, true))
    }
}

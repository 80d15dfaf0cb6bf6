//! What the tests ask of a guardian, and the measurements don't.

use std::process::Command;

use lnd_pair::Node;
use serde_json::Value;

use crate::bench::{Bench, Running, said, until};

impl Bench {
    /// The lines of a drill, and its exit code.
    pub(crate) fn drill(&self) -> (Option<i32>, Value) {
        let key = self.path("key.txt");
        let key = key.to_str().unwrap();
        let output = self
            .command(&["drill", "--json", "--identity", key])
            .output();
        let output = output.unwrap();
        let said = said(&output);
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
        (output.status.code(), answer)
    }

    /// Guards `node` into two folders, by a guardian that has made the first copies; how many channels
    /// they have.
    pub(crate) async fn following(node: &Node) -> (Self, Running, usize) {
        let bench = Self::of(node).await;
        let guardian = bench.run();
        until("the first copies", async || bench.everywhere().is_some()).await;
        let channels = bench.everywhere().unwrap();
        (bench, guardian, channels)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// What `place` suffers from.
    pub(crate) fn fault(&self, place: &str) -> Option<String> {
        let status = self.status();
        let fault = status.destinations[place].fault.as_ref();
        fault.map(|fault| fault.why.clone())
    }
}

impl Running {
    pub(crate) fn kill9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to end; its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
        self.0.wait().unwrap().code()
    }
}

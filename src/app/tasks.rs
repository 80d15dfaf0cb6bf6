//! What has to run as long as the server does.

use std::{collections::HashMap, future::Future};

use anyhow::{Result, anyhow};
use tokio::task::{Id, JoinError, JoinSet};

/// Tasks that end when the server is told to stop, and not before.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// `name` completes the sentence "… ended on its own".
    pub fn begin(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until one of them ends, and says which and how. Forever where there is none.
    pub async fn first_end(&mut self) -> anyhow::Error {
        match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => anyhow!("{} ended on its own", self.name(id)),
            Some(Err(error)) => self.fault(&error),
            None => std::future::pending().await,
        }
    }

    /// Waits until all have ended.
    pub async fn all_end(&mut self) -> Result<()> {
        while let Some(ended) = self.running.join_next_with_id().await {
            if let Err(error) = ended {
                return Err(self.fault(&error));
            }
        }
        Ok(())
    }

    fn fault(&self, error: &JoinError) -> anyhow::Error {
        anyhow!("{} ended with a fault: {error}", self.name(error.id()))
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("a task")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whatever_ends_early_is_named() {
        let mut tasks = Tasks::default();
        tasks.begin("waiting", std::future::pending());
        tasks.begin("counting", async {});
        let early = tasks.first_end().await.to_string();
        assert_eq!(early, "counting ended on its own");
        tasks.begin("dividing", async { panic!("by zero") });
        let early = tasks.first_end().await.to_string();
        assert!(early.starts_with("dividing ended with a fault"), "{early}");
    }

    #[tokio::test]
    async fn all_are_waited_for() {
        let mut tasks = Tasks::default();
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        tasks.begin("listening", async { assert!(told.await.is_ok()) });
        tasks.begin("telling", async { assert!(tell.send(()).is_ok()) });
        assert!(tasks.all_end().await.is_ok());
    }
}

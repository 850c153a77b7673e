//! Ctrl-C and SIGTERM. The first asks to end in order, the second ends at once; the remote scan is never touched.

use std::cell::Cell;

use tokio::sync::watch;

use crate::exit::Exit;

/// The signals of this program run.
#[derive(Debug)]
pub struct Interrupt {
    count: watch::Sender<Vec<Exit>>,
    listening: Cell<bool>,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self { count: watch::Sender::new(Vec::new()), listening: Cell::new(false) }
    }
}

impl Interrupt {
    /// Starts to listen. From here on a signal no longer ends the program by itself.
    pub fn listen(&self) {
        if !self.listening.replace(true) {
            tokio::spawn(collect(self.count.clone()));
        }
    }

    /// The code of the first signal, once there is one.
    pub async fn first(&self) -> Exit {
        self.nth(1).await
    }

    /// The code of the second signal, once there is one.
    pub async fn second(&self) -> Exit {
        self.nth(2).await
    }

    /// The code of the first signal, if one has come.
    pub fn received(&self) -> Option<Exit> {
        self.count.borrow().first().copied()
    }

    async fn nth(&self, nth: usize) -> Exit {
        let mut changes = self.count.subscribe();
        match changes.wait_for(|signals| signals.len() >= nth).await {
            Ok(signals) => signals[nth - 1],
            Err(_never_closed) => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
fn collect(count: watch::Sender<Vec<Exit>>) -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    // Now, and not when it is first polled: what comes before that counts too.
    let sources = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = sources else { return };
        loop {
            let exit = tokio::select! {
                Some(()) = interrupt.recv() => Exit::Interrupted,
                Some(()) = terminate.recv() => Exit::Terminated,
                else => return,
            };
            count.send_modify(|signals| signals.push(exit));
        }
    }
}

#[cfg(not(unix))]
async fn collect(count: watch::Sender<Vec<Exit>>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        count.send_modify(|signals| signals.push(Exit::Interrupted));
    }
}

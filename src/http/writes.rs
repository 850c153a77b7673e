//! Changing requests: how many are under way, whose, and whether new ones may begin.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::retry::Repeat;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Changing requests of the whole program run, those apart that serve nothing by themselves: how many are under way,
/// whose, and whether new ones may begin.
#[derive(Debug, Default)]
pub struct Writes {
    /// The task of each that is under way.
    in_flight: RefCell<Vec<Task>>,
    /// The task that is being worked on.
    current: Cell<Task>,
    last: Cell<u64>,
    closed: Cell<Option<Exit>>,
}

/// A piece of work whose changing requests can be told from those of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Task(u64);

impl Writes {
    /// How many are under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.borrow().len()
    }

    /// Whether one of this task is under way.
    pub fn is_in_flight(&self, task: Task) -> bool {
        self.in_flight.borrow().contains(&task)
    }

    /// A new task.
    pub fn task(&self) -> Task {
        self.last.set(self.last.get() + 1);
        Task(self.last.get())
    }

    /// Does a piece of work as this task.
    pub async fn within<T>(&self, task: Task, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            let outer = self.current.replace(task);
            let polled = work.as_mut().poll(context);
            self.current.set(outer);
            polled
        })
        .await
    }

    /// After a signal no changing request begins any more, also not a repeated one.
    pub fn close(&self, signal: Exit) {
        self.closed.set(Some(signal));
    }

    pub(super) fn check(&self, repeat: Repeat) -> Result<()> {
        match self.closed.get() {
            Some(signal) if repeat != Repeat::Safe => Err(Error::new(signal, "interrupted; nothing was sent")),
            _ => Ok(()),
        }
    }

    pub(super) fn enter(self: &Rc<Self>) -> InFlight {
        let task = self.current.get();
        self.in_flight.borrow_mut().push(task);
        InFlight(Rc::clone(self), task)
    }
}

/// One that is under way, until this is dropped.
pub(super) struct InFlight(Rc<Writes>, Task);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut in_flight = self.0.in_flight.borrow_mut();
        if let Some(at) = in_flight.iter().position(|task| *task == self.1) {
            in_flight.swap_remove(at);
        }
    }
}

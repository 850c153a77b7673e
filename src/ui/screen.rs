//! The terminal as the live display sees it.
//!
//! The library leaves the cursor at the right edge, where the `^C` that a terminal echoes goes on to the next line: what
//! clears the display then clears the wrong line, and the last one stays on the screen. Here the cursor stays behind the
//! text, with room for the echo.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressDrawTarget, TermLike};

/// How many times a second it is drawn at most.
const RATE: u8 = 20;
/// The room for `^C`.
const ECHO: u16 = 2;

/// A live display on stderr.
pub(super) fn target() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(Screen::default()), RATE)
}

/// What is drawn, until it is whole.
#[derive(Debug, Default)]
struct Screen(Mutex<String>);

impl Screen {
    fn put(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }

    fn go(&self, count: usize, way: char) -> io::Result<()> {
        // None would be taken for one.
        if count > 0 {
            let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let _infallible = write!(drawn, "\u{1b}[{count}{way}");
        }
        Ok(())
    }
}

fn size() -> Option<(terminal_size::Width, terminal_size::Height)> {
    terminal_size::terminal_size_of(io::stderr())
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        size().map_or(80, |(width, _)| width.0).saturating_sub(ECHO).max(1)
    }

    fn height(&self) -> u16 {
        size().map_or(24, |(_, height)| height.0)
    }

    fn move_cursor_up(&self, count: usize) -> io::Result<()> {
        self.go(count, 'A')
    }

    fn move_cursor_down(&self, count: usize) -> io::Result<()> {
        self.go(count, 'B')
    }

    fn move_cursor_right(&self, count: usize) -> io::Result<()> {
        self.go(count, 'C')
    }

    fn move_cursor_left(&self, count: usize) -> io::Result<()> {
        self.go(count, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(text)?;
        self.put("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        // What fills the line up to its edge.
        let is_filler = text.bytes().all(|byte| byte == b' ');
        if is_filler { Ok(()) } else { self.put(text) }
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let drawn = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut stderr = io::stderr().lock();
        stderr.write_all(drawn.as_bytes())?;
        stderr.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_behind_the_text() {
        let screen = Screen::default();
        screen.clear_line().unwrap();
        screen.move_cursor_up(0).unwrap();
        screen.move_cursor_up(2).unwrap();
        screen.write_str("io/219  loading").unwrap();
        screen.write_str("     ").unwrap();
        assert_eq!(*screen.0.lock().unwrap(), "\r\u{1b}[2K\u{1b}[2Aio/219  loading");
    }
}

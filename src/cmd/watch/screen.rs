//! A terminal that is drawn on as a whole, and is given back as it was: on the way out, however that is, and before a panic
//! says what it has to say.

use std::io::{self, BufWriter, Stdout, Write as _, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{panic, thread};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use tokio::sync::mpsc;

use crate::probe::Moment;
use crate::render::dashboard::{Dashboard, Key};

/// A screenful with all its escape sequences is written at once.
const FRAME: usize = 64 * 1024;
/// Keys that are pressed faster than they are looked at.
const EVENTS: usize = 64;

/// Whether the terminal has to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Something that happened at the terminal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Key(Key),
    /// Columns and lines.
    Resize((u16, u16)),
    /// Somebody else has written on it.
    Redraw,
}

/// The terminal.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal. An error: there is none that can be used like this, and nothing has changed.
    pub(super) fn open(color: bool) -> io::Result<Self> {
        // A serial line does not know its size, and nothing would be seen on none.
        if matches!(size()?, (0, _) | (_, 0)) {
            return Err(io::Error::other("the terminal has no size"));
        }
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        Self::enter(color).inspect_err(|_| give_back())
    }

    fn enter(color: bool) -> io::Result<Self> {
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        // What --color and NO_COLOR come to is decided elsewhere.
        force_color_output(color);
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(FRAME, stdout())))?;
        give_back_before_panics();
        Ok(Self { terminal })
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws what has changed since the last time.
    pub(super) fn draw(&mut self, board: &Dashboard, now: Moment) -> io::Result<()> {
        self.terminal.draw(|frame| board.draw(now, frame)).map(|_| ())
    }

    /// Draws all of it the next time.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// What happens at the terminal from now on. It ends when the terminal cannot be read any more.
    #[expect(clippy::unused_self, reason = "only a terminal that was taken has them")]
    pub(super) fn events(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(EVENTS);
        // A read cannot be called off; the thread ends with the process, or with the terminal.
        thread::spawn(move || {
            while let Ok(event) = event::read() {
                if meaning(&event).is_some_and(|event| sender.blocking_send(event).is_err()) {
                    break;
                }
            }
        });
        receiver
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // What a failed frame has left behind belongs on this screen, not on the one before.
        drop(self.terminal.backend_mut().flush());
        give_back();
    }
}

/// Makes the terminal what it was. There is nobody to tell when that fails.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        drop(execute!(stdout(), LeaveAlternateScreen, Show));
        drop(disable_raw_mode());
    }
}

/// A panic of the thread that draws ends the dashboard, and what it says is to be read.
fn give_back_before_panics() {
    let drawing = thread::current().id();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == drawing {
            give_back();
        }
        before(info);
    }));
}

fn meaning(event: &event::Event) -> Option<Event> {
    match event {
        event::Event::Key(key) if key.kind != KeyEventKind::Release => Some(key_meaning(*key)),
        event::Event::Resize(columns, lines) => Some(Event::Resize((*columns, *lines))),
        _ => None,
    }
}

fn key_meaning(key: KeyEvent) -> Event {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Event::Key(match key.code {
        KeyCode::Char('l') if control => return Event::Redraw,
        KeyCode::Char('c') if control => Key::Interrupt,
        KeyCode::Char(_) if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Key::Other,
        KeyCode::Char('q') => Key::Quit,
        KeyCode::Char('p') => Key::Pause,
        KeyCode::Char('r') => Key::Measure,
        KeyCode::Char('?') => Key::Help,
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::First,
        KeyCode::End => Key::Last,
        _ => Key::Other,
    })
}

/// Signals that end a program, after which the terminal would be left as it is. Ctrl-C is none while keys are read, and a
/// SIGINT of somebody else is every command's affair.
#[cfg(unix)]
pub(super) struct Termination {
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Termination {
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { terminate: signal(SignalKind::terminate())?, hangup: signal(SignalKind::hangup())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
pub(super) struct Termination;

#[cfg(not(unix))]
impl Termination {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "elsewhere it has the streams of signals")]
    pub(super) async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_footer_says() {
        let key = |code, modifiers| match meaning(&event::Event::Key(KeyEvent::new(code, modifiers))) {
            Some(Event::Key(key)) => key,
            other => panic!("{other:?}"),
        };
        let plain = |code| key(code, KeyModifiers::NONE);
        assert_eq!(plain(KeyCode::Char('q')), Key::Quit);
        assert_eq!(plain(KeyCode::Char('?')), Key::Help);
        assert_eq!(key(KeyCode::Char('?'), KeyModifiers::SHIFT), Key::Help);
        assert_eq!(plain(KeyCode::Char('j')), Key::Down);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Key::Interrupt);
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::ALT), Key::Other);
        assert_eq!(plain(KeyCode::F(1)), Key::Other);
        let redraw = KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL);
        assert!(matches!(meaning(&event::Event::Key(redraw)), Some(Event::Redraw)));
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert!(meaning(&event::Event::Key(released)).is_none(), "once is enough");
        assert!(matches!(meaning(&event::Event::Resize(0, 0)), Some(Event::Resize((0, 0)))));
    }
}

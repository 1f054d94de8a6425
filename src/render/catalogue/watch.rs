use std::time::Duration;

/// What a language has to say on the dashboard of `--watch` that a report does not say.
pub(in crate::render) trait WatchWords {
    /// A word, or a short sentence.
    fn watch_word(&self, word: WatchWord) -> &'static str;
    /// A run is under way: regions that have answered, and how many there are.
    fn measuring(&self, answered: usize, of: usize) -> String;
    /// The next run begins in so long.
    fn next_run(&self, wait: Duration) -> String;
    /// Too early for another run, which may begin in so long.
    fn too_early(&self, wait: Duration) -> String;
    /// Which regions are shown, of how many, and over how many runs they were watched.
    fn regions_shown(&self, first: usize, last: usize, of: usize) -> String;
    /// How often is measured, and from how long after the last run on it may be asked for.
    fn how_often(&self, every: Duration, again: Duration) -> String;
}

/// Words of the dashboard that stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) enum WatchWord {
    /// Over the pane of changes.
    Changes,
    /// Before the first change.
    NoChange,
    /// Before the first report.
    FirstRun,
    /// No further run begins by itself.
    Paused,
    // Keys, in a word or two.
    Quit,
    Pause,
    Resume,
    Measure,
    Scroll,
    Help,
    Back,
    // The help's lines on keys.
    QuitHelp,
    PauseHelp,
    MeasureHelp,
    ScrollHelp,
    PageHelp,
    HelpHelp,
    // The help's lines on what is shown.
    HistoryHelp,
    LossHelp,
    UnknownHelp,
    ChangesHelp,
}

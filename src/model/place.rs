/// A place in a text, as people find it in an editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// File, URL, or `<stdin>`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line it is in; `None` where no line can be shown.
    pub excerpt: Option<Excerpt>,
}

/// A line of a text around a place in it. Long lines are cut, and characters that would steer a terminal replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// What is left of the line, a few hundred characters at most.
    pub text: String,
    /// Characters of `text` before the place.
    pub before: usize,
    /// Characters of the place, at least 1; the place may be just behind the end of the line.
    pub marked: usize,
    /// Whether the line begins before `text`.
    pub cut_before: bool,
    /// Whether it goes on after `text`.
    pub cut_after: bool,
}

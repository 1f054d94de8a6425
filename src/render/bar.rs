//! A bar of block characters, in eighths of a cell.

use std::time::Duration;

/// `value` against `most`, in `cells` character cells. Anything measured shows at least an eighth.
pub(super) fn bar(value: Duration, most: Duration, cells: u32) -> String {
    const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let whole = u128::from(cells) * 8;
    let eighths = match most.as_nanos() {
        0 => 1,
        most => (value.as_nanos().saturating_mul(whole) / most).clamp(1, whole),
    };
    let full = usize::try_from(eighths / 8).unwrap_or(0);
    let rest = usize::try_from(eighths % 8).unwrap_or(0);
    let mut text = "█".repeat(full);
    text.extend(rest.checked_sub(1).and_then(|index| EIGHTHS.get(index)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_scale() {
        let millis = Duration::from_millis;
        assert_eq!(bar(millis(100), millis(100), 4), "████");
        assert_eq!(bar(millis(50), millis(100), 4), "██");
        assert_eq!(bar(millis(55), millis(100), 4), "██▏");
        assert_eq!(bar(millis(1), millis(1000), 4), "▏");
        assert_eq!(bar(millis(9), millis(1), 4), "████");
        assert_eq!(bar(millis(0), millis(0), 4), "▏");
    }
}

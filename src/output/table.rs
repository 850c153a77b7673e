//! Rows as a table for people and as CSV for spreadsheets.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table};

use super::rows::{Row, Tone};
use crate::ui::{clean, has_power};

/// A table that fits `width`, or is as wide as it must where there is none. Empty rows give nothing.
pub fn table<R: Row>(rows: &[R], width: Option<u16>, color: bool) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if color {
        table.enforce_styling().style_text_only();
    } else {
        table.force_no_tty();
    }
    let cells: Vec<Vec<(String, Tone)>> = rows.iter().map(Row::cells).collect();
    let used = columns::<R>(&cells, width);
    table.set_header(used.iter().map(|column| {
        let cell = Cell::new(R::HEADERS[*column]);
        if color { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    for row in &cells {
        table.add_row(used.iter().map(|column| {
            let (text, tone) = &row[*column];
            let text = if text.is_empty() { "-".to_owned() } else { clean(text) };
            let cell = Cell::new(text);
            match tone {
                _ if !color => cell,
                Tone::Plain => cell,
                Tone::Good => cell.fg(Color::Green),
                Tone::Busy => cell.fg(Color::Cyan),
                Tone::Odd => cell.fg(Color::Yellow),
                Tone::Bad => cell.fg(Color::Red),
            }
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    // An address is there to be copied, so it is never broken.
    if let Some(address) = table.column_mut(0) {
        address.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The columns to show. One in which nothing is known only takes room; where the rest is too wide, spare ones go.
fn columns<R: Row>(cells: &[Vec<(String, Tone)>], width: Option<u16>) -> Vec<usize> {
    // A text that long is wrapped rather than counted.
    const LONGEST: usize = 24;
    let content = |column: usize| cells.iter().map(|row| row[column].0.chars().count()).max().unwrap_or_default();
    let mut used: Vec<usize> = (0..R::HEADERS.len()).filter(|column| content(*column) > 0).collect();
    let Some(width) = width.map(usize::from) else { return used };
    let wide = |column: usize| {
        let longest = if column == 0 { usize::MAX } else { LONGEST };
        content(column).min(longest).max(R::HEADERS[column].len()) + 2
    };
    for spare in R::SPARE {
        if used.iter().map(|column| wide(*column)).sum::<usize>() <= width + 2 {
            break;
        }
        used.retain(|column| R::HEADERS[*column] != *spare);
    }
    used
}

/// Rows as CSV with a header line, always the same columns.
pub fn csv<R: Row>(rows: &[R]) -> String {
    let header: Vec<&str> = R::HEADERS.to_vec();
    let mut text =
        header.iter().map(|name| quote(&name.to_lowercase().replace(' ', "_"))).collect::<Vec<_>>().join(",");
    text.push_str("\r\n");
    for row in rows {
        let line: Vec<String> = row.cells().iter().map(|(cell, _)| quote(cell)).collect();
        text.push_str(&line.join(","));
        text.push_str("\r\n");
    }
    text
}

/// One CSV cell. What a spreadsheet would run as a formula is made text by an apostrophe.
pub fn quote(text: &str) -> String {
    // What steers a terminal or reorders what is read means nothing to a spreadsheet; line breaks and tabs stay.
    let harmless = |symbol: char| match symbol {
        '\n' | '\t' => symbol,
        symbol if has_power(symbol) => '\u{fffd}',
        symbol => symbol,
    };
    let text: String = text.chars().map(harmless).collect();
    let runs = text.trim_start().starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    let text = if runs { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn cells_are_quoted_and_cannot_run() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1),2", "\"'@SUM(A1),2\""),
            ("-3.5", "-3.5"),
            ("-cmd", "'-cmd"),
            (" =1+1", "' =1+1"),
            ("a\u{1b}[2J", "a\u{fffd}[2J"),
        ] {
            assert_eq!(quote(text), expected);
        }
    }
}

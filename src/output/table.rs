//! Rows as a table for people and as CSV for spreadsheets.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table};

use super::rows::{Row, Tone};
use super::safe;
use crate::text::clean;

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
    let mut bytes = Vec::new();
    line(&mut bytes, R::HEADERS.iter().map(|name| name.to_lowercase().replace(' ', "_")));
    for row in rows {
        line(&mut bytes, row.cells().into_iter().map(|(cell, _)| cell));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn line(out: &mut Vec<u8>, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        safe::cell(&cell, |bytes| out.extend_from_slice(bytes));
    }
    out.extend_from_slice(b"\r\n");
}

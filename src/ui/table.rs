//! A table for people: columns as wide as they need to be, two spaces apart.

use super::{Manner, Paint};

/// Rows of painted cells under a header.
#[derive(Debug)]
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<(String, Option<Paint>)>>,
}

impl Table {
    /// An empty table with these columns.
    #[must_use]
    pub fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as there are columns.
    pub fn row(&mut self, cells: Vec<(String, Option<Paint>)>) {
        self.rows.push(cells);
    }

    /// The lines of the table, each with its line end.
    #[must_use]
    pub fn render(&self, manner: Manner) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| text.chars().count());
            cells.chain([self.header.get(column).map_or(0, |title| title.len())]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let header = self.header.iter().map(|title| ((*title).to_owned(), Some(Paint::Faint))).collect();
        let lines = std::iter::once(&header).chain(&self.rows).map(|row| line(row, &widths, manner));
        lines.collect()
    }
}

fn line(row: &[(String, Option<Paint>)], widths: &[usize], manner: Manner) -> String {
    let last = row.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or(0);
    let mut line = String::new();
    for (column, ((text, paint), width)) in row.iter().zip(widths).enumerate().take(last + 1) {
        line += &paint.map_or_else(|| text.clone(), |paint| manner.paint(paint, text));
        if column < last {
            line += &" ".repeat(width.saturating_sub(text.chars().count()) + 2);
        }
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_where_their_text_does() {
        let mut table = Table::new(&["PROFILE", "STATE", ""]);
        table.row(vec![("prod".into(), None), ("fresh".into(), Some(Paint::Good)), (String::new(), None)]);
        table.row(vec![("staging-long".into(), None), ("x".into(), None), ("why".into(), None)]);
        assert_eq!(table.render(Manner::plain()), "PROFILE       STATE\nprod          fresh\nstaging-long  x      why\n");
    }
}

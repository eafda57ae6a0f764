//! Figures of several rounds, and the tables that show them.

use std::collections::BTreeMap;
use std::fmt;

/// What was measured, by row and column: one value for each round.
#[derive(Default)]
pub(super) struct Figures(BTreeMap<(String, String), Vec<f64>>);

impl Figures {
    pub(super) fn add(&mut self, row: &str, column: &str, value: f64) {
        self.0.entry((row.to_owned(), column.to_owned())).or_default().push(value);
    }

    pub(super) fn median(&self, row: &str, column: &str) -> Option<f64> {
        let mut values = self.0.get(&(row.to_owned(), column.to_owned()))?.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        Some(match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        })
    }

    /// The median, and where the rounds differ the least and the most, or `-` when there is none.
    fn cell(&self, row: &str, column: &str) -> String {
        let Some(median) = self.median(row, column) else { return "-".to_owned() };
        let values = &self.0[&(row.to_owned(), column.to_owned())];
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [median, least, most] = [median, least, most].map(show);
        match least == most {
            true => median,
            false => format!("{median} ({least} to {most})"),
        }
    }

    /// One line for each row, one column for each of these.
    pub(super) fn table(&self, what: &str, columns: &[&str], rows: &[&str]) -> Table {
        let mut table = Table::new(&[&[what], columns].concat());
        for &row in rows {
            let cells = columns.iter().map(|column| self.cell(row, column));
            table.row([row.to_owned()].into_iter().chain(cells));
        }
        table
    }
}

/// A table of the book: the first line is its head.
pub(super) struct Table(Vec<Vec<String>>);

impl Table {
    pub(super) fn new(head: &[&str]) -> Table {
        Table(vec![head.iter().map(|&cell| cell.to_owned()).collect()])
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item: Into<String>>) {
        self.0.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let longest = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(longest).collect();
        for (number, row) in self.0.iter().enumerate() {
            for (cell, &width) in row.iter().zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                for &width in &widths {
                    write!(f, "|{:-<1$}", "", width + 2)?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// A number with three digits that count, and its thousands apart, as in 1,000,000.
pub(super) fn show(value: f64) -> String {
    let decimals = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut shown = String::new();
    for (number, digit) in whole.chars().enumerate() {
        if number > 0 && (whole.len() - number).is_multiple_of(3) && !shown.ends_with('-') {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_the_median_with_the_least_and_the_most() {
        let mut figures = Figures::default();
        assert_eq!(figures.cell("row", "Rust"), "-");
        for (value, cell) in [
            (1000.0, "1,000"),
            (3.25, "502 (3.25 to 1,000)"),
            (-123_456.0, "3.25 (-123,456 to 1,000)"),
        ] {
            figures.add("row", "Rust", value);
            assert_eq!(figures.cell("row", "Rust"), cell);
        }
    }

    #[test]
    fn a_table_stands_in_columns_and_is_one_of_the_book() {
        let mut figures = Figures::default();
        figures.add("start", "C", 12345.0);
        assert_eq!(
            figures.table("what", &["C", "Python"], &["start", "end"]).to_string(),
            "| what  | C      | Python |\n\
             |-------|--------|--------|\n\
             | start | 12,345 | -      |\n\
             | end   | -      | -      |\n"
        );
    }
}
